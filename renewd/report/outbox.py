"""What is still to be told, address by address: who cannot be reached is tried again alone, and delays nobody else."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from renewd.clock import Clock
from renewd.planning import telling
from renewd.planning.telling import Notice
from renewd.renewal.events import Event
from renewd.report import delivery, message
from renewd.report.delivery import Address

AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
MOST = 100  # notices kept for an address that takes none; the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Event):
    """A message was taken, with so many notices in it."""

    event: ClassVar[str] = "notify.sent"
    notices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTold(Event):
    """A message could not be sent; it is tried again."""

    event: ClassVar[str] = "notify.failed"
    level: ClassVar[str] = "warning"
    why: str
    remedy: str


@dataclass(slots=True)
class Tries:
    """When something is tried again: ever later after failures."""

    failures: int = 0
    not_before: datetime | None = None

    def may(self, now: datetime) -> bool:
        """Whether its time has come; a clock that was set back makes no wait longer."""
        until = self.not_before
        return until is None or now >= until or until - now > max(AGAIN[-1], telling.HOLD)

    def went(self, now: datetime, hold: timedelta = timedelta()) -> None:
        """It did well; not again within `hold`."""
        self.failures, self.not_before = 0, now + hold

    def failed(self, now: datetime) -> None:
        """It did not."""
        self.not_before = now + AGAIN[min(self.failures, len(AGAIN) - 1)]
        self.failures += 1


@dataclass(slots=True)
class _Lane:
    """One address: what it has not been told yet."""

    notices: list[Notice] = field(default_factory=list)
    tries: Tries = field(default_factory=Tries)


class Outbox:
    """What addresses are still to be told. While a message is under way (`busy`) nothing may be changed here."""

    def __init__(self, clock: Clock, emit: Callable[[Event], None]) -> None:
        self._clock = clock
        self._emit = emit
        self._lanes: dict[Address, _Lane] = {}
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a message is under way, which takes a minute at most."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def heard(self) -> bool:
        """Whether somebody has been told all of it: then it counts as said."""
        return not self._lanes or not all(lane.notices for lane in self._lanes.values())

    def post(self, addresses: Sequence[Address], notices: Sequence[Notice]) -> None:
        """Every address is to be told these too."""
        self._lanes = {address: self._lanes.get(address) or _Lane() for address in addresses}
        for lane in self._lanes.values():
            lane.notices = [*lane.notices, *notices][-MOST:]

    def carry(self, addresses: Sequence[Address], taken: Callable[[], None]) -> None:
        """Send what is due, beside everything else; `taken` is called when somebody took some of it."""
        now, due = self._clock.now(), {}
        for number, address in enumerate(addresses):
            lane = self._lanes.get(address)
            if lane is not None and lane.notices and lane.tries.may(now):
                due[number] = lane
        if due:
            self._thread = threading.Thread(
                target=self._send, args=(addresses, due, taken), name="telling", daemon=True
            )
            self._thread.start()

    def _send(self, addresses: Sequence[Address], due: dict[int, _Lane], taken: Callable[[], None]) -> None:
        host = os.uname().nodename
        failed = delivery.send(
            {number: (addresses[number], message.compose(lane.notices, host)) for number, lane in due.items()}
        )
        now, told = self._clock.now(), 0
        new = {number: why for number, why in failed.items() if due[number].tries.failures == 0}
        for number, lane in due.items():
            if number in failed:
                lane.tries.failed(now)
            else:
                told = max(told, len(lane.notices))
                lane.notices = []
                lane.tries.went(now)
        if told:
            taken()
            self._emit(Told(notices=told))
        if new:  # told in the log when it begins, and not each time again
            self._emit(NotTold(why=delivery.words(new), remedy=delivery.REMEDY))
