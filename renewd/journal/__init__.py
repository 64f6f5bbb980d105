"""The journal: what must outlive a crash, as attempts and their steps, and who may work on what (leases).

Not for what is on disk: the version store says that, without any database. Read attempt.py first, then journal.py.
"""

import os
from typing import TYPE_CHECKING, Any

from renewd.journal.attempt import Attempt, Failure, Kind, State, Step

if TYPE_CHECKING:
    from renewd.journal.journal import Journal

__all__ = ["Attempt", "Failure", "Journal", "Kind", "State", "Step", "exists"]

FILE = "renewd.db"


def exists(state_directory: str) -> bool:
    """Whether anything was ever journaled here; asked of the folder alone, SQLAlchemy stays unloaded."""
    return os.path.lexists(os.path.join(state_directory, FILE))


def __getattr__(name: str) -> Any:
    """`Journal` when first asked for: it brings SQLAlchemy, which an idle daemon does without (PEP 562)."""
    if name != "Journal":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from renewd.journal.journal import Journal

    return Journal
