"""The decision on one certificate: its state, when renewal is wanted, and why, in a sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from renewd.certs import san
from renewd.certs.facts import Facts
from renewd.config.units import RenewBefore
from renewd.planning import window, words

State = Literal["ok", "due", "expired", "missing", "invalid"]

_SKEW = timedelta(minutes=5)  # clocks differ by that much without anything being wrong


@dataclass(slots=True)
class Rules:
    """What one target wants: when to renew, which names, and its turn in the spread (0 to 1). Not frozen, as Facts are not."""

    rule: RenewBefore
    domains: tuple[str, ...]  # sorted
    spread: float


@dataclass(slots=True)
class Decision:
    """What planning says of one target. Not frozen, as Facts are not."""

    state: State
    at: datetime | None  # when renewal is or was wanted; None where nothing on disk can tell
    due: bool
    why: Callable[[], str] = field(repr=False, compare=False)
    problem: str = field(default="", repr=False, compare=False)  # what is odd beside the times

    @property
    def reason(self) -> str:
        """Why, in a sentence; made when asked for, which nobody does for ten thousand that are well."""
        return self.why()


def decide(facts: Facts, rules: Rules, now: datetime) -> Decision:
    """The decision at `now`. Where several states fit: missing, invalid, expired, due, ok.

    What is missing or invalid is due: a server cannot start with it.
    """
    if facts.state != "present" or facts.not_before is None or facts.not_after is None:
        state: State = "missing" if facts.state == "missing" else "invalid"
        return Decision(state, None, True, lambda: facts.problem or f"it is {state}")
    if facts.not_before >= facts.not_after:
        return Decision("invalid", None, True, lambda: "it ends before it begins")
    return _by_time(facts, (facts.not_before, facts.not_after), rules, now)


def _by_time(facts: Facts, validity: tuple[datetime, datetime], rules: Rules, now: datetime) -> Decision:
    begin, end = validity
    at = window.due_at(begin, end, rules.rule, rules.spread)
    if now >= end:
        return Decision("expired", at, True, lambda: f"expired {words.until(end, now)}")
    if facts.domains != rules.domains and (other := san.difference(facts.domains, rules.domains)):
        return Decision("due", min(at, now), True, lambda: f"due: it {other}", f"it {other}")
    if now >= at:
        return Decision("due", at, True, partial(_why_due, begin, end, rules.rule, now))
    early = "" if begin - now <= _SKEW else _early(begin, now)
    return Decision("ok", at, False, partial(_why_not, end - begin, rules.rule, at, now, early), early)


def _why_due(begin: datetime, end: datetime, rule: RenewBefore, now: datetime) -> str:
    """The rule's own time is told; within the spread it is still to come."""
    told = window.in_words(end - begin, rule)
    plain = window.due_at(begin, end, rule, 0)
    if now >= plain:
        return f"due: {told} was {words.until(plain, now)}"
    return f"due: {told} is {words.until(plain, now)}, and its turn comes a little before"


def _why_not(life: timedelta, rule: RenewBefore, at: datetime, now: datetime, early: str) -> str:
    reason = f"renews {words.until(at, now)}, {window.in_words(life, rule)}"
    return f"{reason}; {early}" if early else reason


def _early(begin: datetime, now: datetime) -> str:
    return f"it is valid only {words.until(begin, now)}: is this machine's clock right?"
