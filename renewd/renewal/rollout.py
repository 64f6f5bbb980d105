"""Rollout: accepted versions go live, all that share check and reload together.

pre → switch → check → reload → confirm → post. What fails on the way is put back where there is something
to go back to, and owed; see putback.py. Who takes part, and how one leaves: group.py.
"""

from collections.abc import Sequence

from renewd import confirm
from renewd.certs.facts import show_serial
from renewd.confirm import Verdict
from renewd.errors import Fenced, HookFailed, NotServed, TargetError
from renewd.renewal import events, handover, putback, threads
from renewd.renewal.context import Context
from renewd.renewal.group import Leaving, Rollout, held, note, run, run_shared, settle
from renewd.renewal.member import Member, going_back, switch
from renewd.renewal.outcome import STOPPED, Outcome, Ready, Result

PROBES_AT_ONCE = 8  # TLS handshakes side by side after one reload


def deploy(context: Context, group: Sequence[Ready]) -> list[Outcome]:
    """One outcome for each of `group`, whose targets share check and reload.

    Where renewd is asked to stop the attempts stay under way as they are: the next start goes on with them.
    """
    rollout = Rollout(context)
    try:
        for item in group:
            _enter(rollout, item)
        putback.complete(rollout, rollout.back)
        for stage in (
            (_check, _reload, _confirm, _post) if context.loaded.line is None else (handover.stage, _confirm)
        ):
            if rollout.members:
                stage(rollout)
    except Leaving:
        settled = {outcome.target.identity for outcome in rollout.outcomes}
        left = [item.target for item in group if item.target.identity not in settled]
        return rollout.outcomes + [Outcome(target, Result.PARKED, STOPPED) for target in left]
    for member in rollout.members:
        with held(rollout, member.target):
            rollout.outcomes.append(rollout.settling.done(member))
    return rollout.outcomes


def _enter(rollout: Rollout, item: Ready) -> None:
    """Run the target's `pre` hooks and switch it; a failure here touches nobody else."""
    if rollout.context.stop.is_set():
        raise Leaving
    with held(rollout, item.target):
        _switch(rollout, item)


def _switch(rollout: Rollout, item: Ready) -> None:
    context, member = rollout.context, None
    try:
        leaf = context.installer.load(item.target, item.version).leaf
        back = going_back(context, item, leaf)
        if back is not None:
            rollout.back.append(back)
            return
        member = Member(item, item.attempt, leaf)
        if member.owes("pre") and context.loaded.line is None:
            run(rollout, "pre", item.target.hooks.pre, [member])
        switch(context, member)
    except Fenced:
        raise
    except TargetError as error:
        attempt = item.attempt if member is None else member.attempt
        rollout.outcomes.append(rollout.settling.failed(item.target, attempt, error))
    else:
        rollout.members.append(member)


def _check(rollout: Rollout) -> None:
    members = [member for member in rollout.members if member.owes("check")]
    try:
        run_shared(rollout, "check", members)
    except HookFailed as error:
        putback.after_check(rollout, members, error)


def _reload(rollout: Rollout) -> None:
    members = [member for member in rollout.members if member.owes("reload")]
    try:
        run_shared(rollout, "reload", members)
    except HookFailed as error:
        putback.after_reload(rollout, [(member, error) for member in members])


def _confirm(rollout: Rollout) -> None:
    members = [m for m in rollout.members if m.owes("confirm") and m.target.entry.confirm is not None]
    verdicts = threads.each(members, lambda member: probe(rollout.context, member), PROBES_AT_ONCE)
    if rollout.context.stop.is_set() and not all(verdict.ok for verdict in verdicts):
        raise Leaving
    wrong: list[tuple[Member, TargetError]] = []
    for member, verdict in zip(members, verdicts, strict=True):
        at = ", ".join(member.target.entry.confirm.connect) if member.target.entry.confirm else ""
        if verdict.ok:
            rollout.context.emit(
                events.Served(name=member.target.name, at=at, serial=show_serial(member.leaf.serial_number))
            )
            note(rollout, [member], "confirm.served", at=at, serial=verdict.serial)
        else:
            rollout.context.emit(events.NotServed(name=member.target.name, at=at, why=verdict.why))
            wrong.append(
                (
                    member,
                    NotServed(
                        f"{at}: {verdict.why}", remedy="look at what listens there; then: renewd deploy"
                    ),
                )
            )
    if wrong:
        putback.after_reload(rollout, wrong)


def probe(context: Context, member: Member) -> Verdict:
    """What is served where the target says it should be."""
    settings = member.target.entry.confirm
    if settings is None:
        raise AssertionError(f"{member.target.name} has no `confirm`")
    name = settings.server_name or member.target.domains[0]
    return confirm.confirm(settings, name, member.leaf, context.clock, context.stop)


def _post(rollout: Rollout) -> None:
    for member in list(rollout.members):
        try:
            run(rollout, "post", member.target.hooks.post, [member])
        except HookFailed as error:
            settle(rollout, member, rollout.settling.owed, error)
