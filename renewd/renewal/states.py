"""The states of an attempt: one function each, which does its one effect and returns the next step.

DUE → PREFLIGHT → ORDER_INTENT → ORDERED → VALIDATING → READY → FINALIZE_INTENT → ISSUED → VALIDATED, aside RECONCILE.
A function whose state ends in INTENT is reached only when that intent has been journaled.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta

from renewd.certs.order import OrderStatus
from renewd.errors import (
    AlreadyFinalized,
    InstallFailed,
    NotFinal,
    OrderGone,
    ReplyLost,
    TargetError,
    Temporary,
    Throttled,
    Unreachable,
)
from renewd.issuers.base import Issued
from renewd.journal import State
from renewd.planning import backoff
from renewd.renewal import acceptance, events, proof, trust
from renewd.renewal.work import Parked, Step, Work, again

FINALIZES = 3  # calls for one order; an order yields one certificate at most, whatever the number
LOST_FOR = timedelta(
    minutes=15
)  # a call may take ten; after this an unchanged portal means that it did nothing
BACKDATED = timedelta(minutes=65)  # CAs date a certificate about an hour back


def due(work: Work) -> Step:
    """Ask what the issuer holds: it may be newer than what is live here."""
    held = work.issuer.current(work.target)
    expires = None if held is None or held.expires_at is None else held.expires_at.isoformat()
    newer = held is not None and acceptance.maybe_newer(held, work.live)
    work.issued = held
    facts = work.remember(
        portal_order=None if held is None else held.order_uri, portal_expires=expires, adopted=newer
    )
    if newer:
        return Step(State.ISSUED, "issuer.holds_newer", facts)
    return Step(State.PREFLIGHT, "issuer.asked", facts)


def preflight(work: Work) -> Step:
    """Nothing is ordered that could not be proved, judged or stored; what an earlier order left standing goes."""
    _know_what_was_ordered(work)
    proof.clear(work)
    trust.roots(work.context.loaded.configuration.issuers[work.target.issuer])
    problems = work.context.installer.room(work.target)
    if problems:
        raise InstallFailed(
            "; ".join(problems), stage="preflight", remedy="make room or mend the rights, then renew again"
        )
    proof.rehearse(work)
    return Step(State.ORDER_INTENT, "order.creating")


def _know_what_was_ordered(work: Work) -> None:
    """After the journal was lost an order of before may still come to something. Raises Parked until it must have."""
    until = work.context.journal.quiet_until(work.now)
    if until is not None:
        raise Parked(until, f"the journal was lost; nothing is ordered until {until:%H:%M} UTC, deploying goes on")


def order_intent(work: Work) -> Step:
    """Create the order: the one call here that costs."""
    work.tell(events.Ordering, issuer=work.issuer.name)
    try:
        order = work.issuer.order(work.target)
    except (Unreachable, Throttled) as error:  # the service did not act on it
        return again(work, error, State.PREFLIGHT)
    work.tell(events.Ordered, uri=order.uri, status=str(order.status), challenges=len(order.tokens))
    return Step(
        State.ORDERED,
        "order.created",
        {
            "order_uri": order.uri,
            "ordered_at": work.now,
            "tokens": tuple(asdict(token) for token in order.tokens),
            **work.remember(status=str(order.status)),
        },
    )


def ordered(work: Work) -> Step:
    """Go where the order's status says."""
    status = work.order.status
    if status is OrderStatus.INVALID:
        raise OrderGone(
            "the order was invalid from the start",
            remedy="renewd makes a new one later; look at the certificate in the portal if it stays so",
        )
    if status in (OrderStatus.PROCESSING, OrderStatus.VALID):
        return Step(State.RECONCILE, "order.done_elsewhere", work.remember(answered=False))
    return Step(State.READY if status is OrderStatus.READY else State.VALIDATING, f"order.{status}")


def validating(work: Work) -> Step:
    """Make the proof stand, look at it, and tell the service."""
    proof.stand(work)
    work.issuer.validate(work.target, work.order)
    return Step(State.READY, "challenge.stands")


def ready(work: Work) -> Step:
    """Journal the intent to finalize; after a restart the proof stands again first."""
    proof.stand(work)
    return Step(
        State.FINALIZE_INTENT,
        "order.finalizing",
        {
            "finalize_sent_at": work.now,
            "finalizes": work.attempt.finalizes + 1,
            **work.remember(answered=False),  # what the one before was told says nothing of this one
        },
    )


