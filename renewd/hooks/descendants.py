"""What hooks leave behind: children that outlive them, leave their session, or have ended and wait to be reaped.

renewd adopts its hooks' orphans (PR_SET_CHILD_SUBREAPER), so they stay below it in the table of processes, where they
are found by their session, their ancestors or the mark in their environment. One that slipped out of all three
(forked twice, in a new session, with an emptied environment) cannot be told from a daemon that a hook was to start.
"""

import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

MARK = "RENEWD_HOOK_ID"
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_ROUNDS = 5  # a dying child may have forked once more
_DYING = 500  # milliseconds until a killed process is no longer waited for

_lock = threading.Lock()
_running: set[int] = set()


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the table of processes."""

    pid: int
    state: str  # Z: ended, not yet reaped
    parent: int
    session: int
    start: int  # clock ticks after boot; with the pid it names one process for ever


@cache
def adopt() -> None:
    """Orphans of hooks become renewd's own children from now on. Where the kernel refuses they go to init, as ever."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(popen: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a hook under the lock, so that `reap` in another thread never takes its exit code away."""
    with _lock:
        process = popen()
        _running.add(process.pid)
    return process


def finish(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a hook that has ended; its pid is free after that."""
    with _lock:
        _running.discard(process.pid)
        return process.wait()


def abandon(process: subprocess.Popen[bytes]) -> None:
    """A killed hook is given a moment to be gone; nobody waits for it after that but `reap`."""
    with _lock:
        _running.discard(process.pid)
        try:
            process.wait(_DYING / 1000)
        except subprocess.TimeoutExpired:
            process.returncode = -signal.SIGKILL  # what it will be; subprocess asks for no more


def of(hook: int, mark: str, known: Collection[Process] = ()) -> list[Process]:
    """What is alive of a hook: `known` of it before, below it or those, in its session, or with its mark."""
    table = _table()
    known = [process for process in known if _same(process)]
    family = _below([hook, *(process.pid for process in known)], table).union(
        process.pid for process in known
    )
    return [
        table[pid]
        for pid in _below([os.getpid()], table)
        if table[pid].state != "Z" and (table[pid].session == hook or pid in family or _marked(pid, mark))
    ]


def end(hook: int, mark: str, known: Collection[Process] = ()) -> None:
    """Kill whatever is left of a hook. `known` is what `of` found while the hook lived, and its children had a parent."""
    for _ in range(_ROUNDS):
        known = of(hook, mark, known)
        if not known:
            break
        for process in known:
            _kill(process)
    reap()


def reap() -> None:
    """Take adopted orphans that have ended off the table of processes.

    A hook's children are in sessions of their own; a child in renewd's session was started by something else,
    which waits for it.
    """
    me, session = os.getpid(), os.getsid(0)
    with _lock:
        for process in _table().values():
            orphan = process.parent == me and process.session != session and process.pid not in _running
            if orphan and process.state == "Z":
                with suppress(ChildProcessError):  # somebody waited for it after all
                    os.waitpid(process.pid, os.WNOHANG)


def _below(roots: Iterable[int], table: Mapping[int, Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    ahead = list(roots)
    while ahead:
        new = [pid for pid in children.get(ahead.pop(), ()) if pid not in found]
        found.update(new)
        ahead.extend(new)
    return found


def _same(process: Process) -> bool:
    """Whether it is still this very process that has the pid."""
    now = _process(process.pid)
    return now is not None and now.start == process.start


def _marked(pid: int, mark: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{MARK}={mark}".encode() in file.read().split(b"\0")
    except OSError:  # it has ended, or is not ours to look at
        return False


def _table() -> dict[int, Process]:
    """Every process there is; empty where none can be looked at (no descriptor is free), which leaves it to the next look."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    found = (_process(int(name)) for name in names if name.isdecimal())
    return {process.pid: process for process in found if process is not None}


def _process(pid: int) -> Process | None:
    """One line of the table (proc(5), /proc/PID/stat); None for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name before it may hold anything
    except OSError:
        return None
    return Process(pid, fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def _kill(process: Process) -> None:
    """Kill this very process, never one that got its pid since, and wait a moment until it is gone."""
    with suppress(
        OSError
    ):  # it has ended, became somebody else's, or no descriptor is free; the next round sees
        pidfd = os.pidfd_open(process.pid)
        try:
            if _same(process):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                poll = select.poll()
                poll.register(pidfd, select.POLLIN)
                poll.poll(_DYING)
        finally:
            os.close(pidfd)
