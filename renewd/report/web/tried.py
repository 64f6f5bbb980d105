"""What was tried for one certificate, attempt by attempt and step by step. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from renewd.planning import words
from renewd.report import times
from renewd.report.history import GOOD, Entry
from renewd.report.web.views import Moment, moment, plain


@dataclass(frozen=True, slots=True)
class Told:
    """One attempt of the history."""

    began: Moment | None
    what: str
    outcome: str
    good: bool
    took: str
    failure: str
    remedy: str
    steps: tuple[tuple[str, str, str], ...]  # time, event, facts


def history(entries: Sequence[Entry], now: datetime) -> list[Told]:
    """Attempts, newest first, step by step."""
    return [_told(entry, now) for entry in entries]


def _told(entry: Entry, now: datetime) -> Told:
    attempt, steps = entry
    failure = attempt.failure
    took = timedelta() if attempt.ended_at is None else attempt.ended_at - attempt.started_at
    return Told(
        moment(attempt.started_at, now),
        plain(f"{attempt.kind} by {attempt.issuer}" if attempt.issuer else attempt.kind),
        (attempt.outcome or "under way").replace("_", " "),
        attempt.outcome in GOOD,
        words.span(took) if attempt.ended_at is not None else "",
        plain(f"{failure.stage}: {failure.message}") if failure else "",
        plain(failure.remedy) if failure else "",
        tuple((times.clock(step.at), step.event, _facts(step.facts.items())) for step in steps),
    )


def _facts(facts: Iterable[tuple[str, Any]]) -> str:
    return plain(" ".join(f"{key}={_shown(value)}" for key, value in facts), 1024)


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
