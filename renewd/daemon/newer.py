"""A newer configuration on the disk that could not be taken, told before a restart fails on it: nobody may ever reload."""

import os
from collections.abc import Callable, Sequence

from renewd.config import machine, sides
from renewd.config.load import Loaded
from renewd.daemon import events as own
from renewd.errors import ConfigurationError
from renewd.renewal import events

_Marks = list[tuple[int, int] | None]


def read(path: str) -> Loaded:
    """The configuration as it stands there now. Raises ConfigurationError if it cannot be taken here."""
    fresh = sides.load(path)
    machine.insist(fresh)
    return fresh


class Newer:
    """The files of the configuration that holds, and the folders they are in, looked at with every tick."""

    def __init__(self, path: str, files: Sequence[str], emit: Callable[[events.Event], None]) -> None:
        self._path = path
        self._watched = sorted({*files, *map(os.path.dirname, files)})
        self._emit = emit
        self._seen = self._known = self._marks()
        self._wrong = False

    def look(self) -> None:
        """Read what has changed, and not since the last look: somebody may still be writing. Each change is told once."""
        marks = self._marks()
        still, self._seen = marks == self._seen, marks
        if marks == self._known or not still:
            return
        self._known = marks
        try:
            read(self._path)
        except ConfigurationError as error:
            self._wrong = True
            self._emit(own.NotReloaded(why=str(error)))
            return
        if self._wrong:
            self._wrong = False
            self._emit(own.ConfigurationWell())

    def refused(self) -> None:
        """What stands there now was told already."""
        self._known, self._wrong = self._marks(), True

    def _marks(self) -> _Marks:
        return [_mark(path) for path in self._watched]


def _mark(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
