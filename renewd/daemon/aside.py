"""Looks beside the passes: one that goes wrong is told and left alone for a while, and the tick and the others go on."""

from collections.abc import Callable
from datetime import datetime, timedelta

from renewd.clock import Clock
from renewd.daemon import events as own
from renewd.renewal import events

AGAIN = timedelta(hours=1)  # what failed by a defect fails again


class Aside:
    """Which looks failed, and until when they are left alone."""

    def __init__(self, clock: Clock, emit: Callable[[events.Event], None]) -> None:
        self._clock = clock
        self._emit = emit
        self._failed: dict[str, datetime] = {}

    def rests(self, what: str) -> bool:
        """Whether it failed a short while ago."""
        now = self._clock.now()
        return now < self._failed.get(what, now)

    def look(self, what: str, step: Callable[[], None]) -> None:
        """Do it, unless it rests."""
        if self.rests(what):
            return
        try:
            step()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing depends on it
            self._failed[what] = self._clock.now() + AGAIN
            self._emit(own.LookFailed.of(error, look=what))
            return
        if self._failed.pop(what, None) is not None and not self._failed:
            self._emit(own.LookWell())

    def forget(self) -> None:
        """The clock was set: what is left alone by the old one is tried again."""
        self._failed = dict.fromkeys(self._failed, self._clock.now())
