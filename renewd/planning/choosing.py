"""Which of a target's issuers a renewal asks: the first, or the next once the first says no or will be too late. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from renewd.planning import words
from renewd.planning.backoff import Kind, kind_of

SHARE = 4  # of the time that was left when it began to fail, a quarter is given to it: 7 of 30 days
GONE_FOR = timedelta(minutes=5)  # the same where nothing runs that could end
SETTLES = timedelta(
    minutes=30
)  # a finalize may still come to something; then, with nothing running, it is doubled
_NOT_FOR_GOOD = frozenset({"MaterialRefused"})  # the next that it issues may be right


@dataclass(frozen=True, slots=True)
class Standing:
    """How an issuer stands with one target since anything was obtained for it."""

    issuer: str
    since: datetime | None = None  # when the first try began that brought nothing; None: nothing is wrong
    last: datetime | None = None  # when it was last seen to bring nothing
    said: str = ""  # what went wrong last
    refused: bool = False  # it said no for good, as far as renewd can tell
    unclear: bool = False  # finalize was called, and nobody knows what came of it
    held_until: datetime | None = None  # it may not be asked before
    at_work: bool = False  # an attempt waits there to go on


@dataclass(frozen=True, slots=True)
class Slack:
    """What time there is: until the running certificate ends, `end` None if nothing usable runs."""

    end: datetime | None
    due: datetime | None = None  # when renewal was wanted
    taking: timedelta = field(default_factory=timedelta)  # how long a renewal has been taking
    hurry: bool = False  # somebody waits for it


@dataclass(frozen=True, slots=True)
class Choice:
    """Who is asked. `why` is the reason that it is not the first of the list; None in `until` means now."""

    issuer: str
    until: datetime | None = None
    instead_of: str = ""
    why: str = ""


def choose(standings: Sequence[Standing], slack: Slack, now: datetime) -> Choice:
    """The issuer whose turn it is. `standings` are those of all issuers of the target, in the order they are tried.

    Who is waited for is not passed over, and neither is an attempt at work where there is still time for it. Of those
    that were passed over one is asked again when the others may not be asked.
    """
    passed: list[Standing] = []
    turn: datetime | None = None
    open_: list[Standing] = []
    for each in standings:
        turn = passed_over_at(each, slack, now)
        if turn is None or turn > now:
            open_ = [each]
            break
        passed.append(each)
    busy = next((each for each in standings if each.at_work and each not in passed), None)
    candidates = [busy] if busy else [*open_, *passed]
    free = next((each for each in candidates if each.held_until is None or each.held_until <= now), None)
    chosen = free or min(candidates, key=lambda each: each.held_until or now)
    until = None if free else chosen.held_until
    if until is not None and open_ and turn is not None:
        until = min(until, turn)
    first = standings[0]
    if chosen is first:
        return Choice(chosen.issuer, until)
    return Choice(chosen.issuer, until, first.issuer, reason(first, slack, now))


def passed_over_at(standing: Standing, slack: Slack, now: datetime) -> datetime | None:
    """From when on this issuer is not waited for any more; None if all is well with it."""
    held = max(standing.held_until or now, now)
    if standing.since is None and held == now:
        return None
    begin = standing.since or now
    if standing.refused:
        return begin
    if _gone(slack, now):
        soon = timedelta() if slack.hurry else GONE_FOR
        limit = begin + (SETTLES if standing.unclear else soon)
        return now if held > max(limit, now) else limit
    begin = max(begin, slack.due or begin)
    limit = begin + ((slack.end or begin) - slack.taking - begin) / SHARE
    if held > max(limit, now):
        return now
    seen = standing.last is not None and standing.last >= begin + (limit - begin) / 2
    return limit if seen or standing.unclear else None


def for_good(kind: str) -> bool:
    """Whether an issuer that failed with this class of error says the same tomorrow, unless a person changes something."""
    return kind_of(kind) is Kind.CONFIGURATION and kind not in _NOT_FOR_GOOD


def reason(standing: Standing, slack: Slack, now: datetime) -> str:
    """Why an issuer is passed over, in words."""
    said = f": {standing.said}" if standing.said else ""
    if standing.refused:
        return f"{standing.issuer} says no{said}"
    left = "nothing usable runs" if _gone(slack, now) else f"{words.span((slack.end or now) - now)} are left"
    if standing.unclear:
        return f"nothing tells what became of the order at {standing.issuer}, and {left}{said}"
    began = standing.since or now
    if standing.held_until is not None and now - began < GONE_FOR < standing.held_until - now:
        return f"{standing.issuer} may not be asked before {standing.held_until:%d %b %H:%M} UTC, and {left}{said}"
    return f"{standing.issuer} has brought nothing for {words.span(now - began)}, and {left}{said}"


def _gone(slack: Slack, now: datetime) -> bool:
    return slack.end is None or slack.end - slack.taking <= now
