"""An issuer at which several targets failed alike is left alone for a while, and that is told once."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from renewd.config.targets import Target
from renewd.planning import words
from renewd.planning.breaker import WITHIN, Pause
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.renewal.outcome import Outcome, Result
from renewd.renewal.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerPaused(Event):
    """Told once for all targets of the issuer, as long as they fail alike."""

    event: ClassVar[str] = "issuer.paused"
    level: ClassVar[str] = "error"
    issuer: str
    why: str
    until: datetime


def held(context: Context, target: Target, issuer: str) -> Outcome | None:
    """What becomes of a target while this issuer is left alone; None if it is not."""
    pause = _pause(context, issuer)
    if pause is None:
        return None
    why = f"{_why(pause)}; {issuer} is left alone for {words.span(pause.until - pause.since)}"
    return Outcome(target, Result.HELD, why, pause.until)


def tell(work: Work) -> None:
    """Say that the issuer is left alone, if it was this attempt that made it so."""
    issuer = work.issuer.name
    pause = _pause(work.context, issuer)
    if pause is not None and pause.attempt == work.attempt.id and not pause.told:
        work.context.emit(IssuerPaused(issuer=issuer, why=_why(pause), until=pause.until))


def _pause(context: Context, issuer: str) -> Pause | None:
    """A person who asks may have mended what failed before."""
    return context.journal.pause(issuer, context.began if context.by_hand else None)


def _why(pause: Pause) -> str:
    return f"{pause.targets} certificates failed alike within {words.span(WITHIN)} ({pause.failed})"
