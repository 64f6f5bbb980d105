"""Taking one target up: under its lease, from where the journal left it, or anew."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from renewd.config.targets import Target
from renewd.errors import Busy
from renewd.journal import Attempt, State
from renewd.renewal import engine, events, outages, resuming, waiting
from renewd.renewal.context import Context
from renewd.renewal.outcome import STOPPED, Outcome, Ready, Result
from renewd.renewal.states import RESUMED_AS, STATES
from renewd.renewal.survey import Look
from renewd.renewal.work import Work

HELD_LONGEST = timedelta(days=8)  # nothing waits for longer: a later time was written under a wrong clock
OFFLINE = "nothing is obtained now: renewd was started too often"
BUSY_FOR = timedelta(minutes=1)  # then a target that another process works on is looked at again


@dataclass(frozen=True, slots=True)
class Task:
    """One target that a pass has something to do for."""

    target: Target
    look: Look
    owed: Attempt | None = None
    forced: bool = False


def take_up(context: Context, task: Task) -> Ready | Outcome | None:
    """What became of it: ready for its rollout, an outcome, or None if there was nothing left to do."""
    if context.stop.is_set():
        return Outcome(task.target, Result.PARKED, STOPPED)
    return under_lease(context, task.target, lambda fence: _found(context, task, fence))


def under_lease(
    context: Context, target: Target, work: Callable[[int], Ready | Outcome | None]
) -> Ready | Outcome | None:
    """What `work` makes of the target under its lease, whose fence it is handed.

    Of what is returned as Ready the lease is kept; `release` gives it back.
    """
    journal = context.journal
    try:
        fence = journal.take(target.identity)
    except Busy as error:
        return Outcome(target, Result.HELD, str(error), context.clock.now() + BUSY_FOR)
    found = None
    try:
        found = work(fence)
        return found
    finally:
        if not isinstance(found, Ready):
            journal.release(target.identity, fence)


def release(context: Context, ready: Ready) -> None:
    """Give the lease of a target back after its rollout."""
    context.journal.release(ready.target.identity, ready.attempt.fence)


def accepted(attempt: Attempt) -> bool:
    """Whether all that was obtained is here already, so that nobody has to be asked."""
    return RESUMED_AS.get(attempt.state, attempt.state) not in STATES


def held_until(context: Context, attempt: Attempt | None, now: datetime) -> datetime | None:
    """When a target that failed or waits may be taken up; None if it may be now.

    A person need not wait for renewd's own back-off, but for what the service asked for.
    """
    if attempt is None or attempt.next_try_at is None:
        return None
    if not now < attempt.next_try_at <= now + HELD_LONGEST:
        return None
    asked = bool(attempt.snapshot.get("asked")) or (
        attempt.failure is not None and attempt.failure.kind == "Throttled"
    )
    return None if context.by_hand and not asked else attempt.next_try_at


def _found(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    """What there is to do; where that waits or came to nothing, what is owed is paid all the same."""
    found, owed, live = _next(context, task, fence), task.owed, context.installer.current(task.target)
    if not isinstance(found, Outcome) or owed is None or task.forced or owed.version != live:
        return found
    until = held_until(context, owed, context.clock.now())
    if until is not None:
        return replace(found, next_try_at=min(until, found.next_try_at or until))
    ready = begin_rollout(context, task.target, owed.version or "", fence, owed=owed.owed)
    return replace(ready, behind=found)


def _next(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    target, now = task.target, context.clock.now()
    wanted = (
        task.forced or task.look.decision.due
    )  # what is not, the host that began it goes on with by itself
    under_way = next(iter(context.journal.under_way(target.identity, of_others=wanted)), None)
    if under_way is not None:
        until = held_until(context, under_way, now)
        if until is not None:
            return _held(target, Result.PARKED, under_way, until)
        resumed = resuming.resume(context, task.target, under_way, fence, forced=task.forced)
        if resumed is not None:
            return resumed
    elif task.owed is not None and not task.forced:
        version = _payable(context, task.owed, task.look)
        if version is not None:
            until = held_until(context, task.owed, now)
            if until is not None:
                return _held(target, Result.HELD, task.owed, until)
            live = context.installer.current(target)
            return _deploy(
                context,
                target,
                version,
                fence,
                task.owed.owed if version == task.owed.version == live else (),
            )
    return _anew(context, task, fence)


def _held(target: Target, result: Result, attempt: Attempt, until: datetime) -> Outcome:
    return Outcome(target, result, attempt.failure.message if attempt.failure else "it waits", until)


def _anew(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    journal, target, now = context.journal, task.target, context.clock.now()
    seen = context.look(target)  # another process may have been here since
    if not seen.decision.due and not task.forced:
        return None
    version = None if task.forced else waiting.newest(context, seen)
    if version is not None:
        return _deploy(context, target, version, fence)
    if context.offline:
        return Outcome(target, Result.HELD, OFFLINE)
    failed = next(iter(journal.failures(target.identity)), None)
    until = held_until(context, failed, now)
    if failed is not None and until is not None:
        return _held(target, Result.HELD, failed, until)
    if left_alone := outages.held(context, target):
        return left_alone
    context.emit(events.Due(name=target.name, reason=seen.decision.reason))
    attempt = journal.begin(
        target.identity,
        target.name,
        "renewal",
        issuer=target.issuer,
        fence=fence,
        snapshot={"forced": task.forced, "unresolved": bool(journal.unresolved(target.identity))},
    )
    return engine.obtain(Work.of(context, seen, attempt))


def _payable(context: Context, owed: Attempt, seen: Look) -> str | None:
    """The version whose rollout pays what is owed; None where only a new certificate can, whose rollout runs all hooks."""
    live = context.installer.current(seen.target)
    version = None if owed.version == live else waiting.newest(context, seen)
    if version is not None:
        return version
    return None if seen.decision.due else live


def _deploy(
    context: Context, target: Target, version: str, fence: int, owed: tuple[str, ...] = ()
) -> Ready | Outcome:
    """A version that is in the store goes live; `owed` names the hooks to run if not all of them."""
    until = waiting.pinned_until(context, target)
    if until is not None and context.installer.current(target) != version:
        return Outcome(target, Result.HELD, "a rollback by hand holds; renewd deploy ends it", until)
    return begin_rollout(context, target, version, fence, owed=owed)


def begin_rollout(
    context: Context,
    target: Target,
    version: str,
    fence: int,
    *,
    kind: Literal["deploy", "rollback"] = "deploy",
    owed: tuple[str, ...] = (),
) -> Ready:
    """A version of the store on its way to go live, under an attempt of its own; `owed` names the hooks to run if not all."""
    attempt = context.journal.begin(
        target.identity,
        target.name,
        kind,
        issuer=None,
        fence=fence,
        state=State.VALIDATED,
        version=version,
    )
    return Ready(target, attempt, version, Result.DEPLOYED, owed)
