"""What commands share that only look at what is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from renewd import journal as journals
from renewd.clock import SystemClock
from renewd.config.load import Loaded

if TYPE_CHECKING:
    from renewd.journal import Journal


@contextmanager
def journal(loaded: Loaded) -> "Iterator[Journal | None]":
    """The journal to read from; None where nothing was ever journaled: asking makes no files and no tables."""
    configuration = loaded.configuration
    if not journals.exists(configuration.state_directory, configuration.state):
        yield None
        return
    from renewd.journal import Journal

    opened = Journal.look(configuration.state_directory, SystemClock(), state=configuration.state)
    try:
        yield opened
    finally:
        if opened is not None:
            opened.close()
