"""Writing attempts: each change is one transaction that also writes the step, and only under a fence that still holds."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, select, update

from renewd.errors import Fenced
from renewd.journal import rows
from renewd.journal.attempt import Attempt, Failure, Kind, State
from renewd.journal.connected import Connected
from renewd.journal.schema import attempts, leases, steps

# Made once: making them takes as long as running them.
_LEASED = select(leases.c.fence).where(leases.c.identity == bindparam("of")).with_for_update()
_BEGIN, _TELL = insert(attempts), insert(steps)
_ONE = select(attempts).where(attempts.c.id == bindparam("number"))
_OVERTAKEN = exists().where(leases.c.identity == bindparam("of"), leases.c.fence > bindparam("leased"))
_GUARDED = update(attempts).where(
    attempts.c.id == bindparam("number"),
    attempts.c.state == bindparam("was"),
    attempts.c.fence == bindparam("under"),
    attempts.c.outcome.is_(None),
    ~_OVERTAKEN,
)


class Attempts(Connected):
    """Beginning, moving and ending attempts.

    `facts` that are fields of Attempt are kept there, and told in the step like all others. Each method returns the
    attempt as it is now, and raises Fenced if it is no longer as the caller knows it.
    """

    def begin(
        self,
        identity: str,
        name: str,
        kind: Kind,
        *,
        issuer: str | None,
        fence: int,
        state: State = State.DUE,
        **facts: Any,
    ) -> Attempt:
        """A new attempt, under way. Raises Fenced if another process took the lease since."""
        now = self._clock.now()
        new = Attempt(
            0, identity, name, kind, state, None, started_at=now, changed_at=now, issuer=issuer, fence=fence
        )
        new = replace(new, host=self._database.host)
        new = replace(new, **{key: value for key, value in facts.items() if key in rows.FIELDS})
        columns = {key: getattr(new, key) for key in rows.FIELDS if key != "id"}
        with self._database.write() as connection:
            if (connection.scalar(_LEASED, {"of": identity}) or 0) > fence:
                raise Fenced(f"{name}: the lease was taken over by another renewd")
            made = connection.execute(_BEGIN, rows.values(columns))
            new = replace(new, id=made.inserted_primary_key[0])  # type: ignore[index]
            _tell(connection, new.id, now, "attempt.begun", {"kind": kind, "issuer": issuer, **facts})
            return self._reread(connection, new.id)

    def move(self, attempt: Attempt, to: State, event: str, **facts: Any) -> Attempt:
        """The attempt in its next state (which may be the same); what it was parked for is settled by that."""
        return self._move(attempt, to, event, facts)

    def note(self, attempt: Attempt, event: str, **facts: Any) -> Attempt:
        """A step and nothing else: even facts named like fields change nothing but the history."""
        return self._change(attempt, event, facts, {})

    def park(
        self, attempt: Attempt, until: datetime, why: str, *, failure: Failure | None = None, kind: str = ""
    ) -> Attempt:
        """Put the attempt down where it is, to be taken up at `until`; without a failure `why` is made one.

        `kind` is the class of the error that is waited out, if it is one.
        """
        failure = failure or Failure(attempt.state.value, "Parked", why)
        told = {"until": until, "why": why, "kind": kind or None}
        return self._change(attempt, "attempt.parked", told, {"next_try_at": until, "failure": failure})

    def end(
        self,
        attempt: Attempt,
        outcome: str,
        *,
        state: State | None = None,
        failure: Failure | None = None,
        next_try_at: datetime | None = None,
        owed: Sequence[str] = (),
        **facts: Any,
    ) -> Attempt:
        """The attempt with its outcome; without a `state` it shows how far it had come."""
        columns = {
            "state": state or attempt.state,
            "outcome": outcome,
            "failure": failure,
            "next_try_at": next_try_at,
            "owed": owed,
            "ended_at": self._clock.now(),
        }
        told: dict[str, Any] = {"outcome": outcome, "next_try_at": next_try_at, "owed": owed or None, **facts}
        if failure is not None:
            told |= {"stage": failure.stage, "message": failure.message, "remedy": failure.remedy or None}
            told["kind"] = failure.kind
        return self._change(attempt, "attempt.ended", told, {**facts, **columns})

    def resume(self, attempt: Attempt, fence: int) -> Attempt:
        """The attempt under a lease taken since: what its former process still tries to write is refused."""
        changed = {"fence": fence, "host": self._database.host}
        return self._change(attempt, "attempt.resumed", {"state": attempt.state}, changed, fence=fence)

    def _move(
        self,
        attempt: Attempt,
        to: State,
        event: str,
        facts: dict[str, Any],
        first: Callable[[Connection], None] | None = None,
    ) -> Attempt:
        """`move`; what `first` raises in the same transaction leaves everything as it was."""
        changed = {"next_try_at": None, "failure": None, **facts, "state": to}
        return self._change(attempt, event, facts, changed, first=first)

    def _change(
        self,
        attempt: Attempt,
        event: str,
        told: dict[str, Any],
        facts: dict[str, Any],
        *,
        fence: int | None = None,
        first: Callable[[Connection], None] | None = None,
    ) -> Attempt:
        """One guarded UPDATE and one INSERT. `fence` is that of the lease at hand, if not the attempt's own."""
        now = self._clock.now()
        known = {
            "number": attempt.id,
            "was": attempt.state.value,
            "under": attempt.fence,
            "of": attempt.identity,
            "leased": attempt.fence if fence is None else fence,
        }
        changed = {**rows.values(facts), "changed_at": now}
        with self._database.write() as connection:
            if first is not None:
                first(connection)
            if connection.execute(_GUARDED, {**changed, **known}).rowcount != 1:
                raise Fenced(
                    f"{attempt.name}: this attempt was taken over, moved on or ended by another renewd"
                )
            _tell(connection, attempt.id, now, event, told)
            return self._reread(connection, attempt.id)

    def _reread(self, connection: Connection, number: int) -> Attempt:
        (found,) = self._database.decode(connection, _ONE, rows.attempt, number=number)
        return found


def _tell(connection: Connection, attempt: int, at: datetime, event: str, facts: dict[str, Any]) -> None:
    connection.execute(_TELL, {"attempt": attempt, "at": at, "event": event, "facts": rows.told(facts)})
