"""Whose turn it is among the issuers of a target, by what the journal knows of each: failures, back-off, pauses, orders under way."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from renewd.config.targets import Target
from renewd.journal import Attempt, State
from renewd.planning import choosing
from renewd.planning.choosing import Choice, Slack, Standing
from renewd.renewal import asking, outages
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.renewal.outcome import Outcome, Result
from renewd.renewal.survey import Look

HELD_LONGEST = timedelta(days=8)  # nothing waits for longer: a later time was written under a wrong clock
_SENT = frozenset(
    {State.FINALIZE_INTENT, State.RECONCILE}
)  # finalize was called, and its answer is not known
_HERE = frozenset({"InstallFailed", "NotPlaced", "NotPlacedYet"})  # what failed was here, not at the issuer
_OWN = _HERE | {"Fenced", "Parked"}  # nothing is said of the issuer


@dataclass(frozen=True, slots=True, kw_only=True)
class FellBack(Event):
    """Not the first of the target's issuers is asked."""

    event: ClassVar[str] = "issuer.fallback"
    level: ClassVar[str] = "warning"
    issuer: str
    instead_of: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAgain(Event):
    """The first issuer is asked again, after another one issued what runs."""

    event: ClassVar[str] = "issuer.first_again"
    issuer: str
    instead_of: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is; `held` is what becomes of the target while that one may not be asked."""

    choice: Choice
    held: Outcome | None = None


def turn(context: Context, seen: Look, under_way: Attempt | None = None) -> Turn:
    """Whose turn it is; `under_way` is the attempt that waits to go on, if one does."""
    target, now = seen.target, context.clock.now()
    held = {issuer: _held(context, target, issuer, under_way) for issuer in target.issuers}
    if len(target.issuers) == 1:
        found = held[target.issuer]
        return Turn(Choice(target.issuer, None if found is None else found.next_try_at), found)
    if (here := _held_here(context, target)) is not None:
        return Turn(Choice(target.issuer, here.next_try_at), here)
    standings = [_standing(context, seen, issuer, held[issuer], under_way) for issuer in target.issuers]
    choice = choosing.choose(standings, _slack(context, seen), now)
    found = held[choice.issuer] if choice.until is not None else None
    return Turn(choice, None if found is None else replace(found, next_try_at=choice.until))


def tell(context: Context, target: Target, attempt: Attempt, choice: Choice) -> Attempt:
    """Say that not the first issuer is asked, or that it is again; the attempt with that as a step."""
    if choice.instead_of:
        fell = {"issuer": choice.issuer, "instead_of": choice.instead_of, "why": choice.why}
        context.emit(FellBack(name=target.name, **fell))
        return context.journal.note(attempt, FellBack.event, **fell)
    other = choice.issuer if len(target.issuers) == 1 else asking.issuer_of_live(context, target)
    if other == choice.issuer or other not in target.issuers:
        return attempt
    context.emit(FirstAgain(name=target.name, issuer=choice.issuer, instead_of=other))
    return context.journal.note(attempt, FirstAgain.event, issuer=choice.issuer, instead_of=other)


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


def waits(target: Target, result: Result, attempt: Attempt, until: datetime) -> Outcome:
    """What becomes of a target whose attempt failed or was put down, until it may go on."""
    return Outcome(target, result, attempt.failure.message if attempt.failure else "it waits", until)


def _held(context: Context, target: Target, issuer: str, under_way: Attempt | None) -> Outcome | None:
    """Why a target may not be tried at an issuer now."""
    now = context.clock.now()
    if under_way is not None and under_way.issuer == issuer:
        until = _held_until(context, target, under_way, now)
        return None if until is None else waits(target, Result.PARKED, under_way, until)
    failed = next(iter(context.journal.failures(target.identity, issuer)), None)
    until = _held_until(context, target, failed, now)
    if failed is not None and until is not None:
        return waits(target, Result.HELD, failed, until)
    return outages.held(context, target, issuer)


def _held_here(context: Context, target: Target) -> Outcome | None:
    """What went wrong on this machine would go wrong with every issuer: none is asked instead."""
    last = context.journal.last(target.identity)
    if last is None or last.under_way or last.failure is None or last.failure.kind not in _HERE:
        return None
    until = _held_until(context, target, last, context.clock.now())
    return None if until is None else waits(target, Result.HELD, last, until)


def _held_until(context: Context, target: Target, attempt: Attempt | None, now: datetime) -> datetime | None:
    """The same; but where there are several issuers, what went wrong since a person asked is not tried again for them."""
    asked = replace(attempt, snapshot={**attempt.snapshot, "asked": True}) if attempt is not None else None
    since = attempt is not None and attempt.changed_at >= context.began and len(target.issuers) > 1
    return held_until(context, asked if since else attempt, now)


def _standing(
    context: Context, seen: Look, issuer: str, held: Outcome | None, under_way: Attempt | None
) -> Standing:
    journal, identity = context.journal, seen.target.identity
    failed = [one for one in journal.failures(identity, issuer) if _counts(one)]
    waiting = under_way if under_way is not None and under_way.issuer == issuer else None
    tried = [*failed, *([waiting] if waiting is not None and _troubled(waiting) else [])]
    standing = Standing(
        issuer,
        held_until=None if held is None else held.next_try_at,
        said=held.why if held is not None else "",
        unclear=(waiting is not None and waiting.state in _SENT)
        or bool(journal.unresolved(identity, issuer)),
        at_work=waiting is not None,
    )
    last = max((one.ended_at or one.changed_at for one in tried), default=None)
    if last is None or (context.by_hand and last < context.began):  # a person may have mended it before
        return standing
    newest = max(tried, key=lambda one: one.id)
    failure = newest.failure
    return replace(
        standing,
        since=min(one.started_at for one in tried),
        last=last,
        said=failure.message if failure else standing.said,
        refused=failure is not None and not newest.under_way and choosing.for_good(failure.kind),
    )


def _counts(failed: Attempt) -> bool:
    return failed.failure is None or failed.failure.kind not in _OWN


def _troubled(waiting: Attempt) -> bool:
    """Whether an attempt that waits does so because of the issuer."""
    known, failure = waiting.snapshot, waiting.failure
    spent = failure is not None and failure.kind == "OutOfBudget"
    return spent or waiting.state in _SENT or bool(known.get("tries") or known.get("asked"))


def _slack(context: Context, seen: Look) -> Slack:
    """A certificate that is broken or a placeholder is none that runs."""
    end = seen.facts.not_after if seen.facts.state == "present" else None
    taking = context.journal.taking(seen.target.identity)
    return Slack(end, seen.decision.at, taking, hurry=context.by_hand)
