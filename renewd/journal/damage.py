"""A journal's file that is damaged or gone: what is wrong with it, its name once it is moved aside, and how long that counts."""

import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime, timedelta

from renewd.journal.patience import TURN_MS, Patience
from renewd.journal.wording import mapped

QUIET = timedelta(hours=1)  # after a journal was lost nothing is ordered: nobody knows what was
_SIDES = ("", "-wal", "-shm", "-unreadable")  # what belongs together
_STAMP = "%Y%m%dT%H%M%SZ"
_LOST = (".damaged-", ".missing-")
_HEADER = 100  # bytes at the beginning of a file (sqlite.org/fileformat2.html)
_MAGIC = b"SQLite format 3\0"
# What says that a file could not be looked at, which is no damage to it.
_ELSEWHERE = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
    }
)  # fmt: skip


def problem(path: str, patience: Patience, *, thorough: bool) -> str | None:
    """What is wrong with the file, in words; None if it is whole, empty or absent."""
    if not os.path.exists(path):
        return None
    with mapped(path):
        if os.path.exists(f"{path}-unreadable"):
            with open(f"{path}-unreadable", encoding="utf-8", errors="replace") as file:
                return file.read().strip() or "a row cannot be read"
        with open(path, "rb") as file:
            header = file.read(_HEADER)
        if header and not (header.startswith(_MAGIC) and set(header[18:20]) <= {1, 2}):
            return "file is not a database"
        return patience.wait(lambda: _found(path, "integrity_check" if thorough else "quick_check"))


def _found(path: str, check: str) -> str | None:
    with closing(sqlite3.connect(path, timeout=TURN_MS / 1000)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        try:
            (found,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _ELSEWHERE:
                raise
            return str(error)
        except UnicodeDecodeError:  # of the message itself, which quotes what it found
            return "file is malformed"
    return None if found == "ok" else str(found)


def move_aside(path: str, now: datetime) -> str:
    """Rename a damaged file and what belongs to it, so that SQLite's own tools can still read it; the new name."""
    aside = f"{path}.damaged-{now.strftime(_STAMP)}"
    with mapped(path):
        for side in _SIDES:
            if os.path.lexists(path + side):
                os.rename(path + side, aside + side)
    return aside


def mark(path: str, now: datetime) -> None:
    """Leave a file whose name says when the journal was found to be gone; one that still counts is enough."""
    if quiet_until(path, now) is None:
        os.close(os.open(f"{path}.missing-{now.strftime(_STAMP)}", os.O_CREAT | os.O_WRONLY, 0o600))


def quiet_until(path: str, now: datetime) -> datetime | None:
    """Until when nothing is ordered, since a journal was lost; None if it may be. The files' names say so."""
    folder, name = os.path.split(path)
    until = None
    for entry in os.listdir(folder):
        for how in _LOST:
            rest = entry.removeprefix(name + how)
            with suppress(ValueError):
                lost = datetime.strptime(f"{rest}+0000", f"{_STAMP}%z")
                if lost <= now < lost + QUIET:
                    until = max(until or lost, lost + QUIET)
    return until
