"""One attempt, driven from state to state until a version is accepted, parked or given up.

Every effect stands between two journal writes, so that it can be killed anywhere and taken up again.
"""

from datetime import datetime, timedelta

from renewd.errors import (
    BadReply,
    ClockSuspect,
    Fenced,
    KeyRejected,
    MaterialRefused,
    NotInSubscription,
    OutOfBudget,
    RenewdError,
    TargetError,
    Temporary,
)
from renewd.journal import Attempt, Failure, State
from renewd.planning import backoff, present
from renewd.renewal import events, outages, proof
from renewd.renewal.outcome import DEFECT, Outcome, Ready, Result
from renewd.renewal.reconciling import given_up, since, unclear
from renewd.renewal.states import READS, STATES
from renewd.renewal.work import AGAIN, Parked, Step, Work, again, pause


def obtain(work: Work, first: Step | None = None) -> Ready | Outcome:
    """A version that the gate accepted, or what stopped the attempt. Never raises a TargetError.

    `first` is a step that was taken already, whose pause is still to be made.
    """
    try:
        if first is not None:
            pause(work, first)
        while work.attempt.state in STATES:
            step = _step(work)
            if step.event != AGAIN:
                work.tries.pop(work.attempt.state, None)
            work.attempt = _journaled(work, step)
            pause(work, step)
    except Parked as parked:
        return _park(work, parked)
    except Fenced as error:  # it is another process's now, and so are its tokens
        return Outcome(work.target, Result.HELD, str(error))
    except OutOfBudget as error:
        return _hold(work, error, error.until)
    except ClockSuspect as error:
        return _hold(work, error, work.now + present.HELD_FOR)
    except TargetError as error:
        proof.clear(work)
        return fail(work, error)
    proof.clear(work)
    return ready(work)


def ready(work: Work) -> Ready:
    """The attempt's accepted version, to be handed to the rollout."""
    attempt = work.attempt
    if attempt.kind in ("deploy", "rollback"):
        result = Result.DEPLOYED
    else:
        result = Result.ADOPTED if attempt.snapshot.get("adopted") else Result.RENEWED
    return Ready(work.target, attempt, attempt.version or "", result)


def fail(work: Work, error: TargetError) -> Outcome:
    """End the attempt with its reason and the time of the next one."""
    context = work.context
    failure = Failure.of(error)
    next_try_at = _next_try(work, error, failure) if work.attempt.kind == "renewal" else None
    refused = isinstance(error, MaterialRefused)
    context.journal.end(
        work.attempt,
        "refused" if refused else "failed",
        state=State.QUARANTINED if refused else None,
        failure=failure,
        next_try_at=next_try_at,
    )
    if isinstance(error, MaterialRefused):
        work.tell(events.Refused, problems=error.problems or (str(error),))
    work.tell(
        events.Failed, stage=error.stage, message=str(error), remedy=error.remedy, next_try_at=next_try_at
    )
    outages.tell(work)
    return Outcome(work.target, Result.FAILED, str(error), next_try_at)


def _next_try(work: Work, error: TargetError, failure: Failure) -> datetime:
    journal, remaining, identity = work.context.journal, work.remaining, work.target.identity
    return backoff.next_try(
        len(journal.failures(identity, work.issuer.name)) + 1,
        kind=backoff.kind_of(failure.kind),
        now=work.now,
        left=None if remaining is None else remaining.left,
        life=None if remaining is None else remaining.life,
        taking=journal.taking(identity),
        retry_after=error.retry_after if isinstance(error, Temporary) else None,
        jitter=work.context.clock.jitter(0.25),
    )


def _journaled(work: Work, step: Step) -> Attempt:
    """The attempt where the step leads. Raises OutOfBudget, with nothing written, if that would pass a limit."""
    journal = work.context.journal
    if step.spends is None:
        return journal.move(work.attempt, step.to, step.event, **step.facts)
    return journal.spend(work.attempt, step.to, step.event, work.ask(step.spends), **step.facts)


def _step(work: Work) -> Step:
    state = work.attempt.state
    try:
        return STATES[state](work)
    except (Temporary, BadReply, KeyRejected, NotInSubscription) as error:
        if state is State.RECONCILE:
            return _look_later(work, error)
        if state not in READS or not isinstance(error, Temporary):
            raise
        return again(work, error, state)
    except (RenewdError, Parked):
        raise
    except Exception as error:
        unforeseen = TargetError(
            f"unexpected {type(error).__name__}: {error}", stage=str(state), remedy=DEFECT
        )
        if state is State.FINALIZE_INTENT:
            return unclear(work, unforeseen)
        raise unforeseen from error


def _look_later(work: Work, error: TargetError) -> Step:
    """A service that cannot be asked now may have issued all the same: it is asked for as long as one is looked for."""
    asked = error.retry_after if isinstance(error, Temporary) else None
    until = backoff.next_look(since(work), work.now)
    if until is None:
        raise given_up(work, str(error)) from error
    return Step(State.RECONCILE, AGAIN, {}, max(until, work.now + (asked or timedelta())), str(error))


def _hold(work: Work, error: TargetError, until: datetime) -> Outcome:
    """Nothing went wrong and nothing was tried: the attempt goes on from here when it may."""
    proof.clear(work)
    work.attempt = work.context.journal.park(work.attempt, until, str(error), failure=Failure.of(error))
    work.tell(events.Parked, until=until, why=str(error))
    return Outcome(work.target, Result.PARKED, str(error), until)


def _park(work: Work, parked: Parked) -> Outcome:
    """The tokens stay: the CA may still be looking."""
    journal = work.context.journal
    tries = {state: [at.isoformat() for at in times] for state, times in work.tries.items()}
    if parked.asked or tries:
        work.attempt = journal.move(
            work.attempt,
            work.attempt.state,
            "attempt.waits",
            **work.remember(asked=parked.asked, tries=tries),
        )
    work.attempt = journal.park(work.attempt, parked.until, parked.why, kind=parked.kind)
    work.tell(events.Parked, until=parked.until, why=parked.why)
    outages.tell(work)
    return Outcome(work.target, Result.PARKED, parked.why, parked.until)
