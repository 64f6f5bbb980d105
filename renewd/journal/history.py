"""Reading attempts: each question of status, history, back-off and debts as one query."""

from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from renewd.journal import rows
from renewd.journal.attempt import (
    ABANDONED,
    FAILED,
    FORGOTTEN,
    GOING_LIVE,
    INDEBTED,
    NOTHING,
    OBTAINED,
    OBTAINING,
    PUTTING_BACK,
    RENEWED,
    SETTLED,
    Attempt,
    State,
    Step,
)
from renewd.journal.connected import Connected
from renewd.journal.schema import attempts, steps

SERVED = "confirm.served"  # the event of a step that tells which serial was seen
_GONE = frozenset({"OrderGone", "AlreadyFinalized"})  # failures after which an order gives nothing any more
RECENT = 5  # renewals that tell how long the next will take
_KNOWN = attempts.c.outcome.is_distinct_from(FORGOTTEN)

# Made once: making them takes as long as running them. Newest first, by the order of writing, which no step of the
# clock can change.
_ALL = select(attempts).where(_KNOWN).order_by(attempts.c.id.desc())
_OF = attempts.c.identity == bindparam("identity")
_AT = attempts.c.issuer == bindparam("issuer")
_HERE = attempts.c.host == bindparam("host")  # about this host's files
_GOING_ON = _ALL.where(attempts.c.outcome.is_(None))
_MINE = _HERE | attempts.c.state.not_in([state.value for state in GOING_LIVE])
_OBTAINED = attempts.c.outcome.in_(OBTAINED) & attempts.c.kind.in_(OBTAINING)
_TAKEN = _ALL.where(_OF, attempts.c.outcome == RENEWED).limit(RECENT)


def _since(end: ColumnElement[bool], *wanted: ColumnElement[bool]) -> Select[Any]:
    """A target's attempts that are wanted, since the last one that is `end`."""
    last = select(func.coalesce(func.max(attempts.c.id), 0)).where(_KNOWN, _OF, end).scalar_subquery()
    return _ALL.where(_OF, *wanted, attempts.c.id > last)


_FAILURES = _since(_OBTAINED, attempts.c.outcome.in_(NOTHING), attempts.c.kind == "renewal")
_GIVEN_UP = (attempts.c.outcome == FAILED) & (attempts.c.state == State.RECONCILE.value)
_LEFT = (attempts.c.outcome == ABANDONED) & attempts.c.state.in_(
    (State.FINALIZE_INTENT.value, State.RECONCILE.value)
)
_UNRESOLVED = _since(_OBTAINED, _GIVEN_UP | _LEFT, attempts.c.kind.in_(OBTAINING), attempts.c.finalizes > 0)
_TRIED = _since(_OBTAINED, attempts.c.kind.in_(OBTAINING), attempts.c.outcome.in_((*NOTHING, ABANDONED)), _AT)
_DEBTS = _since(attempts.c.outcome.in_(SETTLED) & _HERE, attempts.c.outcome.in_(INDEBTED) & _HERE)
_FAILURES_AT, _UNRESOLVED_AT = _FAILURES.where(_AT), _UNRESOLVED.where(_AT)


