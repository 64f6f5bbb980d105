"""Finding out what became of a finalize whose answer was lost or unclear: looked at, and never repeated blindly."""

from datetime import datetime, timedelta

from renewd.errors import (
    AlreadyFinalized,
    NotFinal,
    OrderGone,
    TargetError,
    Temporary,
    Unfinalized,
    Unresolved,
)
from renewd.issuers.base import Issued
from renewd.journal import State
from renewd.planning import backoff
from renewd.renewal import acceptance, events, proof
from renewd.renewal.work import Step, Work

FINALIZES = 3  # calls for one order; an order yields one certificate at most, whatever the number
LOST_FOR = timedelta(minutes=15)  # a call may take ten; an unchanged portal means then that it did nothing
BACKDATED = timedelta(minutes=65)  # CAs date a certificate about an hour back


def reconcile(work: Work) -> Step:
    """Find out what became of a finalize whose answer was lost or unclear."""
    attempt, now, sent = work.attempt, work.now, since(work)
    try:
        held = work.issuer.outcome(work.target, work.order)
    except Unfinalized as error:
        if attempt.finalizes >= FINALIZES:
            raise OrderGone(str(error), stage="finalize", remedy=error.remedy) from error
        return Step(State.READY, "order.unchanged")
    if held is not None and is_ours(work, held):
        return issued(work, held)
    if held is not None and _is_third(work, held) and acceptance.maybe_newer(held, work.live):
        work.issued = held
        return Step(State.ISSUED, "issuer.holds_newer", work.remember(adopted=True))
    if attempt.snapshot.get("answered") and attempt.finalizes < FINALIZES:
        return Step(State.READY, "order.unchanged")
    lost = not attempt.snapshot.get("answered")
    settled = now - sent >= getattr(work.issuer, "settles", LOST_FOR)
    if lost and settled and attempt.finalizes == 1 and attempt.order_uri:  # without one a call may issue anew
        return Step(State.READY, "order.unchanged")
    until = backoff.next_look(sent, now)
    said = attempt.snapshot.get("said") or "no answer came"
    if not lost:
        raise OrderGone(
            f"finalize did not bring a certificate after {attempt.finalizes} calls: {said}",
            stage="finalize",
            remedy="look at the certificate in the portal; renewd makes a new order later",
        )
    if until is None:
        raise given_up(work, said)
    proof.keep(work)
    return Step(State.RECONCILE, "order.unchanged", {}, until, f"the certificate has not changed yet: {said}")


def unclear(work: Work, error: TargetError) -> Step:
    """What finalize did is to be found out, after a pause."""
    work.tell(events.Reconciling, why=str(error))
    known = isinstance(error, AlreadyFinalized)
    answered = isinstance(error, NotFinal | Temporary)
    until = None if known else backoff.next_look(work.now if answered else since(work), work.now)
    asked = error.retry_after if isinstance(error, Temporary) else None
    if until is not None and asked is not None:
        until = max(until, work.now + asked)
    facts = work.remember(answered=answered, said=str(error))
    return Step(State.RECONCILE, "order.unclear", facts, until, str(error), asked=asked is not None)


def since(work: Work) -> datetime:
    """When what is looked for may have begun: with our finalize, or with the order, where others took that up."""
    return work.attempt.finalize_sent_at or work.attempt.ordered_at or work.now


def given_up(work: Work, said: str) -> TargetError:
    """What the attempt ends with, as it was looked for long enough."""
    if work.attempt.finalizes:
        return unresolved(said)
    return OrderGone(
        f"the order was being issued before renewd asked for it, and brought nothing: {said}",
        remedy="renewd makes a new one later; look at the certificate in the portal if it stays so",
    )


def unresolved(said: str) -> Unresolved:
    """Nobody can tell whether a certificate was issued; `said` is the last that was heard of it."""
    return Unresolved(
        f"finalize was called, and nothing tells whether a certificate was issued: {said}",
        remedy="look at the certificate in the portal: what it shows is taken over; renewd orders a new one by itself "
        "only when the running one has less than a quarter of its life left, at once if you ask it to",
    )


def is_ours(work: Work, held: Issued) -> bool:
    """Whether what the issuer shows came from this attempt's order: by the order, else by the dates."""
    attempt = work.attempt
    if held.order_uri is not None and attempt.order_uri:
        return held.order_uri == attempt.order_uri
    if held.order_uri is not None and held.order_uri == attempt.snapshot.get("portal_order"):
        return False
    before = attempt.snapshot.get("portal_expires")
    if held.expires_at is not None and before is not None and held.expires_at.isoformat() == before:
        return False
    sent = attempt.finalize_sent_at
    return held.issued_at is None or sent is None or held.issued_at >= sent - BACKDATED


def issued(work: Work, held: Issued) -> Step:
    """What finalize was called for is there; an order that the service made by itself is known from here on."""
    work.issued = held
    uri = work.attempt.order_uri or held.order_uri or ""
    work.tell(events.Issued, uri=uri)
    return Step(State.ISSUED, "order.issued", {"order_uri": uri})


def _is_third(work: Work, held: Issued) -> bool:
    return held.order_uri not in (None, work.attempt.order_uri, work.attempt.snapshot.get("portal_order"))
