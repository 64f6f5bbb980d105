"""`history`: every attempt, step by step, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

from renewd.journal import Attempt, Step
from renewd.journal.attempt import SETTLED
from renewd.planning import words
from renewd.report import style, times

Entry = tuple[Attempt, Sequence[Step]]

GOOD = SETTLED
_TOLD_ABOVE = ("attempt.begun", "attempt.ended")  # the attempt's own line says it


def document(history: Sequence[Entry]) -> dict[str, Any]:
    """The JSON document's value."""
    return {"schema": 1, "attempts": [_row(attempt, steps) for attempt, steps in history]}


def _row(attempt: Attempt, steps: Sequence[Step]) -> dict[str, Any]:
    failure = attempt.failure
    return {
        "name": attempt.name,
        "kind": attempt.kind,
        "started_at": times.rfc3339(attempt.started_at),
        "ended_at": times.rfc3339(attempt.ended_at),
        "outcome": attempt.outcome,
        "state": attempt.state.value,
        "issuer": attempt.issuer,
        "version": attempt.version,
        "failure": failure
        and {"stage": failure.stage, "message": failure.message, "remedy": failure.remedy or None},
        "steps": [{**step.facts, "at": times.rfc3339(step.at), "event": step.event} for step in steps],
    }


def text(history: Sequence[Entry], now: datetime, stream: TextIO) -> str:
    """A line an attempt, its steps below."""
    colour = style.wants_colour(stream)
    if not history:
        return "nothing has been tried yet\n"
    lines = []
    for attempt, steps in history:
        lines.append(_headline(attempt, now, colour))
        lines += [_step(step) for step in steps if step.event not in _TOLD_ABOVE]
        if attempt.failure is not None:
            lines.append(style.safe(f"  {attempt.failure.stage}: {attempt.failure.message}"))
    return "\n".join(lines) + "\n"


def _headline(attempt: Attempt, now: datetime, colour: bool) -> str:
    """`2026-11-23 12:04  contoso.com  renewal by rcl: renewed in 21 seconds`."""
    by = f" by {attempt.issuer}" if attempt.issuer else ""
    if attempt.outcome is None:
        outcome = f"under way since {words.span(now - attempt.started_at)}"
        if attempt.next_try_at is not None:
            outcome += f", goes on {words.until(attempt.next_try_at, now)}"
    else:
        good = attempt.outcome in GOOD
        outcome = style.paint(attempt.outcome.replace("_", " "), "green" if good else "red", colour)
        if attempt.ended_at is not None:
            outcome += f" {'in' if good else 'after'} {words.span(attempt.ended_at - attempt.started_at)}"
    return (
        f"{times.minute(attempt.started_at)}  {style.short_name(attempt.name)}  {attempt.kind}{by}: {outcome}"
    )


def _step(step: Step) -> str:
    facts = " ".join(f"{key}={_shown(value)}" for key, value in step.facts.items())
    return f"  {times.clock(step.at)}  {step.event:<20} {style.safe(facts)}".rstrip()


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
