"""The states of an attempt: one function each, which does its one effect and returns the next step.

DUE → PREFLIGHT → ORDER_INTENT → ORDERED → VALIDATING → READY → FINALIZE_INTENT → ISSUED → VALIDATED, aside RECONCILE.
A function whose state ends in INTENT is reached only when that intent has been journaled.
"""

from collections.abc import Callable
from dataclasses import asdict, replace

from renewd.certs.order import Order, OrderStatus
from renewd.errors import (
    AlreadyFinalized,
    ChallengeFailed,
    ClockSuspect,
    Declined,
    KeyRejected,
    NotFinal,
    NotInSubscription,
    OrderGone,
    ReplyLost,
    Temporary,
    Throttled,
    Unreachable,
)
from renewd.issuers.base import Issued
from renewd.journal import State, spent
from renewd.planning import budget, present
from renewd.planning.budget import What
from renewd.renewal import acceptance, asking, events, permission, proof, readiness, reconciling, wishes
from renewd.renewal.work import Parked, Step, Work, again


def due(work: Work) -> Step:
    """Ask what the issuer holds: it may be newer than what is live here."""
    work.issued = held = work.issuer.current(work.target)
    _trust_clock(work)
    if held is not None:
        _note_issue(work, held)
    expires = None if held is None or held.expires_at is None else held.expires_at.isoformat()
    newer = held is not None and acceptance.maybe_newer(held, work.live)
    order = None if held is None else held.order_uri
    facts = work.remember(portal_order=order, portal_expires=expires, adopted=newer)
    if newer:
        return Step(State.ISSUED, "issuer.holds_newer", facts)
    if work.attempt.snapshot.get("unresolved") and not _cannot_wait(work):
        raise reconciling.unresolved("the service still shows no certificate of it")
    return Step(State.PREFLIGHT, "issuer.asked", facts)


def preflight(work: Work) -> Step:
    """Nothing is ordered that could not be issued, proved, judged or stored; what an earlier order left standing goes."""
    _know_what_was_ordered(work)
    proof.clear(work)
    readiness.insist(work.context, work.target, work.issuer.name)
    permission.insist(work.context, work.target, work.issuer.name)
    proof.rehearse(work)
    wishes.keep_live_key(work)
    return Step(State.ORDER_INTENT, spent.ORDERING, spends=What.ORDER)


def _know_what_was_ordered(work: Work) -> None:
    """After the journal was lost an order of before may still come to something. Raises Parked until it must have."""
    until = work.context.journal.quiet_until(work.now)
    if until is not None:
        raise Parked(
            until, f"the journal was lost; nothing is ordered until {until:%H:%M} UTC, deploying goes on"
        )


def order_intent(work: Work) -> Step:
    """Create the order: the one call here that costs."""
    work.tell(events.Ordering, issuer=work.issuer.name)
    try:
        order = work.issuer.order(
            work.target, replaces=asking.replaced(work.context, work.target, work.issuer.name, work.live)
        )
    except Temporary as error:
        if isinstance(error, Unreachable | Throttled):  # the service did not act on it
            work.note(spent.RETURNED, what=What.ORDER)
        elif error.retry_after is None:
            raise
        return again(work, error, State.PREFLIGHT)
    except (Declined, KeyRejected, NotInSubscription):  # no order was made
        work.note(spent.RETURNED, what=What.ORDER)
        raise
    work.tell(events.Ordered, uri=order.uri, status=str(order.status), challenges=len(order.tokens))
    return Step(
        State.ORDERED,
        "order.created",
        {
            "order_uri": order.uri,
            "ordered_at": work.now,
            "finalizes": 0,  # of this order
            "finalize_sent_at": None,
            **_told(work, order),
        },
    )


def _told(work: Work, order: Order, **more: object) -> dict[str, object]:
    """What the service said of an order, as facts for the journal."""
    tokens = tuple(asdict(token) for token in order.tokens)
    return {"tokens": tokens, **work.remember(status=str(order.status), key=order.key, **more)}


def ordered(work: Work) -> Step:
    """See what the order asks for, and go where its status says."""
    order = work.issuer.read(work.target, work.order)
    status = order.status
    if status is OrderStatus.INVALID:
        raise OrderGone(
            "the order was invalid from the start",
            remedy="renewd makes a new one later; look at the certificate in the portal if it stays so",
        )
    if status in (OrderStatus.PROCESSING, OrderStatus.VALID):
        return Step(State.RECONCILE, "order.done_elsewhere", _told(work, order, answered=False))
    to = State.READY if status is OrderStatus.READY else State.VALIDATING
    return Step(to, f"order.{status}", _told(work, order))


def validating(work: Work) -> Step:
    """Make the proof stand, look at it, and tell the service."""
    proof.stand(work)
    try:
        work.issuer.validate(work.target, work.order)
    except (ChallengeFailed, Declined):
        work.note(spent.PROOF_FAILED, order_uri=work.order.uri)
        raise
    return Step(State.READY, "challenge.stands")


