"""When a rollout goes wrong: the old files go back, the culprit is found, and the rest goes on."""

from collections.abc import Sequence

from renewd.errors import HookFailed, InstallFailed, NotServed, TargetError
from renewd.renewal import debts
from renewd.renewal.group import Rollout, held, note, run_shared, settle
from renewd.renewal.member import Member, switch, switch_back


def after_check(rollout: Rollout, members: Sequence[Member], error: HookFailed) -> None:
    """All old files go back; if the check passes with them, each is tried alone, so that only the culprit stays out."""
    back = [member for member in members if goes_back(rollout, member, error, "check")]
    if not back:
        return
    if _passes(rollout, back) is not None:
        for member in back:
            _wait(rollout, member, error)
    elif len(back) == 1:
        settle(rollout, back[0], rollout.settling.put_back, error)
    else:
        for member in back:
            _alone(rollout, member)


def after_reload(rollout: Rollout, failed: Sequence[tuple[Member, TargetError]]) -> None:
    """The old files go back where they have a day left, and the server is made to load them."""
    back = []
    for member, error in failed:
        if not debts.lasts(member.previous, rollout.context.clock.now()) or _kept(rollout, member, error):
            settle(rollout, member, rollout.settling.owed, error)
        elif goes_back(rollout, member, error, error.stage):
            back.append((member, error))
    if back:
        _load_old(rollout, back)


def complete(rollout: Rollout, interrupted: Sequence[tuple[Member, str, str]]) -> None:
    """End the ways back that an earlier process began: the old files live, and loaded by the server."""
    back: list[tuple[Member, TargetError]] = []
    for member, after, why in interrupted:
        rollout.members.append(member)
        error = HookFailed(why, hook=after) if after == "reload" else NotServed(why)
        if member.previous is None or goes_back(rollout, member, error, after):
            back.append((member, error))
    if back:
        _load_old(rollout, back)


def _load_old(rollout: Rollout, back: list[tuple[Member, TargetError]]) -> None:
    try:
        run_shared(rollout, "reload", [member for member, _ in back])
    except HookFailed as again:
        back = [(member, again) for member, _ in back]
    for member, error in back:
        settle(rollout, member, rollout.settling.put_back, error)


def goes_back(rollout: Rollout, member: Member, error: TargetError, after: str) -> bool:
    """Whether the old files are live again. If not, as after a first install, the new ones stay and the rest is owed."""
    with held(rollout, member.target):
        try:
            if switch_back(rollout.context, member, after, str(error)):
                return True
        except InstallFailed as problem:
            error = problem
        settle(rollout, member, rollout.settling.owed, error)
    return False


def _kept(rollout: Rollout, member: Member, error: TargetError) -> bool:
    """Whether the new files stay, as they went back once within a day; what fails is tried on.

    Twice is no accident, they passed the gate and the check, and a server is not to be sent to and fro.
    """
    context = rollout.context
    since = context.clock.now() - debts.ONE_ROLLBACK_IN
    steps = context.journal.put_back(member.target.identity, since)
    if member.attempt.kind == "rollback" or not debts.went_back(steps):
        return False
    if note(rollout, [member], "install.kept", why=str(error)):
        context.emit(debts.Kept(name=member.target.name, version=member.ready.version, why=str(error)))
    return True


def _wait(rollout: Rollout, member: Member, error: HookFailed) -> None:
    """The check fails with the old files too, so no certificate is at fault: the new one waits while the old one lasts."""
    if debts.lasts(member.previous, rollout.context.clock.now()):
        settle(rollout, member, rollout.settling.put_back, error)
        return
    if _forward(rollout, member):
        settle(rollout, member, rollout.settling.owed, error)


def _alone(rollout: Rollout, member: Member) -> None:
    if not _forward(rollout, member):
        return
    wrong = _passes(rollout, [member])
    if wrong is not None and goes_back(rollout, member, wrong, "check"):
        settle(rollout, member, rollout.settling.put_back, wrong)


def _forward(rollout: Rollout, member: Member) -> bool:
    """Whether the new files are live again; if not, the old ones stay."""
    with held(rollout, member.target):
        try:
            switch(rollout.context, member)
        except InstallFailed as error:
            settle(rollout, member, rollout.settling.put_back, error)
        else:
            return True
    return False


def _passes(rollout: Rollout, members: Sequence[Member]) -> HookFailed | None:
    """None if the check passes with the files as they are."""
    try:
        run_shared(rollout, "check", members)
    except HookFailed as error:
        return error
    return None
