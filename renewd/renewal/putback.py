"""When a rollout goes wrong: the old files go back, the culprit is found, and the rest goes on."""

from collections.abc import Sequence
from datetime import timedelta

from renewd.errors import HookFailed, TargetError
from renewd.renewal.rollout import Member, Rollout, run_shared, settle, switch, switch_back

WORTH_IT = timedelta(days=1)  # an old certificate with less than this is no better than a new one not served


def after_check(rollout: Rollout, members: Sequence[Member], error: HookFailed) -> None:
    """All old files go back; if the check passes with them, each is tried alone, so that only the culprit stays out."""
    why = f"the check failed: {error}"
    back = [member for member in members if switch_back(rollout.context, member, why)]
    first = [member for member in members if member not in back]
    for member in first:  # a first install has nothing to go back to, and stays
        settle(rollout, member, rollout.settling.owed, error)
    if not back:
        return
    if (
        _passes(rollout, back) is not None
    ):  # not the certificates' fault: the check fails with the old files too
        for member in back:
            settle(rollout, member, rollout.settling.put_back, error)
        return
    if len(back) == 1:
        settle(rollout, back[0], rollout.settling.put_back, error)
        return
    for member in back:
        _alone(rollout, member)


def after_reload(rollout: Rollout, failed: Sequence[tuple[Member, TargetError]]) -> None:
    """The old files go back where they have a day left, and the server is made to load them."""
    back = []
    for member, error in failed:
        worth = member.previous_left >= WORTH_IT
        if worth and switch_back(rollout.context, member, str(error)):
            back.append((member, error))
        else:
            settle(rollout, member, rollout.settling.owed, error)
    if not back:
        return
    try:
        run_shared(rollout, "reload", [member for member, _ in back])
    except HookFailed as again:
        back = [(member, again) for member, _ in back]
    for member, error in back:
        settle(rollout, member, rollout.settling.put_back, error)


def _alone(rollout: Rollout, member: Member) -> None:
    try:
        switch(rollout.context, member)
    except TargetError as error:
        settle(rollout, member, rollout.settling.put_back, error)
        return
    wrong = _passes(rollout, [member])
    if wrong is not None:
        switch_back(rollout.context, member, f"the check failed with this one alone: {wrong}")
        settle(rollout, member, rollout.settling.put_back, wrong)


def _passes(rollout: Rollout, members: Sequence[Member]) -> HookFailed | None:
    """None if the check passes with the files as they are."""
    try:
        run_shared(rollout, "check", members)
    except HookFailed as error:
        return error
    return None
