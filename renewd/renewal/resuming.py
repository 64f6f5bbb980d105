"""An attempt that was parked, or whose process ended: what is found in the journal is gone on with, and nothing repeated blindly."""

from datetime import datetime, timedelta
from typing import Any

from renewd.config.targets import Target
from renewd.journal import Attempt, Failure, State
from renewd.journal.attempt import ABANDONED
from renewd.planning import backoff
from renewd.renewal import engine, events, outages, proof, waiting
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome, Ready
from renewd.renewal.states import RESUMED_AS, STATES, UNFINISHED
from renewd.renewal.work import Step, Work

ORDER_LIVES = timedelta(days=6)  # a day less than the vendor's seven
BEFORE_ISSUE = UNFINISHED | {State.DUE}  # in these nothing was asked for yet that could have issued anything


def resume(
    context: Context, target: Target, attempt: Attempt, fence: int, *, forced: bool
) -> Ready | Outcome | None:
    """From where the journal left it; None if that leads nowhere any more. `forced` targets need not be due."""
    seen, to = context.look(target), _resumed_as(attempt, context.clock.now())
    if forced and to is State.RECONCILE and not attempt.finalizes:  # others took the order up, not we
        to = State.DUE
    if to in BEFORE_ISSUE and not attempt.finalizes:
        if not (seen.decision.due or _wanted(attempt, forced=forced)):
            _let_go(Work.of(context, seen, context.journal.resume(attempt, fence)))
            return None
        if left_alone := outages.held(context, target, attempt.issuer or target.issuer):
            return left_alone
    context.emit(events.Resumed(name=target.name, state=str(attempt.state)))
    first = None
    if attempt.state is State.ORDER_INTENT and not context.by_hand:
        first = _after_lost_order(attempt)
    snapshot = {**attempt.snapshot, "resumed": True, "asked": False, "late": to is State.ISSUED}
    snapshot |= first.facts if first else {}
    attempt = context.journal.resume(attempt, fence)
    attempt = context.journal.move(attempt, to, "attempt.taken_up", snapshot=snapshot)
    work = Work.of(context, seen, attempt)
    return engine.obtain(work, first) if to in STATES else _ready_again(work)


def beginning(before: Attempt | None, known: dict[str, Any]) -> dict[str, Any]:
    """Where a new attempt begins: with what the one `before` was issued and could not fetch or store, if it left such."""
    if before is None:
        return {"snapshot": known}
    return {
        "state": State.ISSUED,
        "order_uri": before.order_uri,
        "ordered_at": before.ordered_at,
        "finalize_sent_at": before.finalize_sent_at,
        "finalizes": before.finalizes,
        "snapshot": {**before.snapshot, **known, "tries": {}, "asked": False, "late": True},
    }


def give_way(context: Context, target: Target, attempt: Attempt, fence: int) -> None:
    """The attempt ends as it is, since another issuer is asked; of a finalize whose answer is lost that is not forgotten."""
    seen, now = context.look(target), context.clock.now()
    work = Work.of(context, seen, context.journal.resume(attempt, fence))
    proof.clear(work)
    said = attempt.failure or Failure(attempt.state.value, "", "it waited")
    unclear = _resumed_as(attempt, now) is State.RECONCILE and attempt.finalizes
    kind = "Unresolved" if unclear else "GaveWay"
    failures = len(context.journal.failures(target.identity, attempt.issuer)) + 1
    own = backoff.next_try(failures, kind=backoff.kind_of(kind), left=None, life=None, now=now)
    context.journal.end(
        work.attempt,
        "failed",
        state=State.RECONCILE if unclear else None,
        failure=Failure(said.stage, kind, said.message, said.remedy),
        next_try_at=max(own, attempt.next_try_at or own),
    )


def _resumed_as(attempt: Attempt, now: datetime) -> State:
    to = RESUMED_AS.get(attempt.state, attempt.state)
    old = attempt.ordered_at is not None and now - attempt.ordered_at > ORDER_LIVES
    return State.DUE if old and to in UNFINISHED else to


def _let_go(work: Work) -> None:
    """It is not due any more: somebody else renewed it, or a clock was wrong when it was begun."""
    proof.clear(work)
    work.context.journal.end(work.attempt, ABANDONED)


def _wanted(attempt: Attempt, *, forced: bool) -> bool:
    """Whether a person wants it though it is not due; what renewd wants may have changed since."""
    return forced or attempt.kind == "finalize" or bool(attempt.snapshot.get("forced"))


def _after_lost_order(attempt: Attempt) -> Step:
    """An order may have been made that nobody knows of: the next one comes later, and ever later if that happens again."""
    lost = attempt.snapshot.get("lost_orders", 0) + 1
    until = backoff.next_try(lost, kind=backoff.Kind.ISSUING, left=None, life=None, now=attempt.changed_at)
    why = "renewd ended while an order was being made"
    return Step(State.DUE, "order.unknown", {"lost_orders": lost}, until, why)


def _ready_again(work: Work) -> Ready | None:
    """Time has passed since the version was accepted: the gate looks at it once more before it goes live."""
    context, target, attempt = work.context, work.target, work.attempt
    version = attempt.version or ""
    proof.clear(work)  # the process that proved it may have ended before it could
    if attempt.kind == "rollback" or context.installer.current(target) == version:
        return engine.ready(work)
    problems = waiting.objections(context, target, version, work.live)
    if not problems:
        return engine.ready(work)
    why = "the stored version may not go live any more: " + "; ".join(problems)
    context.journal.end(attempt, ABANDONED, failure=Failure("gate", "MaterialRefused", why))
    return None