def ready(work: Work) -> Step:
    """Journal the intent to finalize; what was not prepared by this process is made sure of first."""
    if work.attempt.kind == "finalize" or work.attempt.snapshot.get("resumed"):
        readiness.insist(work.context, work.target, work.issuer.name)
    proof.stand(work)
    return Step(
        State.FINALIZE_INTENT,
        spent.FINALIZING,
        {
            "order_uri": work.order.uri,
            "finalize_sent_at": work.now,
            "finalizes": work.attempt.finalizes + 1,
            **work.remember(answered=False),  # what the one before was told says nothing of this one
        },
        spends=What.CERTIFICATE,
    )


def finalize_intent(work: Work) -> Step:
    """Finalize: its answer may take minutes, may get lost, and is never asked for twice blindly."""
    work.tell(events.Finalizing, uri=work.order.uri)
    try:
        issued = work.issuer.finalize(work.target, work.order)
    except (Unreachable, Throttled) as error:  # the service did not act on it: it does not count
        _returned(work)
        return replace(again(work, error, State.READY), facts={"finalizes": work.attempt.finalizes - 1})
    except (OrderGone, Declined) as error:
        _returned(work)
        return _gone(work, error)
    except ChallengeFailed:
        work.note(spent.PROOF_FAILED, order_uri=work.order.uri)
        raise
    except (AlreadyFinalized, NotFinal, ReplyLost, Temporary) as error:
        return reconciling.unclear(work, error)
    if not reconciling.is_ours(work, issued):
        return reconciling.unclear(work, ReplyLost("the service answered with the certificate it had before"))
    return reconciling.issued(work, issued)


def issued(work: Work) -> Step:
    """Download, judge and stage what was issued."""
    if work.issued is None:  # after a restart: fresh links
        adopted = work.attempt.snapshot.get("adopted")
        work.issued = (
            work.issuer.current(work.target) if adopted else work.issuer.outcome(work.target, work.order)
        )
    if work.issued is None:
        raise OrderGone("the service holds no certificate any more", stage="download")
    return acceptance.take(work, work.issued)


STATES: dict[State, Callable[[Work], Step]] = {
    State.DUE: due,
    State.PREFLIGHT: preflight,
    State.ORDER_INTENT: order_intent,
    State.ORDERED: ordered,
    State.VALIDATING: validating,
    State.READY: ready,
    State.FINALIZE_INTENT: finalize_intent,
    State.RECONCILE: reconciling.reconcile,
    State.ISSUED: issued,
}

# What is found in the journal after a restart is taken up as: an effect of which nobody knows whether
# it happened is not repeated.
RESUMED_AS = {
    State.PREFLIGHT: State.DUE,
    State.ORDER_INTENT: State.DUE,
    State.FINALIZE_INTENT: State.RECONCILE,
    State.STAGED: State.ISSUED,
    State.HELD: State.DUE,
}

# An order of its own is under way in these, and finalize is still to be called.
UNFINISHED = frozenset({State.ORDERED, State.VALIDATING, State.READY})

# Repeating the call of these states cannot do anything twice.
READS = frozenset({State.DUE, State.ORDERED, State.VALIDATING, State.READY, State.RECONCILE, State.ISSUED})


def _trust_clock(work: Work) -> None:
    """Raises ClockSuspect if the service's clock says that ours is wrong."""
    live = work.live
    validity = None if live is None else (live.not_valid_before_utc, live.not_valid_after_utc)
    said = present.suspicion(getattr(work.issuer, "skew", None), validity, work.now)
    if said is not None:
        raise ClockSuspect(said, remedy=present.REMEDY)


def _note_issue(work: Work, held: Issued) -> None:
    """What was issued this week counts, whoever asked for it; by its order it counts once."""
    if held.order_uri and held.issued_at is not None and held.issued_at > work.now - budget.WEEK:
        work.note(spent.SEEN, order_uri=held.order_uri, issued_at=held.issued_at)


def _cannot_wait(work: Work) -> bool:
    """Whether one more certificate is worth it while it is not known what became of the last."""
    return work.context.by_hand or work.remaining is None or work.remaining.little


def _returned(work: Work) -> None:
    """This call certainly issued nothing."""
    work.note(spent.RETURNED, what=What.CERTIFICATE, order_uri=work.order.uri)


def _gone(work: Work, error: OrderGone | Declined) -> Step:
    """An order from before a restart may have run out: one new one is made. Raises the error for any other."""
    known = work.attempt.snapshot
    if isinstance(error, OrderGone) and known.get("resumed") and not known.get("reordered"):
        facts = {"finalizes": 0, **work.remember(reordered=True, said=None)}
        return Step(State.PREFLIGHT, "order.gone", facts)
    if isinstance(error, Declined) or not known.get("said"):
        raise error
    raise OrderGone(f"{known['said']}; and then: {error}", stage="finalize", remedy=error.remedy) from error