class History(Connected):
    """What is known of attempts, newest first; what forgetting.py leaves for the limits is no part of it."""

    @property
    def host(self) -> str:
        """Which host this is, where several share the journal; empty where there is only one."""
        return self._database.host

    def known(self) -> dict[str, frozenset[str]]:
        """By identity, under which names there are attempts."""
        query = select(attempts.c.identity, attempts.c.name).where(_KNOWN).distinct()
        called: dict[str, set[str]] = defaultdict(set)
        with self._database.read() as connection:
            for identity, name in self._database.decode(
                connection, query, lambda row: (row.identity, row.name)
            ):
                called[identity].add(name)
        return {identity: frozenset(names) for identity, names in called.items()}

    def under_way(self, identity: str | None = None, *, of_others: bool = True) -> list[Attempt]:
        """Attempts without an outcome that this host may go on with, of one target or of all.

        `of_others`: also those that other hosts began, while they ask the issuer for something.
        """
        mine = _GOING_ON.where(_MINE if of_others else _HERE)
        bound = {"host": self._database.host, "identity": identity}
        return self._read(mine if identity is None else mine.where(_OF), **bound)

    def last(self, identity: str) -> Attempt | None:
        """The target's newest attempt."""
        found = self._read(_ALL.where(_OF).limit(1), identity=identity)
        return found[0] if found else None

    def latest(self) -> dict[str, Attempt]:
        """Every target's newest attempt, by identity."""
        return self._newest()

    def failures(self, identity: str, issuer: str | None = None) -> list[Attempt]:
        """Renewals (of one issuer, or of all) that obtained nothing since anything was obtained: what back-off counts.

        Debts are not among them, nor is what a person finalized by hand.
        """
        query = _FAILURES if issuer is None else _FAILURES_AT
        return self._read(query, identity=identity, issuer=issuer)

    def unresolved(self, identity: str, issuer: str | None = None) -> list[Attempt]:
        """Attempts given up with a finalize of which nobody knows what it did, since anything was obtained."""
        query = _UNRESOLVED if issuer is None else _UNRESOLVED_AT
        found = self._read(query, identity=identity, issuer=issuer)
        return [one for one in found if one.failure is None or one.failure.kind != "OrderGone"]

    def unfetched(self, identity: str, issuer: str) -> Attempt | None:
        """The newest attempt at the issuer since anything was obtained, if it left an issued certificate that may still be had."""
        found = self._read(_TRIED, identity=identity, issuer=issuer)[:1]
        issued = (one for one in found if one.state is State.ISSUED and not one.snapshot.get("adopted"))
        return next((one for one in issued if one.failure is None or one.failure.kind not in _GONE), None)

    def taking(self, identity: str) -> timedelta:
        """How long a renewal of the target has been taking: the median of the last ones; nothing while none is known."""
        ends = [(one.started_at, one.ended_at) for one in self._read(_TAKEN, identity=identity)]
        took = [max((end - begin).total_seconds(), 0.0) for begin, end in ends if end is not None]
        return timedelta(seconds=median(took)) if took else timedelta()

    def debts(self, identity: str) -> list[Attempt]:
        """Attempts that ended owing something since one last owed nothing: what a debt's own back-off counts."""
        return self._read(_DEBTS, identity=identity, host=self._database.host)

    def owed(self) -> dict[str, Attempt]:
        """Targets that owe hooks or a confirmation, by identity: the newest attempt that got that far says so."""
        newest = self._newest(
            attempts.c.outcome.in_((*SETTLED, *INDEBTED)), attempts.c.host == self._database.host
        )
        return {identity: attempt for identity, attempt in newest.items() if attempt.owed}

    def put_back(self, identity: str, since: datetime) -> list[Step]:
        """The steps that put the target's old files back, from `since` on."""
        query = (
            select(steps)
            .join(attempts, steps.c.attempt == attempts.c.id)
            .where(_KNOWN, _OF, _HERE, steps.c.event == PUTTING_BACK, steps.c.at >= since)
        )
        bound = {"identity": identity, "host": self._database.host}
        with self._database.read() as connection:
            return self._database.decode(connection, query, rows.step, **bound)

    def served(self) -> dict[str, Step]:
        """When each target was last seen to be served as it should be, by identity."""
        newest = (
            select(attempts.c.identity, func.max(steps.c.id).label("step"))
            .join(steps, steps.c.attempt == attempts.c.id)
            .where(steps.c.event == SERVED, _HERE)
            .group_by(attempts.c.identity)
            .subquery()
        )
        query = select(newest.c.identity, steps).join(newest, newest.c.step == steps.c.id)
        with self._database.read() as connection:
            found = self._database.decode(
                connection, query, lambda row: (row.identity, rows.step(row)), host=self._database.host
            )
        return dict(found)

    def history(
        self, identity: str | None = None, limit: int | None = None
    ) -> list[tuple[Attempt, tuple[Step, ...]]]:
        """Attempts with their steps in the order they happened."""
        wanted = (_ALL if identity is None else _ALL.where(attempts.c.identity == identity)).limit(limit)
        numbers = wanted.with_only_columns(attempts.c.id).subquery()
        taken = select(steps).join(numbers, steps.c.attempt == numbers.c.id).order_by(steps.c.id)
        by_attempt: dict[int, list[Step]] = defaultdict(list)
        with self._database.read() as connection:
            found = self._database.decode(connection, wanted, rows.attempt)
            for number, step in self._database.decode(
                connection, taken, lambda row: (row.attempt, rows.step(row))
            ):
                by_attempt[number].append(step)
        return [(attempt, tuple(by_attempt[attempt.id])) for attempt in found]

    def _newest(self, *conditions: ColumnElement[bool]) -> dict[str, Attempt]:
        newest = select(func.max(attempts.c.id)).where(_KNOWN, *conditions).group_by(attempts.c.identity)
        return {found.identity: found for found in self._read(_ALL.where(attempts.c.id.in_(newest)))}

    def _read(self, query: Select[Any], **bound: Any) -> list[Attempt]:
        with self._database.read() as connection:
            return self._database.decode(connection, query, rows.attempt, **bound)
