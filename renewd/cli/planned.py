"""renew --dry-run: what a pass would do now, from the disk alone."""

from collections.abc import Sequence

from renewd.cli import names, output, work
from renewd.clock import SystemClock
from renewd.config import load
from renewd.renewal import survey


def show(path: str, chosen: Sequence[str], *, force: bool, as_json: bool) -> int:
    """Print it; 0, or 1 if this machine lacks something that a target needs."""
    loaded = load.load(path)
    now, here = SystemClock().now(), survey.Here.informed(loaded)
    targets, held = work.able(loaded, names.chosen(loaded, chosen))
    looks = [survey.look(target, here, now) for target in targets]
    due = [look for look in looks if force or look.decision.due]
    if as_json:
        rows = [
            {"name": look.target.name, "reason": look.decision.reason, "commands": _commands(look)}
            for look in due
        ]
        output.document({"would_renew": rows, "held": [{"name": o.target.name, "why": o.why} for o in held]})
        return work.code(held)
    for look in due:
        print(f"{look.target.name}: would be renewed by {look.target.issuer}: {look.decision.reason}")
        for line in _commands(look):
            print(f"  then {line}")
    for outcome in held:
        print(f"{outcome.target.name}: held: {outcome.why}")
    print(f"{len(looks)} looked at, {len(due)} would be renewed. Nothing was called and nothing was changed.")
    return work.code(held)


def _commands(look: survey.Look) -> list[str]:
    hooks = look.target.hooks
    return [command.line for command in (*hooks.pre, *hooks.check, *hooks.reload, *hooks.post)]
