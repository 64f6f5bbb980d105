"""A crash loop is noticed by its starts: after too many of them without a healthy pass the network is left alone."""

import json
import os
from contextlib import suppress

from renewd import whole
from renewd.clock import Clock

FILE = "starts.json"
MOST = 10  # starts
WITHIN = 600.0  # seconds, time asleep included
QUIET = 900.0  # seconds without the network, in which files in place are looked after all the same


class Starts:
    """The starts since the last healthy pass, by the clock that nobody sets; a reboot begins it anew."""

    def __init__(self, state_directory: str, clock: Clock) -> None:
        self._path = os.path.join(state_directory, FILE)
        self._clock = clock
        self._quiet_until: float | None = None

    def begin(self) -> int:
        """Count this start; how many there were lately if they are too many, else 0."""
        now = self._clock.monotonic()
        lately = [*[at for at in self._read() if 0 <= now - at <= WITHIN][-MOST:], now]
        whole.note(self._path, json.dumps(lately))
        if len(lately) <= MOST:
            return 0
        self._quiet_until = now + QUIET
        return len(lately)

    def quiet(self) -> bool:
        """Whether the network is left alone now."""
        return self._quiet_until is not None and self._clock.monotonic() < self._quiet_until

    def over(self) -> bool:
        """True once, when the quiet time has passed."""
        if self._quiet_until is None or self.quiet():
            return False
        self._quiet_until = None
        return True

    def healthy(self) -> None:
        """A whole pass ended, or the daemon left as it was asked to: the starts before it count no more."""
        with suppress(OSError):
            os.unlink(self._path)

    def _read(self) -> list[float]:
        try:
            with open(self._path, encoding="utf-8") as file:
                return [float(at) for at in json.load(file)]
        except (OSError, ValueError, TypeError, RecursionError):
            return []
