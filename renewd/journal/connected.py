"""What every part of the journal stands on: the database and the clock."""

from renewd.clock import Clock
from renewd.journal.database import Database


class Connected:
    """A part of the journal."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
