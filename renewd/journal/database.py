"""The connection: opened, checked and made whole; every error of the database becomes StateUnusable here."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from renewd.clock import Clock
from renewd.errors import StateUnusable
from renewd.journal import schema

BUSY_TIMEOUT_MS = 30_000  # another process writes for milliseconds; this long only a stuck one does
_SIDE_FILES = ("", "-wal", "-shm")


class Database:
    """A journal's database, ready to use; threads share it, each transaction has a connection of its own."""

    def __init__(self, engine: Engine, what: str) -> None:
        self.engine = engine
        self.writer = engine.execution_options(writes=True)  # the same connections
        self.what = what  # its name for people
        self.local = engine.dialect.name == "sqlite"  # no other machine writes to it

    @classmethod
    def of_file(cls, path: str) -> Self:
        """The SQLite file, made if it is not there, readable by its owner only."""
        with mapped(path):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)  # its -wal and -shm take this mode over
            try:
                os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)
            engine = create_engine(URL.create("sqlite", database=path))
            event.listen(engine, "connect", _set_up)
            event.listen(engine, "begin", _begin)
            return cls(engine, path)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only looks."""
        with mapped(self.what), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that has the right to write from its start, and is on the disk when it ends."""
        with mapped(self.what), self.writer.begin() as connection:
            yield connection

    def prepare(self) -> None:
        """Make or upgrade the tables. Raises StateUnusable if a newer renewd wrote them."""
        with self.read() as connection:
            ready = _stored(connection) == schema.HEAD
        if not ready:
            with self.write() as connection:  # looked at once more, now that nobody else can be at it
                _bring_up(connection, _stored(connection), self.what)

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin says so, not where the driver guesses
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL may lose what was committed when the power goes
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Writers take their turn at once: a reader that becomes a writer midway could be refused (SQLITE_BUSY)."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _stored(connection: Connection) -> str | None:
    """The revision of the tables that are there; empty text for none at all, None for somebody else's."""
    names = set(inspect(connection).get_table_names())
    if schema.revision.name not in names:
        return None if names else ""
    return connection.scalar(select(schema.revision.c.version_num))


def _bring_up(connection: Connection, stored: str | None, what: str) -> None:
    if stored == schema.HEAD:
        return
    if stored == "":
        schema.metadata.create_all(connection)
        connection.execute(schema.revision.insert().values(version_num=schema.HEAD))
    elif stored is None:
        raise StateUnusable(
            f"{what} is no journal of renewd's: it holds other tables",
            remedy="move the file away, or choose another state_directory",
        )
    elif stored > schema.HEAD:
        raise StateUnusable(
            f"{what} was written by a newer renewd (schema {stored}, this one knows {schema.HEAD})",
            remedy="install that version again, or move the file away: it holds history, no certificates",
        )
    else:
        from renewd.journal import migration

        migration.upgrade(connection)


def damage(path: str) -> str | None:
    """What is wrong with the SQLite file, in its own words; None if it is whole, empty or absent."""
    if not os.path.exists(path):
        return None
    with mapped(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)
        try:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # it could not be looked at, which is no damage
                raise
            return str(error)
        finally:
            connection.close()
    return None if found == "ok" else str(found)


def move_aside(path: str, now: datetime) -> str:
    """Rename a damaged file and what belongs to it, so that SQLite's own tools can still read it; the new name."""
    aside = f"{path}.damaged-{now:%Y%m%dT%H%M%SZ}"
    with mapped(path):
        for side in _SIDE_FILES:
            if os.path.lexists(path + side):
                os.rename(path + side, aside + side)
    return aside


def open_file(path: str, clock: Clock, *, repair: bool) -> tuple[Database, str | None]:
    """The database in the file, and a sentence if a damaged one had to be moved aside first.

    Raises StateUnusable if it cannot be used, is a newer renewd's, or is damaged and not to be repaired.
    """
    told = None
    if problem := damage(path):
        if not repair:
            raise StateUnusable(
                f"{path} is damaged: {problem}", remedy="the next renewd run or renew moves it aside"
            )
        aside = move_aside(path, clock.now())
        told = f"the journal was damaged ({problem}) and is now {aside}; a new one was begun, certificates are not touched"
    database = Database.of_file(path)
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database, told


_WORDS = (
    ("disk is full", "the disk is full"),
    ("readonly", "it is read-only for this user"),
    ("unable to open", "it cannot be opened"),
    ("disk i/o", "the disk reports an error"),
    ("locked", f"another process has kept it locked for {BUSY_TIMEOUT_MS // 1000} s"),
    ("not a database", "it is damaged"),
    ("malformed", "it is damaged"),
)


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Foreign errors become StateUnusable, in words; values that were to be stored are not part of them."""
    try:
        yield
    except OSError as error:
        raise StateUnusable(f"{what} cannot be used: {error.strerror}") from error
    except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
        said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        words = next((words for mark, words in _WORDS if mark in said.lower()), said)
        raise StateUnusable(f"{what} cannot be used: {words}") from error
