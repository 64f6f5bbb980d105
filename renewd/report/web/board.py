"""What requests read: whole values that are replaced, never changed, by the threads that publish them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.clock import Clock
from renewd.report.heard import Heard
from renewd.report.metrics import Counting
from renewd.report.snapshot import Row, Snapshot

SILENT_IN_PASS = (
    45 * 60.0
)  # seconds: what hangs in a pass is given up after about thirty minutes, which is told
SILENT = 10 * 60.0  # seconds: ticks come every minute
FRESH = timedelta(minutes=5)  # who asks later than that has it looked at anew


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the daemon fares, as of its last tick; it fulfils renewd.report.known.Daemon."""

    last_tick: datetime | None = None
    last_pass: datetime | None = None
    next_pass: datetime | None = None
    suspect: str = ""
    running: bool = True
    pid: int | None = None

    @classmethod
    def of(
        cls, last_tick: datetime, last_pass: datetime | None, next_pass: datetime | None, suspect: str
    ) -> "Pulse":
        """This process's."""
        return cls(last_tick, last_pass, next_pass, suspect, pid=os.getpid())


class Board:
    """The newest of everything."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.heard = Heard(clock)
        self.counting = Counting()
        self.pulse = Pulse()
        self.known: Snapshot | None = None
        self.metrics = b""  # of the certificates, rendered once for each snapshot

    def stuck(self) -> str:
        """Why the daemon does not seem to be alive; empty if it is."""
        silent = self.clock.monotonic() - self.heard.beat
        limit = SILENT_IN_PASS if self.heard.in_pass else SILENT
        return (
            f"nothing was heard of the daemon's tick for {silent / 60:.0f} minutes" if silent > limit else ""
        )

    def complaints(self, now: datetime) -> Iterator[str]:
        """What speaks against calling all of it healthy, a sentence each."""
        for why in (self.stuck(), self.heard.tick_failed):
            if why:
                yield why
        if self.heard.suspect:
            yield f"the clock is not believed: {self.heard.suspect}"
        if self.known is None:
            yield "no certificate has been looked at yet"
            return
        for row, why in self.unhealthy(now):
            yield f"{row.name} is {why}"

    def unhealthy(self, now: datetime) -> Iterator[tuple[Row, str]]:
        """The certificates that are overdue, or cannot be used."""
        for row in self.known.rows if self.known else ():
            why = row.unhealthy(now)
            if why:
                yield row, why
