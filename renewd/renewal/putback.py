"""When a rollout goes wrong: the old files go back, the culprit is found, and the rest goes on."""

from collections.abc import Sequence
from datetime import timedelta

from renewd.errors import HookFailed, InstallFailed, TargetError
from renewd.renewal.member import Member, switch, switch_back
from renewd.renewal.rollout import Rollout, run_shared, settle

WORTH_IT = timedelta(days=1)  # an old certificate with less than this is no better than a new one not served


def after_check(rollout: Rollout, members: Sequence[Member], error: HookFailed) -> None:
    """All old files go back; if the check passes with them, each is tried alone, so that only the culprit stays out."""
    back = [member for member in members if _goes_back(rollout, member, error, f"the check failed: {error}")]
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
        if not _lasts(rollout, member):
            settle(rollout, member, rollout.settling.owed, error)
        elif _goes_back(rollout, member, error, str(error)):
            back.append((member, error))
    if not back:
        return
    try:
        run_shared(rollout, "reload", [member for member, _ in back])
    except HookFailed as again:
        back = [(member, again) for member, _ in back]
    for member, error in back:
        settle(rollout, member, rollout.settling.put_back, error)


def _goes_back(rollout: Rollout, member: Member, error: TargetError, why: str) -> bool:
    """Whether the old files are live again. If not, as after a first install, the new ones stay and the rest is owed."""
    try:
        if switch_back(rollout.context, member, why):
            return True
    except InstallFailed as problem:
        error = problem
    settle(rollout, member, rollout.settling.owed, error)
    return False


def _lasts(rollout: Rollout, member: Member) -> bool:
    """Whether the old certificate is one to go on with."""
    ends = None if member.previous is None else member.previous.not_after
    return ends is not None and ends - rollout.context.clock.now() >= WORTH_IT


def _wait(rollout: Rollout, member: Member, error: HookFailed) -> None:
    """The check fails with the old files too, so no certificate is at fault: the new one waits while the old one lasts."""
    if _lasts(rollout, member):
        settle(rollout, member, rollout.settling.put_back, error)
        return
    try:
        switch(rollout.context, member)
    except InstallFailed as problem:
        settle(rollout, member, rollout.settling.put_back, problem)
    else:
        settle(rollout, member, rollout.settling.owed, error)


def _alone(rollout: Rollout, member: Member) -> None:
    try:
        switch(rollout.context, member)
    except InstallFailed as error:
        settle(rollout, member, rollout.settling.put_back, error)
        return
    wrong = _passes(rollout, [member])
    if wrong is not None and _goes_back(
        rollout, member, wrong, f"the check failed with this one alone: {wrong}"
    ):
        settle(rollout, member, rollout.settling.put_back, wrong)


def _passes(rollout: Rollout, members: Sequence[Member]) -> HookFailed | None:
    """None if the check passes with the files as they are."""
    try:
        run_shared(rollout, "check", members)
    except HookFailed as error:
        return error
    return None
