"""The journal in PostgreSQL, which many hosts share; psycopg is imported only here, by SQLAlchemy.

Nothing here outlives a transaction: no session's lock, setting or prepared statement, so that a pooler may hand each
transaction to another of the server's sessions.
"""

import os
import secrets
from contextlib import suppress

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, make_url

from renewd import whole
from renewd.config import databases
from renewd.errors import StateUnusable
from renewd.journal.database import Database
from renewd.journal.wording import WAIT_SECONDS, mapped

CONNECT_SECONDS = 10
_TABLES = 0x72656E6577640001  # the advisory lock of who makes or upgrades tables, within one transaction
_ID = "journal-id"
_CONNECTION = {
    "connect_timeout": CONNECT_SECONDS,
    "prepare_threshold": None,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # ms
    "application_name": "renewd",
}
_LIMITS = (
    f"SET LOCAL statement_timeout='{WAIT_SECONDS}s'; SET LOCAL lock_timeout='{WAIT_SECONDS}s'; "
    "SET LOCAL idle_in_transaction_session_timeout='60s'"
)
_DURABLE = "; SET LOCAL synchronous_commit=on"  # a server may be set to forget what it said was written


class Server(Database):
    """A database of a PostgreSQL server."""

    local = False

    def __init__(self, url: URL, what: str, host: str) -> None:
        said = {name: value for name, value in _CONNECTION.items() if name not in url.query}
        try:
            engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args=said,
                pool_pre_ping=True,
                pool_size=2,
                max_overflow=6,
                pool_timeout=WAIT_SECONDS,
                pool_recycle=1800,
            )
        except ImportError as error:
            raise StateUnusable(databases.NO_DRIVER, remedy=databases.GET_DRIVER) from error
        super().__init__(engine, what, secret=str(url.password or ""))
        self.reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.host = host
        event.listen(engine, "begin", _begin)

    def alone(self, connection: Connection) -> None:
        """Wait for a lock that ends with the transaction."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TABLES})")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql(_LIMITS + (_DURABLE if writes else ""))


def at(url: str, state_directory: str, *, secret: bool) -> Server:
    """The database of the URL, its tables untouched. Raises StateUnusable if psycopg is missing or the URL is none."""
    try:
        parsed = make_url(databases.database_url(url, password=secret))
    except Exception:  # noqa: BLE001 - whatever it is, it may show the secret
        raise StateUnusable(
            "the database URL that `state` is read from is none that renewd can use"
        ) from None
    what = "the database of `state`" if secret else f"the database {url}"
    return Server(parsed, what, _known(state_directory))


def name_host(state_directory: str) -> None:
    """Give this state directory an id, once: what is installed is known where it is installed."""
    path = os.path.join(state_directory, _ID)
    with mapped(state_directory):
        if os.path.exists(path):
            return
        with suppress(FileExistsError):  # the first one stays
            whole.store(path, secrets.token_hex(8).encode(), over=False)


def _known(state_directory: str) -> str:
    path = os.path.join(state_directory, _ID)
    with mapped(state_directory), suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        return file.read().strip()
    return ""
