"""Whether an issuer is to be left alone for a while, asked of how its last attempts came out."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from renewd.clock import aware
from renewd.journal.attempt import NOTHING, OBTAINED
from renewd.journal.connected import Connected
from renewd.journal.schema import attempts, steps
from renewd.planning import breaker
from renewd.planning.breaker import End, Pause

ENDED, PARKED = "attempt.ended", "attempt.parked"


class Outages(Connected):
    """What the attempts at one issuer say of it."""

    def pause(self, issuer: str, since: datetime | None = None) -> Pause | None:
        """The pause that the issuer is in, if what came out `since` then led to one."""
        now = self._clock.now()
        query = (
            select(attempts.c.id, attempts.c.identity, steps.c.at, steps.c.event, steps.c.facts)
            .join(steps, steps.c.attempt == attempts.c.id)
            .where(
                attempts.c.issuer == issuer,
                steps.c.event.in_((ENDED, PARKED)),
                steps.c.at > now - breaker.REACHES,
                *(() if since is None else (steps.c.at >= since,)),
            )
            .order_by(steps.c.id)
        )
        with self._database.read() as connection:
            ends = self._database.decode(connection, query, _end)
        found = breaker.pause(end for end in ends if end is not None)
        return found if found is not None and found.covers(now) else None


def _end(row: Row[Any]) -> End | None:
    """What a step tells of the issuer; None if it tells nothing."""
    outcome, kind = row.facts.get("outcome"), row.facts.get("kind", "")
    if row.event == ENDED and outcome in OBTAINED:
        return End(row.id, row.at, row.identity)
    if kind and (row.event == PARKED or outcome in NOTHING):
        asked = row.facts.get("until") if kind == "Throttled" else None
        return End(row.id, row.at, row.identity, str(kind), None if asked is None else aware(asked))
    return None
