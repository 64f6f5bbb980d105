"""One daemon a state directory: the lock that says so, and the small file that says how it fares.

The file is information for `status`, kept apart from the journal so that an idle daemon needs no database.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from renewd import locks, whole
from renewd.clock import aware
from renewd.errors import AlreadyRunning, StateUnusable

LOCK, FACTS = "lock", "daemon.json"
_LOOKED_AT = 2.0  # seconds until the lock is ours that others only look at
TIMES = ("last_pass", "next_pass", "last_tick", "believed")
LEFT = ("last_pass", "last_tick", "believed", "watched")  # what still tells something once it has ended


@dataclass(frozen=True, slots=True)
class Presence:
    """What is known of the daemon on a state directory."""

    running: bool
    pid: int | None = None
    last_pass: datetime | None = None
    next_pass: datetime | None = None
    last_tick: datetime | None = None
    believed: datetime | None = None  # the newest present that was not in doubt
    suspect: str = ""  # why the present is in doubt
    watched: str = ""  # the mark of what it watches
    held: Mapping[str, str] = field(default_factory=dict)  # what targets lack on this machine, by name


class Lock:
    """Being the one daemon here, as long as others find the lock: it may be taken away with its folder."""

    def __init__(self, state_directory: str) -> None:
        self._state = state_directory
        self._descriptor = _locked(state_directory)

    def insist(self) -> None:
        """Be the one daemon here still, or again. Raises AlreadyRunning or StateUnusable if another is, or none can be."""
        try:
            found = os.stat(os.path.join(self._state, LOCK))
        except OSError:
            found = None
        if found is None or not os.path.samestat(found, os.fstat(self._descriptor)):
            fresh = _locked(self._state)
            os.close(self._descriptor)
            self._descriptor = fresh

    def close(self) -> None:
        """Let others be it. The file stays: unlinking it would let two daemons lock two files of one name."""
        os.close(self._descriptor)


@contextmanager
def hold(state_directory: str) -> Iterator[Lock]:
    """Be the one daemon here. Raises AlreadyRunning with the other's pid, StateUnusable if the folder is not usable."""
    lock = Lock(state_directory)
    try:
        yield lock
    finally:
        lock.close()


def _locked(state_directory: str) -> int:
    """The file, open, locked, and with our pid in it."""
    try:
        os.makedirs(state_directory, mode=0o700, exist_ok=True)
        descriptor = os.open(
            os.path.join(state_directory, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        raise StateUnusable(
            f"the state directory {state_directory} cannot be used: {error.strerror}",
            remedy="make it, owned by whoever renewd runs as, or set state_directory",
        ) from error
    try:
        locks.take(descriptor, within=_LOOKED_AT)
    except locks.Kept as error:
        pid = _pid(descriptor)
        os.close(descriptor)
        raise AlreadyRunning(
            f"another renewd (pid {pid or 'unknown'}) runs with the state directory {state_directory}",
            pid=pid,
            remedy="stop that one first, or give this one a state_directory of its own",
        ) from error
    with suppress(OSError):  # a full disk costs what others are told, not the lock
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def mark(names: Iterable[str]) -> str:
    """The same for the same names of targets in the same order, as the configuration writes them."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def tell(
    state_directory: str,
    *,
    suspect: str = "",
    watched: str = "",
    held: Mapping[str, str] = {},
    **times: datetime | None,
) -> None:
    """Leave for `status` how the daemon fares. A full disk costs this information and nothing else."""
    shown: dict[str, Any] = {key: None if at is None else at.isoformat() for key, at in times.items()}
    shown |= {"suspect": suspect, "watched": watched, "held": dict(held)}
    whole.note(os.path.join(state_directory, FACTS), json.dumps(shown))


def ask(state_directory: str) -> Presence:
    """Whether a daemon runs here, and its times; asking changes nothing."""
    running, pid = _held(os.path.join(state_directory, LOCK))
    told = _told(os.path.join(state_directory, FACTS))
    if running:
        return Presence(running=True, pid=pid, **told)
    return Presence(running=False, **{key: told[key] for key in LEFT if key in told})


def look_into(state_directory: str) -> None:
    """Raises StateUnusable where this user may not: what cannot be seen is not absent."""
    try:
        os.scandir(state_directory).close()
    except PermissionError as error:
        raise StateUnusable(
            f"the state directory {state_directory} cannot be read: permission denied",
            remedy="type it as root, or as the user renewd runs as",
        ) from error
    except OSError:  # nothing was kept yet
        return


def _told(path: str) -> dict[str, Any]:
    """What the daemon told; nothing of a file that is not whole."""
    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
        held = {str(name): str(why) for name, why in told.get("held", {}).items()}
        said = {key: str(told.get(key, "")) for key in ("suspect", "watched")}
        times = {key: aware(told[key]) for key in TIMES if told.get(key) is not None}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {**times, **said, "held": held}


def _held(path: str) -> tuple[bool, int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False, 0
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True, _pid(descriptor)
    finally:
        os.close(descriptor)
    return False, 0


def _pid(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else 0
