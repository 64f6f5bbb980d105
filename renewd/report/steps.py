"""Events in the few words that a line of progress has room for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from renewd.planning import words
from renewd.renewal import (
    asking,
    debts,
    events,
    inspection,
    leftovers,
    outages,
    permission,
    recovering,
    standings,
    tidying,
    wishes,
)
from renewd.renewal.events import Event


@dataclass(frozen=True, slots=True)
class Said:
    """What an event adds to its target's line."""

    text: str
    lasts: bool = False  # it is under way until the next event, which takes its place
    starts_anew: bool = False  # what came before it need not be said any more
    stays: str = ""  # of `text`, what has to be said also when the line starts anew
    ends: bool = False  # the line is complete
    bad: bool = False
    remedy: str = ""


_HOOKS = {"check": "checked", "reload": "reloaded"}


def said(event: Event, now: datetime) -> Said | None:
    """The words for an event; None where it says nothing worth a place on the line."""
    make = _WORDS.get(type(event))
    return None if make is None else make(event, now)


def called(stage: str) -> str:
    """A stage of a renewal, for people."""
    return "API" if stage == "api" else stage


def again(at: datetime | None, now: datetime) -> str:
    """`; next try in 10 minutes`, or nothing."""
    if at is None:
        return ""
    return f"; next try {words.until(at, now)}" if at > now else "; next try with the next pass"


def _installed(event: events.Installed, _now: datetime) -> Said:
    return Said(f"installed {words.date(event.not_after)}", starts_anew=True)


def _placed(event: events.Placed, _now: datetime) -> Said:
    count = len(event.domains)
    return Said(f"{count} challenge{'' if count == 1 else 's'} placed")


def _accepted(event: events.Accepted, _now: datetime) -> Said:
    other = "; ".join(event.differences)
    text = f"{event.checks} checks passed" + (f"; other than the running one: {other}" if other else "")
    return Said(text, stays=other)


def _failed(event: events.Failed, now: datetime) -> Said:
    then = again(event.next_try_at, now)
    text = (
        f"failed at the {called(event.stage)}: {event.message.rstrip('.') if then else event.message}{then}"
    )
    return Said(text, starts_anew=True, ends=True, bad=True, remedy=event.remedy)


def _owed(event: events.Owed, now: datetime) -> Said:
    text = f"{', '.join(event.hooks)} is owed: {event.why}{again(event.next_try_at, now)}"
    return Said(text, ends=True, bad=True)


_WORDS: dict[type[Event], Callable[[Any, datetime], Said]] = {
    events.Due: lambda _event, _now: Said("looking", lasts=True),
    events.Resumed: lambda event, _now: Said(f"taken up again at {event.state.replace('_', ' ')}"),
    events.Adopted: lambda event, _now: Said(f"adopted from {event.issuer}"),
    events.Ordering: lambda _event, _now: Said("ordering", lasts=True),
    events.Ordered: lambda _event, _now: Said("ordered"),
    events.Placed: _placed,
    permission.Unread: lambda event, _now: Said(f"CAA records could not be read ({event.why})"),
    events.Unseen: lambda event, _now: Said(f"not to be seen from here ({event.saw})"),
    leftovers.Left: lambda event, _now: Said(f"left standing, as it cannot be taken away: {event.what}"),
    events.Finalizing: lambda _event, _now: Said("finalizing", lasts=True),
    events.Reconciling: lambda _event, _now: Said("finding out what became of it", lasts=True),
    events.Issued: lambda _event, _now: Said("issued"),
    events.Waiting: lambda event, now: Said(
        f"again {words.until(event.until, now)}: {event.why}", lasts=True
    ),
    events.Accepted: _accepted,
    events.Installed: _installed,
    events.HookRan: lambda event, _now: Said(_HOOKS.get(event.hook, f"{event.hook} ran")),
    events.HookFailed: lambda event, _now: Said(f"{event.hook} failed"),
    events.Served: lambda _event, _now: Said("served ✓"),
    events.NotServed: lambda _event, _now: Said("not served"),
    events.PutBack: lambda _event, _now: Said("put back"),
    debts.Kept: lambda _event, _now: Said("kept, as it went back within a day"),
    debts.DebtPaid: lambda event, _now: Said(f"{', '.join(event.hooks)} paid"),
    events.Renewed: lambda _event, _now: Said("", ends=True),
    events.WentLive: lambda _event, _now: Said("", ends=True),
    events.Parked: lambda event, now: Said(
        f"waits: {event.why}{again(event.until, now)}", ends=True, bad=True
    ),
    events.Failed: _failed,
    events.Owed: _owed,
    events.Recovered: lambda event, _now: Said(event.what, ends=True),
    recovering.NotRecovered: lambda event, _now: Said(event.what, ends=True, bad=True, remedy=event.remedy),
    inspection.Altered: lambda event, _now: Said(f"{event.what}; {event.then}", ends=True),
    inspection.NotTidied: lambda event, _now: Said(event.why, ends=True),
    tidying.NotTidied: lambda event, _now: Said(event.why, ends=True),
    outages.IssuerPaused: lambda event, now: Said(
        f"{event.why}; {event.issuer} is left alone{again(event.until, now)}", ends=True, bad=True
    ),
    asking.Suggested: lambda event, now: Said(f"the CA suggests to renew it {words.until(event.at, now)}"),
    asking.Incident: lambda event, _now: Said(
        "the CA wants it replaced at once" + (f": {event.page}" if event.page else ""), bad=True
    ),
    asking.Unanswered: lambda event, _now: Said(
        f"{event.directory} suggests nothing: {event.why}", ends=True
    ),
    wishes.NotAsAsked: lambda event, _now: Said(event.why),
    standings.FellBack: lambda event, _now: Said(f"{event.issuer} instead of {event.instead_of}"),
    standings.FirstAgain: lambda event, _now: Said(f"{event.issuer} again"),
    events.JournalBegunAnew: lambda event, _now: Said(event.what, ends=True, bad=True),
    events.PlaceholderPut: lambda _event, _now: Said("a placeholder is in its place", ends=True),
}
