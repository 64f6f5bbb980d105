"""Taking snapshots beside the tick: when something happened, and when somebody looks at what has become old."""

import os
import threading
from collections.abc import Callable

from renewd.clock import Clock
from renewd.renewal.context import Context
from renewd.report import metrics, snapshot
from renewd.report.web.board import FRESH, Board

PAUSE = 5.0  # seconds between two looks at least
SHARE = 20  # a look is followed by a pause of so many times what it took
_FILES = (
    "renewd.db",
    "renewd.db-wal",
    "preflight.json",
    "served.json",
)  # in the state directory: others may write them


class Looking:
    """A thread of its own that looks whenever it is wanted, and not too often."""

    def __init__(
        self,
        board: Board,
        context: Callable[[], Context],
        failed: Callable[[Exception], None],
        tidy: Callable[[], None],
    ) -> None:
        self._tidy = tidy
        self._board = board
        self._context = context
        self._failed = failed
        self._clock: Clock = board.clock
        self._wanted = threading.Event()
        self._over = threading.Event()
        self._seen = -1  # board.heard.changed at the last look
        self._marks: list[tuple[int, int] | None] = []
        threading.Thread(target=self._run, name="renewd-look", daemon=True).start()

    def want(self) -> None:
        """Look now, or as soon as may be."""
        self._wanted.set()

    def asked(self) -> None:
        """Somebody looks: what is old is looked at anew, for the next one who comes."""
        known = self._board.known
        if known is None or self._clock.now() - known.at > FRESH:
            self._wanted.set()

    def ticked(self) -> None:
        """A tick is over: look if anything happened, here or in another process."""
        if self._board.heard.changed != self._seen or self._files() != self._marks:
            self._wanted.set()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        self._wanted.set()

    def look(self) -> None:
        """One look, published."""
        context = self._context()
        self._seen, self._marks = self._board.heard.changed, self._files()
        known = snapshot.take(context)
        rendered = metrics.certificates(known)
        self._board.known, self._board.metrics = known, rendered

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._over.is_set():
                return
            began = self._clock.monotonic()
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - the next one tries again
                self._failed(error)
            self._tidy()
            self._over.wait(max(PAUSE, SHARE * (self._clock.monotonic() - began)))

    def _files(self) -> list[tuple[int, int] | None]:
        state = self._context().loaded.configuration.state_directory
        return [_mark(os.path.join(state, name)) for name in _FILES]


def _mark(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
