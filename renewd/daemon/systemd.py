"""What systemd is told of the daemon (sd_notify(3)): ready, its status in words, and that it is alive.

The watchdog is fed only by a tick that does its work: one that fails, or in which nothing happens any more, starves it.
"""

import os
import socket
from collections.abc import Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Self

from renewd.clock import Clock
from renewd.daemon import events as own
from renewd.planning import words
from renewd.renewal import events
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome

IDLE = 300.0  # seconds: between two ticks there is a minute
BUSY = 2700.0  # in a tick without anything happening: a pass gives up what hangs after 30 minutes
_LONGEST = 300  # characters of a status


class Supervisor:
    """systemd, or nobody: then telling does nothing. `status` is what `systemctl status` shows."""

    def __init__(self, clock: Clock, address: str = "", watchdog: float = 0.0) -> None:
        """`address` is a socket's path, or `@` and its abstract name; `watchdog` in seconds, 0 for none."""
        self._clock = clock
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog = watchdog
        self._busy = False
        self._alive_at = self._good_at = (
            clock.monotonic()
        )  # the last sign of life, the last tick that did its work
        self._standing = "starting"
        self._refused = ""
        self._well: dict[str, bool] = {}  # how each target's last try ended

    @classmethod
    def of(cls, environment: MutableMapping[str, str], clock: Clock) -> Self:
        """The one that the environment names; taken out of it, since hooks have nothing to tell systemd."""
        address, microseconds, pid = (
            environment.pop(key, "") for key in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
        )
        ours = microseconds.isdigit() and pid in ("", str(os.getpid()))
        return cls(clock, address, int(microseconds) / 1e6 if ours else 0.0)

    @property
    def status(self) -> str:
        """What is so now, in a line."""
        return " ".join(f"{self._refused}{self._standing}".split())[:_LONGEST]

    def ready(self) -> None:
        """The configuration holds, and the daemon goes about its work."""
        self._tell(READY="1", STATUS=self.status)

    def reloading(self) -> None:
        """Until `ready` the file is being read again."""
        self._tell(RELOADING="1", MONOTONIC_USEC=str(int(self._clock.monotonic() * 1e6)))

    def patience(self, seconds: float) -> float:
        """How long may be waited for a signal, at most `seconds`: the watchdog is fed twice in its time."""
        return min(seconds, self._watchdog / 2) if self._watchdog else seconds

    def feed(self) -> None:
        """Tell that the daemon is alive, if it is."""
        if self._watchdog and self.alive():
            self._tell(WATCHDOG="1")

    def alive(self) -> bool:
        """Whether ticks come, and something happens in the one that is under way."""
        return not self.stuck()

    def stuck(self) -> str:
        """Why the daemon does not seem to be alive; empty if it is."""
        silent = self._clock.monotonic() - self._alive_at
        if silent <= (BUSY if self._busy else IDLE):
            return ""
        return f"nothing was heard of the daemon's tick for {silent / 60:.0f} minutes"

    def began(self) -> None:
        """A tick begins."""
        self._busy = True

    def ended(self) -> None:
        """The tick is over, and did its work."""
        self._alive_at = self._good_at = self._clock.monotonic()
        self._busy = False

    def failed(self) -> None:
        """The tick is over, and came to nothing: what happened in it was no sign of life."""
        self._alive_at, self._busy = self._good_at, False

    def looked(self, context: Context, outcomes: Sequence[Outcome], *, whole: bool) -> None:
        """A pass is over, over all or a few: what is watched, what went wrong when it was tried last, what comes next."""
        known = {} if whole else self._well
        self._well = known | {each.target.name: each.result.well for each in outcomes}
        wrong = [name for name, well in self._well.items() if not well]
        self._standing = "; ".join(
            [
                f"{len(context.loaded.targets)} watched",
                *([f"{_named(wrong)} not renewed: renewd why NAME"] if wrong else []),
                *_next(context),
            ]
        )
        self._tell(STATUS=self.status)

    def hear(self, event: events.Event) -> None:
        """A subscriber to events: within a tick each is a sign of life but for the tick's failure."""
        if isinstance(event, own.TickFailed):
            self._tell(STATUS=" ".join(f"cannot work: {event.message}; {event.remedy}".split())[:_LONGEST])
            return
        if self._busy:
            self._alive_at = self._clock.monotonic()
        said = _SAID.get(type(event))
        if said is not None:
            said(self, event)

    def _reloaded(self, _event: events.Event) -> None:
        self._refused = ""
        self.ready()

    def _kept(self, event: events.Event) -> None:
        if isinstance(event, own.NotReloaded):
            at = self._clock.now().astimezone(UTC)
            self._refused = f"configuration refused at {at:%H:%M} UTC, the old one is kept: {event.why} · "
        self.ready()

    def _leaving(self, _event: events.Event) -> None:
        self._tell(STOPPING="1", STATUS="leaving")

    def _tell(self, **facts: str) -> None:
        if not self._address:
            return
        message = "\n".join(f"{key}={value}" for key, value in facts.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode("utf-8", "replace"), self._address)
        except OSError:  # what is not told now is told with the next tick
            return


_SAID: dict[type[events.Event], Callable[[Supervisor, events.Event], None]] = {
    own.Reloaded: Supervisor._reloaded,  # noqa: SLF001 - its own words, in a table
    own.ConfigurationWell: Supervisor._reloaded,  # noqa: SLF001
    own.NotReloaded: Supervisor._kept,  # noqa: SLF001
    own.Leaving: Supervisor._leaving,  # noqa: SLF001
}


def _named(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} ({names[0]}, …)"


def _next(context: Context) -> list[str]:
    """The next renewal of what is well now."""
    looks = (context.look(target) for target in context.loaded.targets)
    times = [
        (look.decision.at, look.target.name) for look in looks if look.decision.at and not look.decision.due
    ]
    if not times:
        return []
    at, name = min(times)
    return [f"next renewal: {name} {_when(at, context.clock.now())}"]


def _when(at: datetime, now: datetime) -> str:
    """The span ages while it stands there, so the time is beside it."""
    return f"{words.until(at, now)} ({at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
