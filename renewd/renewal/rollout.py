"""Rollout: accepted versions go live, all that share check and reload together.

pre → switch → check → reload → confirm → post. What fails on the way is put back where there is something
to go back to, and owed; see putback.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509

from renewd import confirm
from renewd.certs.facts import show_serial
from renewd.config.targets import HookCommand, Target
from renewd.confirm import Verdict
from renewd.errors import HookFailed, NotServed, TargetError
from renewd.hooks import command as hooks
from renewd.hooks.variables import Told, variables
from renewd.journal import Attempt, State
from renewd.renewal import events, threads
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome, Ready
from renewd.renewal.settling import Settling

STAGES = ("pre", "check", "reload", "confirm", "post")
PROBES_AT_ONCE = 8  # TLS handshakes side by side after one reload


@dataclass(slots=True)
class Member:
    """One target on its way through a rollout."""

    ready: Ready
    attempt: Attempt
    leaf: x509.Certificate
    previous: str | None  # the version to go back to, None if there is none
    previous_left: timedelta  # what that one has left, zero if there is none

    @property
    def target(self) -> Target:
        """The target."""
        return self.ready.target

    def owes(self, stage: str) -> bool:
        """Whether this stage is still to run: all of them on a first try, from the first owed one on a later one."""
        owed = self.ready.owed
        return not owed or STAGES.index(stage) >= min(STAGES.index(hook) for hook in owed)


@dataclass(slots=True)
class Rollout:
    """One group at one time. `outcomes` fills as targets settle; who is in `members` goes on."""

    context: Context
    members: list[Member] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def settling(self) -> Settling:
        """How targets leave the rollout: journal, event, outcome."""
        return Settling(self.context)


def deploy(context: Context, group: Sequence[Ready]) -> list[Outcome]:
    """One outcome for each of `group`, whose targets share check and reload. Never raises a TargetError."""
    rollout = Rollout(context)
    for item in group:
        _enter(rollout, item)
    for stage in (_check, _reload, _confirm, _post):
        if rollout.members:
            stage(rollout)
    for member in rollout.members:
        rollout.outcomes.append(rollout.settling.done(member))
    return rollout.outcomes


def _enter(rollout: Rollout, item: Ready) -> None:
    """Run the target's `pre` hooks and switch it; a failure here touches nobody else."""
    context, installer = rollout.context, rollout.context.installer
    try:
        leaf = installer.load(item.target, item.version).leaf
        left = timedelta()
        before = context.live_leaf(item.target)
        if before is not None:
            left = before.not_valid_after_utc - context.clock.now()
        member = Member(item, item.attempt, leaf, None, left)
        if member.owes("pre"):
            _run(rollout, "pre", item.target.hooks.pre, [member])
        switch(context, member)
    except TargetError as error:
        rollout.outcomes.append(rollout.settling.failed(item, error))
        return
    rollout.members.append(member)


def switch(context: Context, member: Member) -> None:
    """Put the member's version in place, between two journal writes. Raises InstallFailed."""
    journal, version = context.journal, member.ready.version
    if context.installer.current(member.target) == version:
        member.attempt = journal.move(member.attempt, State.ACTIVE, "install.live_already")
        return
    member.attempt = journal.move(member.attempt, State.ACTIVATE_INTENT, "install.switching", version=version)
    before = context.installer.switch(member.target, version)
    stored = {known.id: known for known in context.installer.versions(member.target)}
    if before in stored and not stored[before].placeholder:  # a placeholder is nothing to go back to
        member.previous = before
    member.attempt = journal.move(member.attempt, State.ACTIVE, "install.switched", previous=member.previous)
    context.emit(
        events.Installed(name=member.target.name, version=version, not_after=member.leaf.not_valid_after_utc)
    )


def switch_back(context: Context, member: Member, why: str) -> bool:
    """Put the member's old version in place again. False if there is none."""
    if member.previous is None:
        return False
    context.installer.switch(member.target, member.previous)
    member.attempt = context.journal.move(member.attempt, State.ROLLED_BACK, "install.put_back", why=why)
    context.emit(events.PutBack(name=member.target.name, version=member.previous, why=why))
    return True


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
    wrong: list[tuple[Member, TargetError]] = []
    for member, verdict in zip(members, verdicts, strict=True):
        at = member.target.entry.confirm.connect if member.target.entry.confirm else ""
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
    if members:
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
