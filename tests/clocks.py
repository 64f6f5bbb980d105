"""A clock that tests move; it fulfils renewd.clock.Clock."""

import threading
from datetime import UTC, datetime, timedelta

from renewd.clock import SystemClock

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class FakeClock:
    """Time passes only by waiting and by `advance`; `waits` holds what was waited for, in seconds."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._lock = threading.Lock()
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """No time passes here for anybody but the clock."""
        if stop.is_set():
            return True
        self.waits.append(seconds)
        self.advance(seconds)
        return stop.is_set()

    def jitter(self, share: float) -> float:
        return 1.0

    def advance(self, length: float | timedelta) -> None:
        """Both the wall's and the monotonic time go on by `length` (seconds, or a timedelta)."""
        seconds = length.total_seconds() if isinstance(length, timedelta) else max(0.0, length)
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def step(self, length: timedelta) -> None:
        """Somebody sets the wall's time; the monotonic time does not change."""
        with self._lock:
            self._now += length


class HurriedClock(SystemClock):
    """The machine's clock, ahead of it by the waits that were too long to be sat out: those pass at once."""

    def __init__(self, longest: float) -> None:
        self._longest = longest  # seconds
        self._ahead = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        if seconds <= self._longest:
            return super().wait(stop, seconds)
        self.skip(seconds)
        return stop.is_set()

    def skip(self, seconds: float) -> None:
        """So much has passed."""
        with self._lock:
            self._ahead += max(0.0, seconds)
