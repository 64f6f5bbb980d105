"""What became of a target in a pass: one outcome each, never an exception."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from renewd.config.targets import Target
from renewd.errors import RenewdError
from renewd.journal import Attempt

STOPPED = "renewd was asked to stop"
DEFECT = "this is a defect of renewd: please report it with the log"


class Result(StrEnum):
    """How an attempt ended, or why it waits."""

    RENEWED = "renewed"  # a new certificate is live
    ADOPTED = "adopted"  # what the issuer held already is live
    DEPLOYED = "deployed"  # an accepted version went live, or a debt was paid
    OWED = "owed"  # live, but a hook or the look at the server failed
    PUT_BACK = "put_back"  # the old version is live again
    FAILED = "failed"
    PARKED = "parked"  # goes on later from the journal
    HELD = "held"  # not tried now: too early after a failure, or this machine lacks something

    @property
    def well(self) -> bool:
        """Whether nobody needs to look."""
        return self in (Result.RENEWED, Result.ADOPTED, Result.DEPLOYED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One target's result; `next_try_at` is when renewd comes back to it by itself, None if it need not."""

    target: Target
    result: Result
    why: str = ""
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """An accepted version that waits for its rollout; `owed` names the hooks still to run, empty for all."""

    target: Target
    attempt: Attempt
    version: str
    result: Result = Result.RENEWED  # what it is called once it is live
    owed: tuple[str, ...] = ()
    behind: Outcome | None = None  # a renewal that waits or failed meanwhile, which has the last word


def told(error: BaseException) -> tuple[str, str]:
    """What an error says and what to do; one that nobody foresaw is a defect."""
    if isinstance(error, RenewdError):
        return str(error), error.remedy
    return f"unexpected {type(error).__name__}: {error}", DEFECT
