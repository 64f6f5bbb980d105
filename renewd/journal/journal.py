"""The journal as one thing: `Journal.open`, then what its parts say: attempts, spending, outages, history, leftovers and so on."""

import os
import threading
from datetime import datetime
from types import TracebackType
from typing import Self

from renewd import journal
from renewd.clock import Clock
from renewd.config import secrets
from renewd.config.databases import sqlite_path
from renewd.config.sources import SecretSource
from renewd.errors import SecretUnusable, StateUnusable
from renewd.journal import damage, postgresql, sqlite, wording
from renewd.journal.database import Database
from renewd.journal.forgetting import Forgetting
from renewd.journal.history import History
from renewd.journal.leases import Leases
from renewd.journal.leftovers import Leftovers
from renewd.journal.outages import Outages
from renewd.journal.patience import Patience
from renewd.journal.rebuilding import Rebuilding
from renewd.journal.spending import Spending


class Journal(Spending, Outages, History, Leftovers, Forgetting, Rebuilding, Leases):
    """An open journal. Threads may share it; it belongs to the process that opened it."""

    recovered: str | None = None  # a sentence, where the file before was damaged or gone and a new one begun

    @classmethod
    def open(
        cls,
        state_directory: str,
        clock: Clock,
        *,
        state: str | SecretSource | None = None,
        repair: bool = True,
        stop: threading.Event | None = None,
        lost: str = "",
    ) -> Self:
        """The journal where `state` says, else in the state directory; both are made if they are not there.

        `repair=False` is for who only reads: a damaged file is then left where it is, as a daemon may be using it.
        `stop` shortens waits for other writers; `lost` is what the one says of itself that this one takes the place of.
        Raises StateUnusable if it cannot be used.
        """
        _make(state_directory)
        url, secret = _url(state_directory, state)
        path = sqlite_path(url)
        if path is None:
            postgresql.name_host(state_directory)
            server = postgresql.at(url, state_directory, secret=secret)
            return cls._prepared(server, clock)
        database, recovered = sqlite.open_file(path, clock, repair=repair, patience=Patience(stop), lost=lost)
        made = cls(database, clock)
        made.recovered = recovered
        return made

    @classmethod
    def look(
        cls, state_directory: str, clock: Clock, *, state: str | SecretSource | None = None
    ) -> Self | None:
        """The journal for who only reads; None where nothing was ever journaled: looking makes none."""
        if not journal.exists(state_directory, state):
            return None
        url, secret = _url(state_directory, state)
        path = sqlite_path(url)
        if path is not None:
            return (
                None
                if not os.path.lexists(path)
                else cls.open(state_directory, clock, state=state, repair=False)
            )
        server = postgresql.at(url, state_directory, secret=secret)
        try:
            empty = server.is_empty()
        except BaseException:
            server.close()
            raise
        if empty:
            server.close()
            return None
        return cls._prepared(server, clock)

    @classmethod
    def _prepared(cls, database: Database, clock: Clock) -> Self:
        try:
            database.prepare()
        except BaseException:
            database.close()
            raise
        return cls(database, clock)

    @property
    def lost(self) -> str:
        """Why it must be opened anew: it was taken away or is damaged. Empty while it can be used."""
        return self._database.lost

    def quiet_until(self, now: datetime) -> datetime | None:
        """Until when nothing may be ordered, because what was ordered lately is not known any more."""
        return damage.quiet_until(self._database.what, now) if self._database.local else None

    def close(self) -> None:
        """Let go of the database."""
        self._keeper.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _make(state_directory: str) -> None:
    with wording.mapped(state_directory):
        os.makedirs(state_directory, mode=0o700, exist_ok=True)


def _url(state_directory: str, state: str | SecretSource | None) -> tuple[str, bool]:
    """Where the journal is, as a URL, and whether that is a secret. Raises StateUnusable if it cannot be read."""
    if state is None:
        return f"sqlite:///{journal.path(state_directory)}", False
    if isinstance(state, str):
        return state, False
    try:
        return secrets.resolve(state).reveal(), True
    except SecretUnusable as error:
        raise StateUnusable(f"`state`: {error}", remedy=error.remedy) from error
