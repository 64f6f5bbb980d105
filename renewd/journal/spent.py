"""What steps say was spent of the CA's limits: which steps count, and what they add up to. No database in here."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from renewd.journal.attempt import Step
from renewd.planning.budget import Spent, What

ORDERING = "order.creating"  # written before the call: an order may be made from here on
FINALIZING = "order.finalizing"  # likewise: a certificate may be issued
RETURNED = "budget.returned"  # `what` was not spent after all: nothing was sent, or it was refused for good
PROOF_FAILED = "challenge.refused"  # the CA looked and did not find the proof; there is no certificate
SEEN = "issuer.issued"  # the issuer shows a certificate of this week, of whoever's order
EVENTS = (ORDERING, FINALIZING, RETURNED, PROOF_FAILED, SEEN)


@dataclass(frozen=True, slots=True)
class Counted:
    """A step that counts, and the attempt it belongs to."""

    attempt: int
    identity: str
    issuer: str
    order_uri: str | None  # the attempt's own, for steps that do not say
    step: Step

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row with these columns, the step's among them. What was issued elsewhere counts from when it was."""
        facts = dict(row.facts)
        at = datetime.fromisoformat(facts["issued_at"]) if row.event == SEEN else row.at
        return cls(row.id, row.identity, row.issuer or "", row.order_uri, Step(at, row.event, facts))

    @property
    def domains(self) -> tuple[str, ...]:
        """The set of names it was spent on."""
        return tuple(self.identity.split(","))


def add_up(counted: Iterable[Counted]) -> list[Spent]:
    """What was spent, from steps in the order they were written."""
    tally = _Tally()
    for one in counted:
        tally.add(one)
    return tally.spent()


@dataclass(slots=True)
class _Tally:
    """Orders and failed proofs one by one; certificates by their order, which yields one whatever is called how often."""

    orders: dict[int, list[Spent]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[tuple[str, str], list[Spent]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[tuple[str, str], Spent] = field(default_factory=dict)
    proofs: list[Spent] = field(default_factory=list)

    def add(self, one: Counted) -> None:
        step, what = one.step, one.step.facts.get("what")
        order = (one.identity, str(step.facts.get("order_uri") or one.order_uri or one.attempt))
        if step.event == ORDERING:
            self.orders[one.attempt].append(_spent(one, What.ORDER))
        elif step.event == FINALIZING:
            self.calls[order].append(_spent(one, What.CERTIFICATE, order[1]))
        elif step.event == SEEN:
            self.seen[order] = _spent(one, What.CERTIFICATE, order[1])
        elif step.event == PROOF_FAILED:
            self.proofs.append(_spent(one, What.PROOF))
        if step.event == PROOF_FAILED or (step.event == RETURNED and what == What.CERTIFICATE):
            del self.calls[order][-1:]  # this call's alone: what became of one before it may still be unknown
        elif step.event == RETURNED and what == What.ORDER:
            del self.orders[one.attempt][-1:]

    def spent(self) -> list[Spent]:
        """Everything that still counts; of several calls for one order the newest."""
        certificates = {**self.seen, **{order: calls[-1] for order, calls in self.calls.items() if calls}}
        orders = [order for made in self.orders.values() for order in made]
        return [*orders, *certificates.values(), *self.proofs]


def _spent(one: Counted, what: What, order: str = "") -> Spent:
    return Spent(one.step.at, what, one.domains, one.issuer, order)