def finalize_intent(work: Work) -> Step:
    """Finalize: its answer may take minutes, may get lost, and is never asked for twice blindly."""
    work.tell(events.Finalizing, uri=work.order.uri)
    try:
        issued = work.issuer.finalize(work.target, work.order)
    except (Unreachable, Throttled) as error:  # the service did not act on it: it does not count
        return replace(again(work, error, State.READY), facts={"finalizes": work.attempt.finalizes - 1})
    except OrderGone as error:
        return _gone(work, error)
    except (AlreadyFinalized, NotFinal, ReplyLost, Temporary) as error:
        return unclear(work, error)
    if not is_ours(work, issued):
        return unclear(work, ReplyLost("the service answered with the certificate it had before"))
    return _issued(work, issued)


def reconcile(work: Work) -> Step:
    """Find out what became of a finalize whose answer was lost or unclear."""
    attempt, now = work.attempt, work.now
    sent = attempt.finalize_sent_at or now
    held = work.issuer.current(work.target)
    if held is not None and is_ours(work, held):
        return _issued(work, held)
    if held is not None and _is_third(work, held) and acceptance.maybe_newer(held, work.live):
        work.issued = held
        return Step(State.ISSUED, "issuer.holds_newer", work.remember(adopted=True))
    if attempt.snapshot.get("answered") and attempt.finalizes < FINALIZES:
        return Step(State.READY, "order.unchanged")
    lost = not attempt.snapshot.get("answered")
    if lost and attempt.finalizes == 1 and now - sent >= LOST_FOR:
        return Step(State.READY, "order.unchanged")
    until = backoff.next_look(sent, now)
    if until is None or not lost:
        said = attempt.snapshot.get("said") or "no answer came"
        raise OrderGone(
            f"finalize did not bring a certificate after {attempt.finalizes} calls: {said}",
            stage="finalize",
            remedy="look at the certificate in the portal; renewd makes a new order later",
        )
    return Step(State.RECONCILE, "order.unchanged", {}, until, "the certificate has not changed yet")


def issued(work: Work) -> Step:
    """Download, judge and stage what was issued."""
    if work.issued is None:  # after a restart: fresh links
        work.issued = work.issuer.current(work.target)
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
    State.RECONCILE: reconcile,
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

# Repeating the call of these states cannot do anything twice.
READS = frozenset({State.DUE, State.RECONCILE, State.ISSUED})


def is_ours(work: Work, held: Issued) -> bool:
    """Whether what the issuer shows came from this attempt's order: by the order, else by the dates."""
    attempt = work.attempt
    if held.order_uri is not None and attempt.order_uri is not None:
        return held.order_uri == attempt.order_uri
    before = attempt.snapshot.get("portal_expires")
    if held.expires_at is not None and before is not None and held.expires_at.isoformat() == before:
        return False
    sent = attempt.finalize_sent_at
    return held.issued_at is None or sent is None or held.issued_at >= sent - BACKDATED


def _gone(work: Work, error: OrderGone) -> Step:
    """An order from before a restart may have run out: one new one is made. Raises OrderGone for any other."""
    known = work.attempt.snapshot
    if known.get("resumed") and not known.get("reordered"):
        return Step(
            State.PREFLIGHT, "order.gone", {"finalizes": 0, **work.remember(reordered=True, said=None)}
        )
    if not known.get("said"):
        raise error
    raise OrderGone(f"{known['said']}; and then: {error}", stage="finalize", remedy=error.remedy) from error


def _is_third(work: Work, held: Issued) -> bool:
    return held.order_uri not in (None, work.attempt.order_uri, work.attempt.snapshot.get("portal_order"))


def _issued(work: Work, held: Issued) -> Step:
    work.issued = held
    work.tell(events.Issued, uri=work.attempt.order_uri or "")
    return Step(State.ISSUED, "order.issued")


def unclear(work: Work, error: TargetError) -> Step:
    """What finalize did is to be found out, after a pause."""
    work.tell(events.Reconciling, why=str(error))
    known = isinstance(error, AlreadyFinalized)
    answered = isinstance(error, NotFinal | Temporary)
    sent = work.attempt.finalize_sent_at or work.now
    return Step(
        State.RECONCILE,
        "order.unclear",
        work.remember(answered=answered, said=str(error)),
        None if known else backoff.next_look(work.now if answered else sent, work.now),
        str(error),
    )
