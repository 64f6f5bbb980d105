"""The leases a process holds are kept by one thread, from their taking to their release, whatever the holders wait for."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from renewd import background
from renewd.clock import Clock
from renewd.errors import Fenced, StateUnusable

EVERY = timedelta(minutes=5)  # a third of what a lease lasts: two failures in a row lose none
AGAIN = timedelta(seconds=30)  # after a database that could not be reached
LONGEST = timedelta(hours=2)  # no attempt takes as long: whoever holds a lease so long hangs
_LEAVES_WITHIN = 1.0  # seconds

Lease = tuple[str, int]  # identity, fence


class Keeper:
    """Renews what is held and gives back what could not be given back; `renew` and `give_back` do it to one lease."""

    def __init__(
        self,
        clock: Clock,
        renew: Callable[[str, int], None],
        give_back: Callable[[str, int], None],
        every: timedelta = EVERY,
    ) -> None:
        self._clock = clock
        self._renew = renew
        self._give_back = give_back
        self._every = every
        self._held: dict[Lease, float] = {}  # since when, by the monotonic clock
        self._owed: dict[Lease, float] = {}  # to be given back
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def hold(self, identity: str, fence: int) -> None:
        """Keep this lease from now on."""
        self._add(self._held, (identity, fence))

    def owe(self, identity: str, fence: int) -> None:
        """Give this lease back once the database can be reached; it runs out by itself otherwise."""
        self._add(self._owed, (identity, fence))

    def drop(self, identity: str, fence: int) -> None:
        """Keep it no longer."""
        with self._changed:
            self._held.pop((identity, fence), None)
            self._changed.notify()

    def close(self) -> None:
        """Keep nothing any more; a call under way gets a moment to end, as the database is closed next."""
        with self._changed:
            self._held.clear()
            self._owed.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(_LEAVES_WITHIN)

    def _add(self, leases: dict[Lease, float], lease: Lease) -> None:
        with self._changed:
            leases[lease] = self._clock.monotonic()
            self._changed.notify()
            if self._thread is None:
                with suppress(OSError):  # it lasts a while by itself, and the next one tries again
                    self._thread = background.start("renewd-leases", self._live)

    def _live(self) -> None:
        pause = self._every
        while self._wait(pause):
            with self._changed:
                held, owed = list(self._held.items()), list(self._owed)
            reached = all([self._kept(*each) for each in held] + [self._given_back(each) for each in owed])
            pause = self._every if reached else min(AGAIN, self._every)

    def _wait(self, pause: timedelta) -> bool:
        """Whether there is anything to do after `pause`; False as soon as there is nothing left."""
        with self._changed:
            owed = bool(self._owed)
            self._changed.wait_for(
                lambda: not (self._held or self._owed) or bool(self._owed) > owed,  # or the first is owed now
                min(pause, AGAIN).total_seconds() if owed else pause.total_seconds(),
            )
            if self._held or self._owed:
                return True
            self._thread = None
            return False

    def _kept(self, lease: Lease, since: float) -> bool:
        if self._clock.monotonic() - since > LONGEST.total_seconds():
            self.drop(*lease)
            return True
        try:
            self._renew(*lease)
        except StateUnusable:
            return False
        except Fenced:  # the holder is told by its next write, which is refused
            self.drop(*lease)
        return True

    def _given_back(self, lease: Lease) -> bool:
        try:
            self._give_back(*lease)
        except StateUnusable:
            return False
        with self._changed:
            self._owed.pop(lease, None)
        return True
