"""What events tell of the daemon and the disk does not: a configuration that was refused, a tick that failed, a clock in doubt."""

from dataclasses import dataclass
from datetime import datetime

from renewd.clock import Clock
from renewd.renewal import events
from renewd.renewal.events import Event

# Of the daemon's own events, which stand beside this part and not below it; known by what the log calls them.
REFUSED, RELOADED, WELL = "configuration.refused", "configuration.reloaded", "configuration.well"
TICK_FAILED = "daemon.tick_failed"
SUSPECT, TRUSTED, LEAVING = "daemon.clock_suspect", "daemon.clock_trusted", "daemon.leaving"
_QUIET = ("debug",)  # levels of events that change nothing anybody looks at


@dataclass
class Heard:
    """The newest of each. Written by whatever thread emits, read by others: every field is replaced as a whole."""

    clock: Clock
    refused: str = ""  # why the newest configuration was not taken
    loaded_at: datetime | None = None  # when the one that holds was taken
    tick_failed: str = ""  # why the last tick could not be done
    suspect: str = ""  # why the present is in doubt
    healthy_pass: datetime | None = None  # when the last one ended after which all was well
    in_pass: bool = False
    beat: float = 0.0  # monotonic: the last sign of life
    changed: int = 0  # counts what may have changed what is known

    def __post_init__(self) -> None:
        self.beat, self.loaded_at = self.clock.monotonic(), self.clock.now()

    def __call__(self, event: Event) -> None:
        """Remember what is to be remembered of it."""
        self.beat = self.clock.monotonic()
        if event.level not in _QUIET:
            self.changed += 1
        if isinstance(event, events.PassStarted | events.PassEnded):
            self.in_pass, self.tick_failed = isinstance(event, events.PassStarted), ""
        else:
            self._of_the_daemon(event)

    def _of_the_daemon(self, event: Event) -> None:
        why = str(getattr(event, "why", ""))
        if event.event == REFUSED:
            self.refused = why
        elif event.event in (RELOADED, WELL):
            self.refused = ""
            self.loaded_at = self.clock.now() if event.event == RELOADED else self.loaded_at
        elif event.event == TICK_FAILED:
            self.in_pass, self.tick_failed = False, str(getattr(event, "message", ""))
        elif event.event in (SUSPECT, TRUSTED):
            self.suspect = why if event.event == SUSPECT else ""
