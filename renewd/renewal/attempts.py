"""Taking one target up: under its lease, from where the journal left it, or anew."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.certs import gate
from renewd.config.targets import Target
from renewd.errors import Busy, MaterialRefused, TargetError
from renewd.install.installer import Version
from renewd.journal import Attempt, State
from renewd.planning import window
from renewd.renewal import acceptance, engine, events
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome, Ready, Result
from renewd.renewal.states import RESUMED_AS, STATES
from renewd.renewal.survey import Look
from renewd.renewal.work import Work

ORDER_LIVES = timedelta(days=6)  # a day less than the vendor's seven
PIN_ENDS = timedelta(days=1)  # a rollback by hand holds until the live certificate has less than this


@dataclass(frozen=True, slots=True)
class Task:
    """One target that a pass has something to do for."""

    target: Target
    look: Look
    under_way: Attempt | None = None
    owed: Attempt | None = None
    forced: bool = False


def take_up(context: Context, task: Task) -> Ready | Outcome | None:
    """What became of it: ready for its rollout, an outcome, or None if there was nothing left to do.

    Of what is returned as Ready the lease is kept; `release` gives it back.
    """
    target, journal = task.target, context.journal
    try:
        fence = journal.take(target.identity)
    except Busy as error:
        return Outcome(target, Result.HELD, str(error))
    keep = False
    try:
        found = _found(context, task, fence)
        keep = isinstance(found, Ready)
        return found
    finally:
        if not keep:
            journal.release(target.identity, fence)


def release(context: Context, ready: Ready) -> None:
    """Give the lease of a target back after its rollout."""
    context.journal.release(ready.target.identity, ready.attempt.fence)


def held_until(context: Context, attempt: Attempt | None, now: datetime) -> datetime | None:
    """When a target that failed or waits may be taken up; None if it may be now.

    A person need not wait for renewd's own back-off, but for what the service asked for.
    """
    if attempt is None or attempt.next_try_at is None or attempt.next_try_at <= now:
        return None
    asked = bool(attempt.snapshot.get("asked")) or (
        attempt.failure is not None and attempt.failure.kind == "Throttled"
    )
    return None if context.by_hand and not asked else attempt.next_try_at


def _found(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    journal, target, now = context.journal, task.target, context.clock.now()
    under_way = next(iter(journal.under_way(target.identity)), None)
    if under_way is not None:
        until = held_until(context, under_way, now)
        if until is not None:
            why = under_way.failure.message if under_way.failure else "it waits"
            return Outcome(target, Result.PARKED, why, until)
        return _resume(context, task, under_way, fence)
    if task.owed is not None:
        return _redeploy(context, target, task.owed, fence)
    return _anew(context, task, fence)


def _anew(context: Context, task: Task, fence: int) -> Ready | Outcome | None:
    journal, target, now = context.journal, task.target, context.clock.now()
    seen = context.look(target)  # another process may have been here since
    if not seen.decision.due and not task.forced:
        return None
    last = journal.last(target.identity)
    until = held_until(context, last, now)
    if until is not None and last is not None:
        why = last.failure.message if last.failure else "the last try failed"
        return Outcome(target, Result.HELD, why, until)
    waiting = None if task.forced else waiting_version(context, target)
    if waiting is not None:
        return _deploy(context, target, waiting, fence)
    context.emit(events.Due(name=target.name, reason=seen.decision.reason))
    attempt = journal.begin(target.identity, target.name, "renewal", issuer=target.issuer, fence=fence)
    return engine.obtain(_work(context, seen, attempt))


def _work(context: Context, seen: Look, attempt: Attempt) -> Work:
    """What is invalid is nothing that a new certificate would have to be newer than."""
    live = context.live_leaf(seen.target) if seen.facts.state == "present" else None
    return Work(context, seen.target, attempt, context.issuer(seen.target), live)


def _resume(context: Context, task: Task, attempt: Attempt, fence: int) -> Ready | Outcome:
    target, now = task.target, context.clock.now()
    context.emit(events.Resumed(name=target.name, state=str(attempt.state)))
    to = RESUMED_AS.get(attempt.state, attempt.state)
    if to in STATES and attempt.ordered_at is not None and now - attempt.ordered_at > ORDER_LIVES:
        to = State.DUE
    snapshot = {**attempt.snapshot, "resumed": True, "asked": False}
    attempt = context.journal.resume(attempt, fence)
    attempt = context.journal.move(attempt, to, "attempt.taken_up", snapshot=snapshot)
    work = _work(context, context.look(target), attempt)
    return engine.obtain(work) if to in STATES else _judge_again(work)


def _judge_again(work: Work) -> Ready | Outcome:
    """Time has passed since the version was accepted: the gate looks at it once more before it goes live."""
    context, target, version = work.context, work.target, work.attempt.version or ""
    try:
        if context.installer.current(target) != version:
            bundle = context.installer.load(target, version)
            problems = gate.judge(bundle, acceptance.wanted(work, adopted=True), work.now)
            if problems:
                raise MaterialRefused(
                    "the stored version may not go live any more: " + "; ".join(problems), problems=problems
                )
    except TargetError as error:
        return engine.fail(work, error)
    return engine.ready(work)


def waiting_version(context: Context, target: Target) -> Version | None:
    """An accepted version that is newer than the live one and not due itself; None if there is none."""
    installer, now = context.installer, context.clock.now()
    current = installer.current(target)
    for version in installer.versions(target):
        if version.id == current:
            return None
        if version.accepted and version.not_after is not None and now < version.not_after:
            leaf = installer.load(target, version.id).leaf
            due_at = window.due_at(
                leaf.not_valid_before_utc, leaf.not_valid_after_utc, target.entry.renew_before, 0.0
            )
            if now < due_at:
                return version
    return None


def pinned(context: Context, target: Target) -> bool:
    """Whether a rollback by hand still holds."""
    live = context.live_leaf(target)
    left = timedelta() if live is None else live.not_valid_after_utc - context.clock.now()
    return context.installer.pinned(target) and left >= PIN_ENDS


def _deploy(context: Context, target: Target, version: Version, fence: int) -> Ready | Outcome:
    if pinned(context, target) and not context.by_hand:
        return Outcome(target, Result.HELD, "a rollback by hand holds; renewd deploy ends it")
    attempt = context.journal.begin(
        target.identity,
        target.name,
        "deploy",
        issuer=target.issuer,
        fence=fence,
        state=State.VALIDATED,
        version=version.id,
    )
    return Ready(target, attempt, version.id, Result.DEPLOYED)


def _redeploy(context: Context, target: Target, owed: Attempt, fence: int) -> Ready | Outcome:
    """Pay what an earlier rollout left owing: the hooks alone if its version is live, else all of it."""
    version = owed.version or ""
    if not any(known.id == version for known in context.installer.versions(target)):
        version = ""
    live = context.installer.current(target)
    if not version and live is not None:
        version = live
    if live != version and pinned(context, target) and not context.by_hand:
        return Outcome(target, Result.HELD, "a rollback by hand holds; renewd deploy ends it")
    attempt = context.journal.begin(
        target.identity,
        target.name,
        "deploy",
        issuer=owed.issuer,
        fence=fence,
        state=State.VALIDATED,
        version=version,
    )
    return Ready(target, attempt, version, Result.DEPLOYED, owed.owed if live == version else ())
