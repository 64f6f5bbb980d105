"""What a CA suggests for a certificate (RFC 9773): when it is asked again, and a renewal made earlier by it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from renewd.certs.facts import Facts
from renewd.planning import words
from renewd.planning.decision import Decision

USUAL, SOONEST, LATEST = (
    timedelta(hours=6),
    timedelta(minutes=5),
    timedelta(days=1),
)  # from one question to the next
AGAIN = timedelta(minutes=10)  # after the first that failed; twice as long after each further one
LONGEST_WINDOW = timedelta(days=400)  # no certificate lives that long; beyond it is nonsense


@dataclass(frozen=True, slots=True)
class Window:
    """When the CA would have a certificate renewed, and a page that says why, if there is one."""

    start: datetime
    end: datetime
    page: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What is known of one certificate, by its serial: nothing else that is live is meant by it."""

    serial: int
    issuer: str  # the configuration's name of who was asked
    next_at: datetime  # when the CA is asked again
    window: Window | None = None
    moment: datetime | None = None  # the one in the window that was chosen
    incident: bool = False  # the window was moved into the past, or lay there and has a page that says why
    follows: bool = False  # the certificate replaced one of which that was said
    failures: int = 0  # questions in a row that were not answered
    said: str = ""  # why not


def sensible(window: Window) -> bool:
    """Whether a window can be meant so."""
    return timedelta() < window.end - window.start <= LONGEST_WINDOW


def learned(
    before: Suggestion, window: Window, now: datetime, *, wait: timedelta | None, chance: float
) -> Suggestion:
    """What is known after an answer at `now`; `chance` (0 to 1) chooses the moment in a window that is new.

    `wait` is what the CA asked for until the next question.
    """
    following = replace(before, next_at=now + pause(wait), failures=0, said="")
    known = before.window
    if known is not None and (known.start, known.end) == (window.start, window.end):
        return replace(following, window=window)
    past = window.end <= now
    moved = known is not None and window.end < known.end
    moment = window.start + (window.end - window.start) * chance
    return replace(following, window=window, moment=moment, incident=past and (moved or bool(window.page)))


def unanswered(
    before: Suggestion, now: datetime, why: str, *, wait: timedelta | None = None, passing: bool = True
) -> Suggestion:
    """What is known after a question that failed: what was known before, and when to ask again; `passing` soon."""
    failures = before.failures + 1
    own = min(AGAIN * (1 << min(failures - 1, 10)), USUAL) if passing else USUAL
    return replace(before, next_at=now + max(own, min(wait or own, LATEST)), failures=failures, said=why)


def pause(wait: timedelta | None) -> timedelta:
    """From an answer to the next question: as long as the CA asks for, within reason."""
    return USUAL if wait is None else min(max(wait, SOONEST), LATEST)


def meant(suggestion: Suggestion, facts: Facts) -> bool:
    """Whether a suggestion is about the certificate that is live."""
    return facts.state == "present" and facts.serial == suggestion.serial


def sooner(decision: Decision, suggestion: Suggestion, now: datetime) -> Decision:
    """The decision with what is suggested for that certificate: it may make a renewal earlier, and never later."""
    at, wanted, window = suggestion.moment, decision.at, suggestion.window
    if at is None or window is None or wanted is None or wanted <= at or decision.state not in ("ok", "due"):
        return decision
    if decision.due and not suggestion.incident:
        return Decision(decision.state, at, True, decision.why, decision.problem)
    due = now >= at
    return Decision("due" if due else "ok", at, due, partial(_why, suggestion, window, now), decision.problem)


def _why(suggestion: Suggestion, window: Window, now: datetime) -> str:
    page = f": see {window.page}" if window.page else ""
    at = suggestion.moment or window.start
    if suggestion.incident:
        return f"due: the CA wants it replaced at once{page}"
    if now >= at:
        return (
            f"due: the CA suggests to renew it between {_shown(window.start)} and {_shown(window.end)}{page}"
        )
    return (
        f"renews {words.until(at, now)}, as the CA suggests between {_shown(window.start)} and "
        f"{_shown(window.end)}{page}"
    )


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
