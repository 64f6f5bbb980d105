"""How long an issuer's calls take, told as events: for whoever looks whether a service slows down."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

from renewd.clock import Clock
from renewd.issuers.base import Issuer
from renewd.renewal.events import Event

CALLS = ("current", "order", "read", "validate", "finalize", "outcome", "collect")  # of issuers.base.Issuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Event):
    """One call is over, well or not."""

    event: ClassVar[str] = "issuer.asked"
    level: ClassVar[str] = "debug"
    issuer: str
    call: str
    seconds: float
    ok: bool


def timed(issuer: Issuer, clock: Clock, emit: Callable[[Event], None]) -> Issuer:
    """The same issuer, each of its calls followed by an event."""
    for call in CALLS:
        setattr(issuer, call, _timed(issuer, call, clock, emit))
    return issuer


def _timed(issuer: Issuer, call: str, clock: Clock, emit: Callable[[Event], None]) -> Callable[..., Any]:
    work: Callable[..., Any] = getattr(issuer, call)

    @wraps(work)
    def timing(*args: Any, **options: Any) -> Any:
        began, ok = clock.monotonic(), False
        try:
            result = work(*args, **options)
            ok = True
        finally:
            name = getattr(args[0], "name", "") if args else ""
            seconds = round(clock.monotonic() - began, 6)
            emit(Asked(name=name, issuer=issuer.name, call=call, seconds=seconds, ok=ok))
        return result

    return timing
