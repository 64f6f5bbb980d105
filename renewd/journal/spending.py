"""Spending what the CA limits: looked up, judged and debited in one transaction, so that two processes cannot pass a limit together."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from renewd.errors import OutOfBudget
from renewd.journal import spent
from renewd.journal.attempt import Attempt, State
from renewd.journal.attempts import Attempts
from renewd.journal.leases import locked
from renewd.journal.schema import attempts, steps
from renewd.journal.spent import Counted
from renewd.planning import budget
from renewd.planning.budget import Ask, Spent, What

_ORDERS = (spent.ORDERING, spent.RETURNED)

# Made once: making them takes as long as running them.
_COUNTED = (
    select(attempts.c.id, attempts.c.identity, attempts.c.issuer, attempts.c.order_uri)
    .add_columns(steps.c.at, steps.c.event, steps.c.facts)
    .join(steps, steps.c.attempt == attempts.c.id)
    .where(steps.c.at > bindparam("since"))
    .order_by(steps.c.id)
)
_ALL = _COUNTED.where(steps.c.event.in_(spent.EVENTS))
_OWN = _ALL.where(attempts.c.identity == bindparam("identity"))
_OF_OTHERS = _COUNTED.where(
    attempts.c.issuer == bindparam("issuer"),
    attempts.c.identity != bindparam("identity"),
    steps.c.event.in_(bindparam("events", expanding=True)),
)
_ORDERS_OF_ALL = select(func.count(steps.c.id)).where(
    steps.c.event == spent.ORDERING, steps.c.at > bindparam("since")
)

REMEDY = "wait, as renewd goes on by itself then; who cannot wait may have a little more"
REMEDY_BY_HAND = "wait until then, as the CA allows no more"


class Spending(Attempts):
    """Intents that cost, and what was spent so far."""

    def spend(self, attempt: Attempt, to: State, event: str, ask: Ask, **facts: Any) -> Attempt:
        """`move` to the state that announces an effect which costs, if there is room for it; `event` is the one that counts.

        Raises OutOfBudget, with nothing written, if a limit would be passed.
        """

        def afford(connection: Connection) -> None:
            if not self._database.local:  # a file's writers are alone as it is
                locked(connection, f"the budget of {ask.issuer}")  # one process at a time looks and debits
            orders = ask.what is What.ORDER and self._crowded(connection)
            known = self._spent(connection, attempt.identity, ask.issuer, of_others=_ORDERS if orders else ())
            refused = budget.refusal(known, ask, self._clock.now())
            if refused is not None:
                raise OutOfBudget(
                    f"out of budget: {refused.why}",
                    until=refused.until,
                    remedy=REMEDY_BY_HAND if ask.by_hand else REMEDY,
                )

        return self._move(attempt, to, event, facts, afford)

    def spent(self, identity: str, issuer: str) -> list[Spent]:
        """What was spent lately on the target, and by others at the same issuer."""
        with self._database.read() as connection:
            return self._spent(connection, identity, issuer)

    def spent_by_all(self) -> list[Spent]:
        """What was spent lately on every target, for who counts."""
        since = self._clock.now() - budget.REACHES
        with self._database.read() as connection:
            return spent.add_up(self._database.decode(connection, _ALL, Counted.of, since=since))

    def _crowded(self, connection: Connection) -> bool:
        """Whether so many orders were announced that the limit for all of them together may be reached: only then is each read."""
        since = self._clock.now() - budget.ISSUER_SPAN
        return (connection.scalar(_ORDERS_OF_ALL, {"since": since}) or 0) >= budget.ISSUER_ORDERS

    def _spent(
        self, connection: Connection, identity: str, issuer: str, of_others: Sequence[str] = _ORDERS
    ) -> list[Spent]:
        """A set's own for as long as any limit lasts; of the issuer's others only orders and proofs, which last hours."""
        now, decode = self._clock.now(), self._database.decode
        own = decode(connection, _OWN, Counted.of, identity=identity, since=now - budget.REACHES)
        bound = {"identity": identity, "issuer": issuer, "events": (*of_others, spent.PROOF_FAILED)}
        since = now - budget.ISSUER_SPAN
        return spent.add_up((*own, *decode(connection, _OF_OTHERS, Counted.of, since=since, **bound)))
