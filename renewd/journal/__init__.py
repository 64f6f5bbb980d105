"""The journal: what must outlive a crash, as attempts and their steps, and who may work on what (leases).

Not for what is on disk: the version store says that, without any database. Read attempt.py first, then journal.py.
"""

import os
from typing import TYPE_CHECKING, Any

from renewd.config.databases import sqlite_path
from renewd.journal.attempt import Attempt, Failure, Kind, State, Step

if TYPE_CHECKING:
    from renewd.config.sources import SecretSource
    from renewd.journal.journal import Journal

__all__ = ["Attempt", "Failure", "Journal", "Kind", "State", "Step", "exists", "path"]

FILE = "renewd.db"


def path(state_directory: str) -> str:
    """The journal's file where `state` names no other database."""
    return os.path.join(state_directory, FILE)


def exists(state_directory: str, state: "str | SecretSource | None" = None) -> bool:
    """Whether anything may have been journaled; only a file is asked, a database that others share is taken to hold something."""
    if state is None:
        return os.path.lexists(path(state_directory))
    found = sqlite_path(state) if isinstance(state, str) else None
    return found is None or os.path.lexists(found)


def __getattr__(name: str) -> Any:
    """`Journal` when first asked for: it brings SQLAlchemy, which an idle daemon does without (PEP 562)."""
    if name != "Journal":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from renewd.journal.journal import Journal

    return Journal
