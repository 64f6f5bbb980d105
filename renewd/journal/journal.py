"""The journal as one thing: `Journal.open`, then what attempts.py, spending.py, history.py and leases.py say."""

import os
from types import TracebackType
from typing import Self

from renewd import journal
from renewd.clock import Clock
from renewd.journal import database
from renewd.journal.history import History
from renewd.journal.leases import Leases
from renewd.journal.spending import Spending


class Journal(Spending, History, Leases):
    """An open journal. Threads may share it; it belongs to the process that opened it."""

    recovered: str | None = None  # a sentence, where a damaged file was moved aside and a new one begun

    @classmethod
    def open(cls, state_directory: str, clock: Clock, *, repair: bool = True) -> Self:
        """The journal of a state directory; both are made if they are not there.

        `repair=False` is for who only reads: a damaged file is then left where it is, as a daemon may be using it.
        Raises StateUnusable if it cannot be used.
        """
        with database.mapped(state_directory):
            os.makedirs(state_directory, mode=0o700, exist_ok=True)
        path = os.path.join(state_directory, journal.FILE)
        opened, recovered = database.open_file(path, clock, repair=repair)
        made = cls(opened, clock)
        made.recovered = recovered
        return made

    @staticmethod
    def exists(state_directory: str) -> bool:
        """Whether anything was ever journaled here."""
        return journal.exists(state_directory)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
