"""Rollout: accepted versions go live, all that share check and reload together.

pre → switch → check → reload → confirm → post. What fails on the way is put back where there is something
to go back to, and owed; see putback.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from renewd import confirm
from renewd.certs.facts import show_serial
from renewd.config.targets import HookCommand
from renewd.confirm import Verdict
from renewd.errors import Fenced, HookFailed, NotServed, TargetError
from renewd.hooks import command as hooks
from renewd.hooks.variables import Told, variables
from renewd.renewal import events, threads
from renewd.renewal.context import Context
from renewd.renewal.member import Member, going_back, switch
from renewd.renewal.outcome import STOPPED, Outcome, Ready, Result
from renewd.renewal.settling import Settling

PROBES_AT_ONCE = 8  # TLS handshakes side by side after one reload


@dataclass(slots=True)
class Rollout:
    """One group at one time. `outcomes` fills as targets settle; who is in `members` goes on."""

    context: Context
    members: list[Member] = field(default_factory=list)
    back: list[tuple[Member, str, str]] = field(default_factory=list)  # on their way back already
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def settling(self) -> Settling:
        """How targets leave the rollout: journal, event, outcome."""
        return Settling(self.context)


class Leaving(Exception):
    """renewd was asked to stop in the middle: nothing is wrong with any certificate, and nothing is put back for it."""


def deploy(context: Context, group: Sequence[Ready]) -> list[Outcome]:
    """One outcome for each of `group`, whose targets share check and reload.

    Where renewd is asked to stop the attempts stay under way as they are: the next start goes on with them.
    """
    rollout = Rollout(context)
    try:
        for item in group:
            _enter(rollout, item)
        _go_on_back(rollout)
        for stage in (
            (_check, _reload, _confirm, _post) if context.loaded.line is None else (_hand_over, _confirm)
        ):
            if rollout.members:
                stage(rollout)
    except Leaving:
        settled = {outcome.target.identity for outcome in rollout.outcomes}
        left = [item.target for item in group if item.target.identity not in settled]
        return rollout.outcomes + [Outcome(target, Result.PARKED, STOPPED) for target in left]
    for member in rollout.members:
        rollout.outcomes.append(rollout.settling.done(member))
    return rollout.outcomes


def _enter(rollout: Rollout, item: Ready) -> None:
    """Run the target's `pre` hooks and switch it; a failure here touches nobody else."""
    context, member = rollout.context, None
    if context.stop.is_set():
        raise Leaving
    try:
        leaf = context.installer.load(item.target, item.version).leaf
        back = going_back(context, item, leaf)
        if back is not None:
            rollout.back.append(back)
            return
        member = Member(item, item.attempt, leaf)
        if member.owes("pre") and context.loaded.line is None:
            _run(rollout, "pre", item.target.hooks.pre, [member])
        switch(context, member)
    except Fenced as error:
        rollout.outcomes.append(Outcome(item.target, Result.HELD, str(error)))
    except TargetError as error:
        attempt = item.attempt if member is None else member.attempt
        rollout.outcomes.append(rollout.settling.failed(item.target, attempt, error))
    else:
        rollout.members.append(member)


def _go_on_back(rollout: Rollout) -> None:
    from renewd.renewal import putback

    putback.complete(rollout, rollout.back)


def _hand_over(rollout: Rollout) -> None:
    from renewd.renewal import handover

    handover.stage(rollout)


def _check(rollout: Rollout) -> None:
    from renewd.renewal import putback

    members = [member for member in rollout.members if member.owes("check")]
    try:
        run_shared(rollout, "check", members)
    except HookFailed as error:
        putback.after_check(rollout, members, error)


def _reload(rollout: Rollout) -> None:
    from renewd.renewal import putback

    members = [member for member in rollout.members if member.owes("reload")]
    try:
        run_shared(rollout, "reload", members)
    except HookFailed as error:
        putback.after_reload(rollout, [(member, error) for member in members])


def _confirm(rollout: Rollout) -> None:
    from renewd.renewal import putback

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
            rollout.context.journal.note(member.attempt, "confirm.served", at=at, serial=verdict.serial)
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
            _run(rollout, "post", member.target.hooks.post, [member])
        except HookFailed as error:
            settle(rollout, member, rollout.settling.owed, error)


def settle(
    rollout: Rollout, member: Member, how: Callable[[Member, TargetError], Outcome], error: TargetError
) -> None:
    """The member leaves the rollout with the outcome that `how` makes of the error."""
    rollout.members.remove(member)
    rollout.outcomes.append(how(member, error))


def run_shared(rollout: Rollout, hook: str, members: Sequence[Member]) -> None:
    """Run the group's check or reload once for these members. Raises HookFailed."""
    if members and rollout.context.loaded.line is not None:
        from renewd.renewal import handover

        handover.back(rollout, members)
    elif members:
        commands = members[0].target.hooks
        _run(rollout, hook, commands.check if hook == "check" else commands.reload, members)


def _run(rollout: Rollout, hook: str, commands: Sequence[HookCommand], members: Sequence[Member]) -> None:
    context = rollout.context
    names = tuple(member.target.name for member in members)
    name = names[0] if len(names) == 1 else ""
    told = variables([_told(context, member) for member in members])
    for command in commands:
        for member in members:
            context.journal.note(member.attempt, f"{hook}.running", command=command.line)
        ran = hooks.run(command, told, stop=context.stop)
        if not ran.ok and context.stop.is_set():
            raise Leaving
        if not ran.ok:
            context.emit(
                events.HookFailed(
                    name=name, hook=hook, command=command.line, why=ran.why, output=ran.output, names=names
                )
            )
            for member in members:
                context.journal.note(member.attempt, f"{hook}.failed", why=ran.why, output=ran.output)
            raise HookFailed(
                _said(command, ran),
                hook=hook,
                output=ran.output,
                remedy=f"mend it, then: renewd deploy {names[0]}",
            )
        context.emit(
            events.HookRan(name=name, hook=hook, command=command.line, seconds=ran.seconds, names=names)
        )
        for member in members:
            context.journal.note(
                member.attempt, f"{hook}.ran", command=command.line, seconds=round(ran.seconds, 3)
            )


def _said(command: HookCommand, ran: hooks.Ran) -> str:
    last = ran.output.strip().splitlines()[-1:] if ran.output.strip() else []
    return f"`{command.line}` {ran.why}" + "".join(f": {line.strip()}" for line in last)


def _told(context: Context, member: Member) -> Told:
    directory, files = context.installer.told(member.target)
    return Told(
        name=member.target.name,
        domains=member.target.domains,
        serial=member.leaf.serial_number,
        not_after=member.leaf.not_valid_after_utc,
        directory=directory,
        files=files,
    )
