"""The journal in a file: private, whole or moved aside, and noticed when it is taken away."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, QueuePool, create_engine, event

from renewd import journal
from renewd.clock import Clock
from renewd.errors import StateUnusable
from renewd.journal import damage
from renewd.journal.database import Database
from renewd.journal.patience import TURN_MS, Patience
from renewd.journal.wording import mapped

TAKEN_AWAY = "it was taken away while renewd worked with it"


class File(Database):
    """An SQLite file. Whoever works with it notices when another file, or none, is in its place."""

    def __init__(self, path: str, clock: Clock, patience: Patience) -> None:
        engine = create_engine("sqlite+pysqlite://", creator=self._connect, poolclass=QueuePool)
        super().__init__(engine, path)
        self._clock = clock
        self._patience = patience
        self._inode = _make(path)
        # SQLite's own wait for a turn sleeps: threads would lose it to each other
        self._turn = threading.Lock()
        event.listen(engine, "begin", self._begin)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """As the others' are; the threads of this process take turns at once, one after the other."""
        with mapped(self.what):
            self._patience.wait(self._take_turn)
        try:
            with super().write() as connection:
                yield connection
        finally:
            self._turn.release()

    def _take_turn(self) -> None:
        if not self._turn.acquire(timeout=TURN_MS / 1000):
            raise BlockingIOError(f"{self.what}: another thread writes")

    def distrust(self, why: str) -> None:
        """Leave the reason beside the file: to SQLite itself it is whole, and the next opening moves it aside."""
        super().distrust(why)
        with suppress(OSError), open(f"{self.what}-unreadable", "w", encoding="utf-8") as file:
            file.write(why)

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{quote(self.what)}?mode=rw"  # rw: one that was taken away is not made anew by a look
        self._insist()
        connection = sqlite3.connect(uri, uri=True, timeout=TURN_MS / 1000, check_same_thread=False)
        connection.isolation_level = (
            None  # transactions begin where _begin says so, not where the driver guesses
        )
        try:
            self._patience.wait(lambda: _set_up(connection))
        except BaseException:
            connection.close()
            raise
        return connection

    def _begin(self, connection: Connection) -> None:
        self._insist()
        raw: Any = connection.connection.driver_connection
        step = _turn_to_write if connection.get_execution_options().get("writes") else _turn_to_read
        self._patience.wait(lambda: step(raw))

    def _insist(self) -> None:
        """What is open is still what others find here. Raises StateUnusable if it is not."""
        try:
            status = os.stat(self.what)
        except FileNotFoundError:
            status = None
        if status is not None and (status.st_dev, status.st_ino) == self._inode:
            return
        if not self.lost:
            self.lost = TAKEN_AWAY
            with suppress(OSError):  # its folder may be gone as well: then who opens the next one does it
                damage.mark(self.what, self._clock.now())
        raise StateUnusable(f"{self.what} cannot be used: {self.lost}", remedy="renewd begins a new one")


def _make(path: str) -> tuple[int, int]:
    """The file, made if it is not there, readable by its owner only; its device and inode."""
    with mapped(path):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)  # its -wal and -shm take this mode over
        try:
            os.fchmod(descriptor, 0o600)
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return status.st_dev, status.st_ino


def _set_up(connection: sqlite3.Connection) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL may lose what was committed when the power goes
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _turn_to_write(connection: sqlite3.Connection) -> None:
    """Take the turn at once: a reader that becomes a writer midway could be refused."""
    connection.execute("BEGIN IMMEDIATE")


def _turn_to_read(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    try:
        connection.execute(
            "SELECT 1 FROM sqlite_master LIMIT 1"
        ).fetchall()  # from here on nobody is in the way
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def open_file(
    path: str, clock: Clock, *, repair: bool, patience: Patience, lost: str = ""
) -> tuple[File, str | None]:
    """The database in the file, and a sentence if there was one before that is gone or had to be moved aside.

    `lost` is why the one that was open before is of no use any more. Raises StateUnusable if it cannot be used, is a
    newer renewd's, or is damaged and not to be repaired.
    """
    if lost == TAKEN_AWAY:
        with mapped(path):
            damage.mark(path, clock.now())
    with _opening(path, fcntl.LOCK_SH, patience) as lock:
        problem = damage.problem(path, patience, thorough=repair)
        if problem is None and os.path.exists(path):
            return _prepared(path, lock, clock, patience), None
    if problem is not None and not repair:
        raise StateUnusable(
            f"{path} is damaged: {problem}", remedy="the next renewd run or renew moves it aside"
        )
    with _opening(path, fcntl.LOCK_EX, patience) as lock:  # nobody opens it while it is begun anew
        told = _cleared(path, clock.now(), patience)
        return _prepared(path, lock, clock, patience), told


def _cleared(path: str, now: datetime, patience: Patience) -> str | None:
    """Make way for a new file, unless there is a good one; what became of the one before, if there was one."""
    problem = damage.problem(path, patience, thorough=True)  # another process may have been here since
    if problem is not None:
        lost = f"was damaged ({problem}) and is now {damage.move_aside(path, now)}"
    elif journal.was_made(path) and not os.path.exists(path):
        with mapped(path):
            damage.mark(path, now)
        lost = f"{path} is gone"
    else:
        return None
    return (
        f"the journal {lost}; a new one was begun, nothing is ordered for an hour, hooks are run once more, "
        "certificates are not touched"
    )


def _prepared(path: str, lock: int, clock: Clock, patience: Patience) -> File:
    database = File(path, clock, patience)
    try:
        database.prepare()
        with mapped(path):
            if not os.fstat(lock).st_size:
                os.pwrite(lock, b"a journal was made here\n", 0)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def _opening(path: str, how: int, patience: Patience) -> Iterator[int]:
    with mapped(path):
        descriptor = os.open(journal.lock(path), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with mapped(path):
            patience.wait(lambda: fcntl.flock(descriptor, how | fcntl.LOCK_NB))
        yield descriptor
    finally:
        os.close(descriptor)
