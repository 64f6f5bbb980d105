"""What is owed after something was issued: when it is tried again, how often files may go back for it, when it is paid.

The journal keeps it, apart from what was obtained: no order is made for a debt, and none waits for one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from renewd.install.installer import Version
from renewd.journal import Attempt, Step
from renewd.journal.attempt import PUT_BACK
from renewd.planning import backoff
from renewd.renewal.events import Event

WORTH_IT = timedelta(days=1)  # an old certificate with less than this is no better than a new one not served
ONE_ROLLBACK_IN = timedelta(days=1)  # of files that a server was asked to load
SOON = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtPaid(Event):
    """What was owed since an earlier rollout has been done now."""

    event: ClassVar[str] = "debt.paid"
    hooks: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Event):
    """The new files stay live though their reload or confirmation failed: they went back once within a day."""

    event: ClassVar[str] = "install.kept"
    level: ClassVar[str] = "error"
    version: str
    why: str


def next_try(debts: Sequence[Attempt], outcome: str, now: datetime, old: Version | None = None) -> datetime:
    """When a rollout that failed once more is tried again; `debts` are those before it, newest first.

    A version that waits for the `old` one to end is not left waiting until there is less than a day of that.
    """
    tries = 1
    for debt in debts:
        if debt.outcome != outcome:
            break
        tries += 1
    kind = backoff.Debt.ROLLED_BACK if outcome == PUT_BACK else backoff.Debt.HOOK
    at = backoff.debt_try(tries, now, kind)
    if old is None or old.not_after is None:
        return at
    return min(at, max(old.not_after - WORTH_IT + SOON, now + SOON))


def lasts(old: Version | None, now: datetime) -> bool:
    """Whether the old certificate is one to go on with."""
    ends = None if old is None else old.not_after
    return ends is not None and ends - now >= WORTH_IT


def went_back(steps: Sequence[Step]) -> bool:
    """Whether files that a server was asked to load are among what was put back; after a failed check none was."""
    return any(step.facts.get("after") != "check" for step in steps)
