"""The group of one rollout: who is in it, the commands that are run for it, and how one of it leaves."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from renewd.config.targets import HookCommand, Target
from renewd.errors import Fenced, HookFailed, TargetError
from renewd.hooks import command as hooks
from renewd.hooks.variables import Told, variables
from renewd.renewal import events
from renewd.renewal.context import Context
from renewd.renewal.member import Member
from renewd.renewal.outcome import Outcome, Result
from renewd.renewal.settling import Settling


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


@contextmanager
def held(rollout: Rollout, target: Target) -> Iterator[None]:
    """A target that another renewd has taken over by now leaves the rollout, and no other one with it."""
    try:
        yield
    except Fenced as error:
        rollout.members = [member for member in rollout.members if member.target is not target]
        if all(outcome.target is not target for outcome in rollout.outcomes):
            rollout.outcomes.append(Outcome(target, Result.HELD, str(error)))


def note(rollout: Rollout, members: Sequence[Member], event: str, **facts: object) -> list[Member]:
    """Journal a step of each of these; those that are still ours."""
    ours = []
    for member in members:
        with held(rollout, member.target):
            rollout.context.journal.note(member.attempt, event, **facts)
            ours.append(member)
    return ours


def settle(
    rollout: Rollout, member: Member, how: Callable[[Member, TargetError], Outcome], error: TargetError
) -> None:
    """The member leaves the rollout with the outcome that `how` makes of the error."""
    with held(rollout, member.target):
        rollout.outcomes.append(how(member, error))
        rollout.members.remove(member)


def run_shared(rollout: Rollout, hook: str, members: Sequence[Member]) -> None:
    """Run the group's check or reload once for these members. Raises HookFailed."""
    if members and rollout.context.loaded.line is not None:
        from renewd.renewal import handover

        handover.back(rollout, members)
    elif members:
        commands = members[0].target.hooks
        run(rollout, hook, commands.check if hook == "check" else commands.reload, members)


def run(rollout: Rollout, hook: str, commands: Sequence[HookCommand], members: Sequence[Member]) -> None:
    """Run these commands once for these members. Raises HookFailed."""
    context = rollout.context
    names = tuple(member.target.name for member in members)
    name = names[0] if len(names) == 1 else ""
    told = variables([_told(context, member) for member in members])
    for command in commands:
        members = note(rollout, members, f"{hook}.running", command=command.line)
        if not members:
            return
        ran = hooks.run(command, told, stop=context.stop)
        if not ran.ok and context.stop.is_set():
            raise Leaving
        if not ran.ok:
            context.emit(
                events.HookFailed(
                    name=name, hook=hook, command=command.line, why=ran.why, output=ran.output, names=names
                )
            )
            note(rollout, members, f"{hook}.failed", why=ran.why, output=ran.output)
            raise HookFailed(
                _said(command, ran),
                hook=hook,
                output=ran.output,
                remedy=f"mend it, then: renewd deploy {names[0]}",
            )
        context.emit(
            events.HookRan(name=name, hook=hook, command=command.line, seconds=ran.seconds, names=names)
        )
        note(rollout, members, f"{hook}.ran", command=command.line, seconds=round(ran.seconds, 3))


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
