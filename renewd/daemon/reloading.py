"""The configuration read again while the daemon works: one that is wrong, or would need a restart, changes nothing."""

import queue
from collections.abc import Callable

from renewd.config.load import Loaded
from renewd.daemon import events as own
from renewd.daemon import newer
from renewd.errors import ConfigurationError
from renewd.renewal import events

_FIXED = ("state_directory", "state")  # where what is under way is known: elsewhere it would be forgotten


class Reloading:
    """What was read and does not hold yet: one thread reads, another takes."""

    def __init__(self, path: str, emit: Callable[[events.Event], None]) -> None:
        self._path = path
        self._emit = emit
        self._fresh: queue.SimpleQueue[Loaded] = queue.SimpleQueue()

    @property
    def waiting(self) -> bool:
        """Whether there is one to be taken."""
        return not self._fresh.empty()

    def take(self) -> Loaded | None:
        """The newest, once; None if none was read since."""
        newest = None
        while not self._fresh.empty():
            newest = self._fresh.get()
        return newest

    def read(self, held: Loaded) -> bool:
        """Whether the file holds from the next tick on instead of what is `held`; why not is told."""
        try:
            fresh = newer.read(self._path)
        except ConfigurationError as error:
            self._emit(own.NotReloaded(why=str(error)))
            return False
        for key in _FIXED:
            if getattr(fresh.configuration, key) != getattr(held.configuration, key):
                self._emit(own.NotReloaded(why=f"{key} changed: that needs a restart"))
                return False
        self._fresh.put(fresh)
        self._emit(own.Reloaded(watched=len(fresh.targets)))
        return True
