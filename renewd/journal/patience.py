"""Waiting for a file's other writers in short turns, so that who is asked to leave hears it."""

import sqlite3
import threading
from collections.abc import Callable
from typing import TypeVar

from renewd.clock import SystemClock
from renewd.journal.wording import WAIT_SECONDS

TURN_MS = 1_000  # of one wait inside SQLite, where a signal is not heard
LEAVING_SECONDS = 3.0  # that who was asked to leave still waits
_PAUSE = 0.02  # seconds; some refusals come without a wait
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Result = TypeVar("Result")


class Patience:
    """How long to wait for others; `stop` is the wish to leave."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop or threading.Event()
        self._clock = SystemClock()  # others wait in real time, whatever clock decides on certificates

    def wait(self, step: Callable[[], Result]) -> Result:
        """What `step` returns once nobody is in its way. Raises what it raises when that takes too long."""
        began = self._clock.monotonic()
        asked = None
        while True:
            try:
                return step()
            except (sqlite3.OperationalError, BlockingIOError) as error:
                now = self._clock.monotonic()
                if self._stop.is_set() and asked is None:
                    asked = now
                leaving = asked is not None and now - asked >= LEAVING_SECONDS
                if not _is_busy(error) or leaving or now - began >= WAIT_SECONDS:
                    raise
            threading.Event().wait(_PAUSE)


def _is_busy(error: Exception) -> bool:
    if isinstance(error, BlockingIOError):
        return True
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _BUSY
