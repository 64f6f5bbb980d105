"""The journal: what must outlive a crash, as attempts and their steps, and who may work on what (leases).

Not for what is on disk: the version store says that, without any database. Read attempt.py first, then journal.py.
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from renewd.config.databases import sqlite_path
from renewd.journal.attempt import Attempt, Failure, Kind, State, Step

if TYPE_CHECKING:
    from renewd.config.sources import SecretSource
    from renewd.journal.journal import Journal

__all__ = ["Attempt", "Failure", "Journal", "Kind", "State", "Step", "exists", "lock", "path", "was_made"]

FILE = "renewd.db"


def path(state_directory: str) -> str:
    """The journal's file where `state` names no other database."""
    return os.path.join(state_directory, FILE)


def lock(path: str) -> str:
    """What who opens a journal's file locks. It is no part of the file's name, so that it outlives `rm renewd.db*`."""
    return os.path.splitext(path)[0] + ".lock"


def was_made(path: str) -> bool:
    """Whether there was a journal once, whatever became of it: its lock is not empty from then on."""
    with suppress(OSError):
        return os.stat(lock(path)).st_size > 0
    return False


def exists(state_directory: str, state: "str | SecretSource | None" = None) -> bool:
    """Whether anything may have been journaled; only a file is asked, a database that others share is taken to hold something."""
    found = path(state_directory)
    if state is not None:
        named = sqlite_path(state) if isinstance(state, str) else None
        if named is None:
            return True
        found = named
    return os.path.lexists(found) or was_made(found)


def __getattr__(name: str) -> Any:
    """`Journal` when first asked for: it brings SQLAlchemy, which an idle daemon does without (PEP 562)."""
    if name != "Journal":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from renewd.journal.journal import Journal

    return Journal
