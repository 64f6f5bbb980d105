"""Taking one target up: under its lease, from where the journal left it, or anew."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from renewd.config.targets import Target
from renewd.errors import Busy
from renewd.journal import Attempt, State
from renewd.renewal import engine, events, resuming, standings, waiting
from renewd.renewal.context import Context
from renewd.renewal.outcome import STOPPED, Outcome, Ready, Result
from renewd.renewal.standings import Turn, held_until, waits
from renewd.renewal.states import RESUMED_AS, STATES
from renewd.renewal.survey import Look
from renewd.renewal.work import Work

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


def _found(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    """What there is to do; where that waits or came to nothing, what is owed is paid and what there is goes live all the same."""
    found, owed, live = _next(context, task, fence), task.owed, context.installer.current(task.target)
    if not isinstance(found, Outcome):
        return found
    if context.live_leaf(task.target) is None:
        version = waiting.newest(context, context.look(task.target), even_due=True)
        return (
            found
            if version is None
            else replace(begin_rollout(context, task.target, version, fence), behind=found)
        )
    if owed is None or task.forced or owed.version != live:
        return found
    until = held_until(context, owed, context.clock.now())
    if until is not None:
        return replace(found, next_try_at=min(until, found.next_try_at or until))
    ready = begin_rollout(context, task.target, owed.version or "", fence, owed=owed.owed)
    return replace(ready, behind=found)


def _next(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    """What comes of the target; where its issuer brings nothing, and it is another one's turn by that, of the other."""
    found, tried = _once(context, task, fence), set[str]()
    while _may_go_on(context, task.target, found, tried):
        under_way = _under_way(context, task)
        turn = standings.turn(context, context.look(task.target), under_way)
        if turn.choice.until is not None:
            return _sooner(found, turn)
        if turn.choice.issuer in tried:
            break
        found = _once(context, task, fence)
    return found


def _may_go_on(context: Context, target: Target, found: Ready | Outcome | None, tried: set[str]) -> bool:
    """Whether an issuer was asked in vain and another one might not be; notes which one was."""
    if len(target.issuers) == 1 or not isinstance(found, Outcome) or context.stop.is_set():
        return False
    last = context.journal.last(target.identity)
    if last is None or last.issuer is None or found.result not in (Result.FAILED, Result.PARKED):
        return False
    tried.add(last.issuer)
    return len(tried) < len(target.issuers)


def _sooner(found: Ready | Outcome | None, turn: Turn) -> Ready | Outcome | None:
    """The same, but that it is looked at again when it is somebody's turn."""
    until = turn.choice.until
    if not isinstance(found, Outcome) or until is None:
        return found
    return replace(found, next_try_at=min(until, found.next_try_at or until))


def _under_way(context: Context, task: Task) -> Attempt | None:
    """What was begun and not ended; what is not due any more, the host that began it goes on with by itself."""
    wanted = task.forced or task.look.decision.due
    return next(iter(context.journal.under_way(task.target.identity, of_others=wanted)), None)


def _once(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    under_way = _under_way(context, task)
    found: Ready | Outcome | None = None
    if under_way is not None:
        found = _go_on(context, task, under_way, fence)
    elif task.owed is not None and not task.forced:
        found = _pay(context, task, task.owed, fence)
    return found or _anew(context, task, fence)


def _go_on(context: Context, task: Task, under_way: Attempt, fence: int) -> Ready | Outcome | None:
    """With what was begun; None if that leads nowhere any more, or if it is another issuer's turn."""
    target = task.target
    if accepted(under_way) or under_way.kind != "renewal":
        until = held_until(context, under_way, context.clock.now())
        if until is not None:
            return waits(target, Result.PARKED, under_way, until)
    else:
        turn = standings.turn(context, context.look(target), under_way)
        if turn.held is not None:
            return turn.held
        if turn.choice.issuer != under_way.issuer:
            resuming.give_way(context, target, under_way, fence)
            return None
    return resuming.resume(context, target, under_way, fence, forced=task.forced)


def _pay(context: Context, task: Task, owed: Attempt, fence: int) -> Ready | Outcome | None:
    """What is owed, if another rollout can pay it."""
    target, version = task.target, _payable(context, owed, task.look)
    if version is None:
        return None
    until = held_until(context, owed, context.clock.now())
    if until is not None:
        return waits(target, Result.HELD, owed, until)
    again = version == owed.version == context.installer.current(target)
    return _deploy(context, target, version, fence, owed.owed if again else ())


def _anew(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    target = task.target
    seen = context.look(target)  # another process may have been here since
    if not seen.decision.due and not task.forced:
        return None
    version = None if task.forced else waiting.newest(context, seen)
    if version is not None:
        return _deploy(context, target, version, fence)
    if context.offline:
        return Outcome(target, Result.HELD, OFFLINE)
    turn = standings.turn(context, seen)
    if turn.held is not None:
        return turn.held
    context.emit(events.Due(name=target.name, reason=seen.decision.reason))
    attempt = _begin(context, task, turn, fence)
    if attempt.state is State.ISSUED:
        context.emit(events.Resumed(name=target.name, state=str(attempt.state)))
    return engine.obtain(Work.of(context, seen, attempt))


def _begin(context: Context, task: Task, turn: Turn, fence: int) -> Attempt:
    journal, target, choice = context.journal, task.target, turn.choice
    fell = {"instead_of": choice.instead_of, "because": choice.why} if choice.instead_of else {}
    known = {
        "forced": task.forced,
        "unresolved": bool(journal.unresolved(target.identity, choice.issuer)),
        **fell,
    }
    attempt = journal.begin(
        target.identity,
        target.name,
        "renewal",
        issuer=choice.issuer,
        fence=fence,
        **resuming.beginning(journal.unfetched(target.identity, choice.issuer), known),
    )
    return standings.tell(context, target, attempt, choice)


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
