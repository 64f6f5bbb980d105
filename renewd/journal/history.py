"""Reading attempts: each question of status, history, back-off and debts as one query."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select

from renewd.journal import rows
from renewd.journal.attempt import (
    INDEBTED,
    NOTHING,
    OBTAINED,
    OBTAINING,
    PUTTING_BACK,
    SETTLED,
    Attempt,
    Step,
)
from renewd.journal.connected import Connected
from renewd.journal.schema import attempts, steps

SERVED = "confirm.served"  # the event of a step that tells which serial was seen
_NEWEST_FIRST = attempts.c.id.desc()  # the order of writing, which no step of the clock can change


class History(Connected):
    """What is known of attempts, newest first; `forget` and `sweep` drop it."""

    def under_way(self, identity: str | None = None) -> list[Attempt]:
        """Attempts without an outcome, of one target or of all."""
        return self._read(select(attempts).where(attempts.c.outcome.is_(None), *_of(identity)))

    def last(self, identity: str) -> Attempt | None:
        """The target's newest attempt."""
        found = self._read(select(attempts).where(*_of(identity)).limit(1))
        return found[0] if found else None

    def latest(self) -> dict[str, Attempt]:
        """Every target's newest attempt, by identity."""
        return self._newest()

    def failures(self, identity: str) -> list[Attempt]:
        """Attempts that obtained nothing since one last did: what back-off counts. Debts are not among them."""
        obtaining = attempts.c.kind.in_(OBTAINING)
        return self._since(
            identity,
            attempts.c.outcome.in_(NOTHING) & obtaining,
            attempts.c.outcome.in_(OBTAINED) & obtaining,
        )

    def debts(self, identity: str) -> list[Attempt]:
        """Attempts that ended owing something since one last owed nothing: what a debt's own back-off counts."""
        return self._since(identity, attempts.c.outcome.in_(INDEBTED), attempts.c.outcome.in_(SETTLED))

    def owed(self) -> dict[str, Attempt]:
        """Targets that owe hooks or a confirmation, by identity: the newest attempt that got that far says so."""
        newest = self._newest(attempts.c.outcome.in_((*SETTLED, *INDEBTED)))
        return {identity: attempt for identity, attempt in newest.items() if attempt.owed}

    def put_back(self, identity: str, since: datetime) -> list[Step]:
        """The steps that put the target's old files back, from `since` on."""
        query = (
            select(steps)
            .join(attempts, steps.c.attempt == attempts.c.id)
            .where(*_of(identity), steps.c.event == PUTTING_BACK, steps.c.at >= since)
        )
        with self._database.read() as connection:
            return [rows.step(row) for row in connection.execute(query)]

    def served(self) -> dict[str, Step]:
        """When each target was last seen to be served as it should be, by identity."""
        newest = (
            select(attempts.c.identity, func.max(steps.c.id).label("step"))
            .join(steps, steps.c.attempt == attempts.c.id)
            .where(steps.c.event == SERVED)
            .group_by(attempts.c.identity)
            .subquery()
        )
        query = select(newest.c.identity, steps).join(newest, newest.c.step == steps.c.id)
        with self._database.read() as connection:
            return {row.identity: rows.step(row) for row in connection.execute(query)}

    def history(
        self, identity: str | None = None, limit: int | None = None
    ) -> list[tuple[Attempt, tuple[Step, ...]]]:
        """Attempts with their steps in the order they happened."""
        wanted = select(attempts).where(*_of(identity)).order_by(_NEWEST_FIRST).limit(limit)
        numbers = wanted.with_only_columns(attempts.c.id).subquery()
        taken = select(steps).join(numbers, steps.c.attempt == numbers.c.id).order_by(steps.c.id)
        by_attempt: dict[int, list[Step]] = defaultdict(list)
        with self._database.read() as connection:
            found = [rows.attempt(row) for row in connection.execute(wanted)]
            for row in connection.execute(taken):
                by_attempt[row.attempt].append(rows.step(row))
        return [(attempt, tuple(by_attempt[attempt.id])) for attempt in found]

    def forget(self, identity: str) -> int:
        """Drop all that is known of a target; how many attempts that were. Its fence stays, so that it only grows."""
        with self._database.write() as connection:
            return connection.execute(delete(attempts).where(attempts.c.identity == identity)).rowcount

    def sweep(self, before: datetime) -> int:
        """Drop attempts that ended earlier, but every target's newest one; how many those were."""
        newest = select(func.max(attempts.c.id)).group_by(attempts.c.identity)
        old = delete(attempts).where(attempts.c.ended_at < before, attempts.c.id.not_in(newest))
        with self._database.write() as connection:
            return connection.execute(old).rowcount

    def _newest(self, *conditions: ColumnElement[bool]) -> dict[str, Attempt]:
        newest = select(func.max(attempts.c.id)).where(*conditions).group_by(attempts.c.identity)
        return {
            found.identity: found for found in self._read(select(attempts).where(attempts.c.id.in_(newest)))
        }

    def _since(self, identity: str, wanted: ColumnElement[bool], end: ColumnElement[bool]) -> list[Attempt]:
        last = select(func.coalesce(func.max(attempts.c.id), 0)).where(*_of(identity), end).scalar_subquery()
        return self._read(select(attempts).where(*_of(identity), wanted, attempts.c.id > last))

    def _read(self, query: Select[Any]) -> list[Attempt]:
        with self._database.read() as connection:
            return [rows.attempt(row) for row in connection.execute(query.order_by(_NEWEST_FIRST))]


def _of(identity: str | None) -> Sequence[ColumnElement[bool]]:
    return () if identity is None else (attempts.c.identity == identity,)
