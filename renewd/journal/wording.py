"""Every error of a database as StateUnusable, in words; values that were to be stored are no part of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from renewd.errors import StateAway, StateUnusable

WAIT_SECONDS = 30  # another process writes for milliseconds; this long only a stuck one does

_WORDS = (
    ("disk is full", "the disk is full"),
    ("no space left", "the disk is full"),
    ("readonly", "it is read-only for this user"),
    ("read-only transaction", "it takes no writes: it is a standby, or was made read-only"),
    ("unable to open", "it cannot be opened"),
    ("disk i/o", "the disk reports an error"),
    ("locked", f"another process has kept it locked for {WAIT_SECONDS} s"),
    ("lock timeout", f"another process has kept it locked for {WAIT_SECONDS} s"),
    ("statement timeout", f"it did not answer within {WAIT_SECONDS} s"),
    ("not a database", "it is damaged"),
    ("malformed", "it is damaged"),
)
_BROKEN = ("not a database", "malformed")


@contextmanager
def mapped(what: str, secret: str = "", *, local: bool = True) -> Iterator[None]:
    """Foreign errors become StateUnusable, a server's that is not `local` StateAway; `secret` is what no message may show."""
    try:
        yield
    except OSError as error:
        raise StateUnusable(f"{what} cannot be used: {error.strerror}") from error
    except (DBAPIError, PoolTimeout, InvalidRequestError, sqlite3.Error) as error:
        said = _said(error)
        words = next((words for mark, words in _WORDS if mark in said.lower()), said)
        if secret:
            words = words.replace(secret, "***")
        kind = StateAway if isinstance(error, DBAPIError) and not local else StateUnusable
        raise kind(f"{what} cannot be used: {words}") from (None if secret else error)


def tells_of_damage(error: BaseException | None) -> bool:
    """Whether the error says that a file is no whole database any more."""
    said = "" if error is None else _said(error).lower()
    return isinstance(error, DBAPIError | sqlite3.Error) and any(mark in said for mark in _BROKEN)


def _said(error: BaseException) -> str:
    """The first line of what the database said: further ones may show values."""
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return said.strip().partition("\n")[0]
