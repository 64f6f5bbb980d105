"""Dropping: what is known of a target, and what nobody asks the journal for any more.

What was spent of a CA's limits outlives both for as long as it counts, so that no limit is passed by forgetting.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update

from renewd.errors import Fenced
from renewd.journal.attempt import FORGOTTEN
from renewd.journal.connected import Connected
from renewd.journal.schema import attempts, leases, steps
from renewd.journal.spent import EVENTS
from renewd.planning import budget

ALIKE = 50  # attempts of a target that came to the same: back-off, debts and people ask for fewer
_AT_ONCE = 500  # that are dropped in one transaction: others get their turn in between
_SAME = (
    attempts.c.identity,
    attempts.c.host,
    attempts.c.issuer,
    attempts.c.kind,
    attempts.c.outcome,
    attempts.c.state,
)

_BARE: dict[str, Any] = {  # what is left of an attempt that has to count on
    "outcome": FORGOTTEN,
    "failure": None,
    "next_try_at": None,
    "owed": "",
    "version": None,
    "previous": None,
    "tokens": [],
    "snapshot": {},
}


class Forgetting(Connected):
    """Attempts and their steps go; the row of a lease stays, for its fence may only grow."""

    def forget(self, identity: str, fence: int) -> int:
        """Drop what this host tried for a target, under a lease on it; how many attempts that were.

        Of those that count for a CA's limits the bare steps that count stay, as `forgotten`, which no question but the
        limits' finds. Raises Fenced if another process took the lease since.
        """
        own = (attempts.c.identity == identity) & attempts.c.host.in_({"", self._database.host})
        known = own & attempts.c.outcome.is_distinct_from(FORGOTTEN)
        now = self._clock.now()
        taken = select(leases.c.fence).where(leases.c.identity == identity).with_for_update()
        with self._database.write() as connection:
            if (connection.scalar(taken) or 0) > fence:
                raise Fenced(f"{identity}: the lease was taken over by another renewd")
            number = connection.scalar(select(func.count()).where(known)) or 0
            connection.execute(delete(attempts).where(own, attempts.c.id.not_in(self._spent_lately())))
            kept = select(attempts.c.id).where(own)
            connection.execute(delete(steps).where(steps.c.attempt.in_(kept), steps.c.event.not_in(EVENTS)))
            connection.execute(update(attempts).where(known).values(**_BARE, ended_at=now, changed_at=now))
        return number

    def sweep(self, before: datetime | None = None) -> int:
        """Drop all but the newest of those attempts of a target that came to the same; how many went.

        With `before` also what has not changed since then, and what is left of forgotten targets: that depends on the
        present, so it is for who is sure of it.
        """
        with self._database.read() as connection:
            numbers = list(connection.scalars(self._superfluous(before)))
        for begin in range(0, len(numbers), _AT_ONCE):
            with self._database.write() as connection:
                some = numbers[begin : begin + _AT_ONCE]
                connection.execute(delete(attempts).where(attempts.c.id.in_(some)))
        return len(numbers)

    def _superfluous(self, before: datetime | None) -> Select[Any]:
        turn = func.row_number().over(partition_by=_SAME, order_by=attempts.c.id.desc()).label("turn")
        found = select(attempts.c.id, attempts.c.changed_at, attempts.c.outcome, turn).subquery()
        gone: list[ColumnElement[bool]] = [and_(found.c.turn > ALIKE, found.c.outcome.is_not(None))]
        if before is not None:
            gone.append(or_(found.c.changed_at < before, found.c.outcome == FORGOTTEN))
        return select(found.c.id).where(or_(*gone), found.c.id.not_in(self._spent_lately()))

    def _spent_lately(self) -> Select[Any]:
        since = self._clock.now() - budget.REACHES
        return select(steps.c.attempt).where(steps.c.event.in_(EVENTS), steps.c.at > since)
