"""Challenges that were left standing: which of them still are, and that one is gone."""

from datetime import datetime

from sqlalchemy import exists, insert, select

from renewd.journal import rows
from renewd.journal.attempt import GONE, LEFT, Step
from renewd.journal.connected import Connected
from renewd.journal.schema import attempts, steps


class Leftovers(Connected):
    """What attempts left behind when they ended, on this host."""

    def left(self, since: datetime) -> list[tuple[int, str, Step]]:
        """What was left `since` then and is not known to be gone: by which attempt at which target, and the step that says it.

        Attempts that are under way are not among them, as they may need it yet.
        """
        later = steps.alias()
        gone = exists().where(
            later.c.attempt == steps.c.attempt, later.c.event == GONE, later.c.id > steps.c.id
        )
        query = (
            select(attempts.c.id, attempts.c.identity, steps.c.at, steps.c.event, steps.c.facts)
            .join(steps, steps.c.attempt == attempts.c.id)
            .where(steps.c.event == LEFT, steps.c.at >= since, ~gone)
            .where(attempts.c.outcome.is_not(None), attempts.c.host == self._database.host)
            .order_by(steps.c.id)
        )
        with self._database.read() as connection:
            return self._database.decode(
                connection, query, lambda row: (row.id, row.identity, rows.step(row))
            )

    def gone(self, attempt: int) -> None:
        """Nothing of what an attempt left stands any more: a step, which changes nothing of what has ended."""
        told = insert(steps).values(attempt=attempt, at=self._clock.now(), event=GONE, facts={})
        with self._database.write() as connection:
            connection.execute(told)
