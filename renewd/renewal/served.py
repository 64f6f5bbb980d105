"""What is served for each target, looked at with every pass: a server that was never reloaded, an old certificate elsewhere."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime

from renewd import confirm
from renewd.clock import aware
from renewd.config.targets import Target
from renewd.confirm import Verdict
from renewd.errors import RenewdError
from renewd.journal.attempt import Step
from renewd.renewal import notes
from renewd.renewal.context import Context

FILE = "served.json"
EVENT = "served.looked"  # of the step that a look is shown as
ONCE_MORE = (
    2.0  # seconds until a look that found another certificate is made again: a reload may be under way
)


def look(context: Context, target: Target) -> Verdict | None:
    """What is served now; None where nobody said where, nothing is live, or renewd is leaving. Never raises."""
    try:
        return _look(context, target)
    except Exception as error:  # noqa: BLE001 - whatever a server shows, the others are looked at
        why = str(error) if isinstance(error, RenewdError) else f"unexpected {type(error).__name__}: {error}"
        return Verdict(False, f"it cannot be looked at: {why}", None, context.clock.now())


def _look(context: Context, target: Target) -> Verdict | None:
    settings, leaf = target.entry.confirm, context.live_leaf(target)
    if settings is None or leaf is None:
        return None
    name = settings.server_name or target.domains[0]
    verdict = confirm.look(settings, name, leaf, context.clock)
    if verdict.ok:
        return verdict
    if context.clock.wait(context.stop, ONCE_MORE):
        return None
    return confirm.look(settings, name, context.live_leaf(target) or leaf, context.clock)


def read(state_directory: str) -> dict[str, Step]:
    """The newest look at each target, by identity: `serial` and `not_after` are of what was seen, `why` is empty if it is the right one."""
    found = {}
    for identity, row in notes.read(state_directory, FILE).items():
        with suppress(KeyError, TypeError, ValueError):
            end = row.get("not_after")
            end = None if end is None else datetime.fromisoformat(end).isoformat()
            facts = {"serial": row["serial"], "why": str(row["why"]), "not_after": end}
            found[identity] = Step(aware(row["at"]), EVENT, facts)
    return found


def keep(state_directory: str, found: Mapping[str, Verdict], watched: Collection[str]) -> None:
    """Remember these looks."""
    rows = {
        identity: {
            "at": verdict.at.isoformat(),
            "serial": verdict.serial,
            "why": verdict.why,
            "not_after": verdict.not_after and verdict.not_after.isoformat(),
        }
        for identity, verdict in found.items()
    }
    notes.keep(state_directory, FILE, rows, watched)
