"""One target on its way through a rollout: which of its hooks are still to run, and its switch there and back."""

from dataclasses import dataclass

from cryptography import x509

from renewd.config.targets import Target
from renewd.install.installer import Version
from renewd.journal import Attempt, State
from renewd.journal.attempt import PUTTING_BACK
from renewd.renewal import events, inspection
from renewd.renewal.context import Context
from renewd.renewal.outcome import Ready

STAGES = ("pre", "check", "reload", "confirm", "post")
GOING_BACK = "going_back"  # in an attempt's snapshot: after which stage its old files go back, and why
INTERRUPTED = frozenset({State.ACTIVATE_INTENT, State.ACTIVE})  # left in the middle, maybe after the switch


@dataclass(slots=True)
class Member:
    """One target on its way through a rollout."""

    ready: Ready
    attempt: Attempt
    leaf: x509.Certificate
    previous: Version | None = None  # the one to go back to, None if there is none

    @property
    def target(self) -> Target:
        """The target."""
        return self.ready.target

    def owes(self, stage: str) -> bool:
        """Whether this stage is still to run: all of them on a first try, from the first owed one on a later one."""
        owed = [STAGES.index(hook) for hook in self.ready.owed if hook in STAGES]
        return not owed or STAGES.index(stage) >= min(owed)


def switch(context: Context, member: Member) -> None:
    """Put the member's version in place, between two journal writes. Raises InstallFailed."""
    journal, installer, target, version = (
        context.journal,
        context.installer,
        member.target,
        member.ready.version,
    )
    if installer.current(target) == version:
        if member.attempt.state in INTERRUPTED:
            member.previous = _known(context, target, installer.previous(target))
        member.attempt = journal.move(member.attempt, State.ACTIVE, "install.live_already")
        return
    if member.attempt.kind != "rollback":
        inspection.refuse_earlier(context, target, version, member.leaf)
    inspection.before_switch(context, target)
    member.attempt = journal.move(member.attempt, State.ACTIVATE_INTENT, "install.switching", version=version)
    member.previous = _known(context, target, installer.switch(target, version))
    previous = None if member.previous is None else member.previous.id
    member.attempt = journal.move(member.attempt, State.ACTIVE, "install.switched", previous=previous)
    if member.attempt.kind != "rollback":
        installer.unpin(target)
    context.emit(
        events.Installed(name=target.name, version=version, not_after=member.leaf.not_valid_after_utc)
    )


def _known(context: Context, target: Target, version: str | None) -> Version | None:
    """A version that one can go back to; a placeholder is none, and neither is what was revoked."""
    stored = context.installer.version(target, version)
    unfit = stored is None or stored.placeholder or stored.serial in context.here.revoked
    return None if unfit else stored


def switch_back(context: Context, member: Member, after: str, why: str) -> bool:
    """Put the member's old version in place again, as the stage `after` failed. False if there is none.

    Raises InstallFailed.
    """
    if member.previous is None:
        return False
    journal, snapshot = context.journal, {**member.attempt.snapshot, GOING_BACK: {"after": after, "why": why}}
    member.attempt = journal.move(
        member.attempt, member.attempt.state, PUTTING_BACK, after=after, why=why, snapshot=snapshot
    )
    context.installer.switch(member.target, member.previous.id)
    member.attempt = journal.move(member.attempt, State.ROLLED_BACK, "install.put_back", why=why)
    context.emit(events.PutBack(name=member.target.name, version=member.previous.id, why=why))
    return True


def going_back(context: Context, item: Ready, leaf: x509.Certificate) -> tuple[Member, str, str] | None:
    """The member whose way back was interrupted, after which stage, and why; None if it was not on its way back.

    After a failed check a server loaded nothing: the rollout is done again from its start.
    """
    found = item.attempt.snapshot.get(GOING_BACK)
    if (
        found is None
        or found["after"] == "check"
        or item.attempt.state not in (State.ACTIVE, State.ROLLED_BACK)
    ):
        return None
    member = Member(item, item.attempt, leaf)
    if context.installer.current(item.target) == item.version:
        member.previous = _known(context, item.target, context.installer.previous(item.target))
    return member, found["after"], found["why"]
