"""A database ready to use, whichever it is: reading, writing, and its tables. sqlite.py and postgresql.py open one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Executable, Row, inspect, select

from renewd.errors import StateUnusable
from renewd.journal import schema
from renewd.journal.wording import mapped, tells_of_damage

Made = TypeVar("Made")
_NOISE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)  # what decoding it raises
_REVISION = frozenset("0123456789")


class Database:
    """A journal's database; threads share it, each transaction has a connection of its own."""

    local = True  # no other machine writes to it
    host = ""  # which machine's this journal is, where several share the database

    def __init__(self, engine: Engine, what: str, *, secret: str = "") -> None:
        self.engine = engine
        self.reader = engine
        self.writer = engine.execution_options(writes=True)  # the same connections
        self.what = what  # its name for people
        self.lost = ""  # why it must be opened anew, if it must
        self._secret = secret  # what no message may show

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that only looks, and sees the state of one moment."""
        return self._transaction(self.reader)

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that has the right to write from its start, and is on the disk when it ends."""
        return self._transaction(self.writer)

    def alone(self, connection: Connection) -> None:
        """Wait until no other process is at the tables, until the transaction ends; a file's writers always are alone."""

    def distrust(self, why: str) -> None:
        """What is stored was not written by renewd."""
        self.lost = f"it is damaged: {why}"

    def decode(
        self, connection: Connection, query: Executable, make: Callable[[Row[Any]], Made], **bound: Any
    ) -> list[Made]:
        """What `make` makes of each row of the query with these values bound. Raises StateUnusable if one holds what renewd never wrote."""
        try:
            return [make(row) for row in connection.execute(query, bound)]
        except _NOISE as error:
            self.distrust(f"a row holds what renewd never wrote ({type(error).__name__})")
            raise StateUnusable(f"{self.what} cannot be used: {self.lost}") from error

    def prepare(self) -> None:
        """Make or upgrade the tables. Raises StateUnusable if a newer renewd wrote them."""
        with self.read() as connection:
            ready = _stored(connection) == schema.HEAD
        if not ready:
            with self.write() as connection:
                self.alone(connection)
                self._bring_up(
                    connection, _stored(connection)
                )  # asked once more, now that nobody else is at it

    def is_empty(self) -> bool:
        """Whether it has no tables."""
        with self.read() as connection:
            return _stored(connection) == ""

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    def _bring_up(self, connection: Connection, stored: str | None) -> None:
        if stored == schema.HEAD:
            return
        if stored == "":
            schema.metadata.create_all(connection)
            connection.execute(schema.revision.insert().values(version_num=schema.HEAD))
        elif stored is None:
            raise StateUnusable(
                f"{self.what} is no journal of renewd's: it holds other tables",
                remedy="give renewd a file or database of its own: state_directory, or state",
            )
        elif not _REVISION.issuperset(stored):
            self.distrust("its version is no number")
            raise StateUnusable(f"{self.what} cannot be used: {self.lost}")
        elif stored > schema.HEAD:
            raise StateUnusable(
                f"{self.what} was written by a newer renewd (schema {stored}, this one knows {schema.HEAD})",
                remedy="install that version again, or begin a new one: it holds history, no certificates",
            )
        else:
            from renewd.journal import migration

            migration.upgrade(connection, self.what)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        with mapped(self.what, self._secret, local=self.local):
            try:
                with engine.begin() as connection:
                    yield connection
            except UnicodeDecodeError as error:  # of a text, or of SQLite's message that quotes one
                self.distrust("a text is none")
                raise StateUnusable(f"{self.what} cannot be used: {self.lost}") from error
            except Exception as error:
                if self.local and tells_of_damage(error):
                    self.lost = "it is damaged"
                raise


def _stored(connection: Connection) -> str | None:
    """The revision of the tables that are there; empty text for none at all, None for somebody else's."""
    names = set(inspect(connection).get_table_names())
    if schema.revision.name not in names:
        return None if names else ""
    return str(connection.scalar(select(schema.revision.c.version_num)))
