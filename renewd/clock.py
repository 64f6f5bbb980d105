"""The only reader of time and randomness; everything that decides takes an aware `now` instead."""

import random
import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What waits and what needs the present asks one of these; tests hand in one that they move."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since boot, sleep included, that no one sets."""
        ...

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """True if `stop` was set before `seconds` had passed."""
        ...

    def jitter(self, share: float) -> float:
        """A factor between `1 - share` and `1 + share`."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since boot, time asleep included (CLOCK_BOOTTIME)."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """True if `stop` was set before `seconds` had passed."""
        return stop.wait(max(0.0, seconds))

    def jitter(self, share: float) -> float:
        """A factor between `1 - share` and `1 + share`."""
        return random.uniform(1 - share, 1 + share)  # noqa: S311 - spreading load, not a secret


def aware(text: str) -> datetime:
    """A moment as files and answers write it (RFC 3339). Raises ValueError for one without a zone, which could be any."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"there is no zone in {text}")
    return moment
