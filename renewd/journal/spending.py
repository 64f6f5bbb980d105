"""Spending what the CA limits: looked up, judged and debited in one transaction, so that two processes cannot pass a limit together."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from renewd.errors import OutOfBudget
from renewd.journal import spent
from renewd.journal.attempt import Attempt, State
from renewd.journal.attempts import Attempts
from renewd.journal.leases import locked
from renewd.journal.schema import attempts, steps
from renewd.journal.spent import Counted
from renewd.planning import budget
from renewd.planning.budget import Ask, Spent

REMEDY = "wait, as renewd goes on by itself then; who cannot wait may have a little more"
REMEDY_BY_HAND = "wait until then, as the CA allows no more"


class Spending(Attempts):
    """Intents that cost, and what was spent so far."""

    def spend(self, attempt: Attempt, to: State, event: str, ask: Ask, **facts: Any) -> Attempt:
        """`move` to the state that announces an effect which costs, if there is room for it; `event` is the one that counts.

        Raises OutOfBudget, with nothing written, if a limit would be passed.
        """

        def afford(connection: Connection) -> None:
            locked(connection, f"the budget of {ask.issuer}")  # one process at a time looks and debits
            known = self._spent(connection, attempt.identity, ask.issuer)
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
        lately = and_(steps.c.at > self._clock.now() - budget.REACHES, steps.c.event.in_(spent.EVENTS))
        with self._database.read() as connection:
            return spent.add_up(self._counted(connection, lately))

    def _spent(self, connection: Connection, identity: str, issuer: str) -> list[Spent]:
        """A set's own for as long as any limit lasts; of the issuer's others only orders and proofs, which last hours."""
        now = self._clock.now()
        of_others = and_(
            attempts.c.issuer == issuer,
            attempts.c.identity != identity,
            steps.c.at > now - budget.ISSUER_SPAN,
            steps.c.event.in_((spent.ORDERING, spent.RETURNED, spent.PROOF_FAILED)),
        )
        own = and_(
            attempts.c.identity == identity,
            steps.c.at > now - budget.REACHES,
            steps.c.event.in_(spent.EVENTS),
        )
        return spent.add_up((*self._counted(connection, own), *self._counted(connection, of_others)))

    def _counted(self, connection: Connection, wanted: ColumnElement[bool]) -> list[Counted]:
        columns = (attempts.c.id, attempts.c.identity, attempts.c.issuer, attempts.c.order_uri)
        query = (
            select(*columns, steps.c.at, steps.c.event, steps.c.facts)
            .join(steps, steps.c.attempt == attempts.c.id)
            .where(wanted)
            .order_by(steps.c.id)
        )
        return self._database.decode(connection, query, Counted.of)
