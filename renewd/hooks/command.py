"""One hook, run from start to end: it may hang, flood, fork away or not exist, and never stops renewd."""

import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from renewd.clock import Clock, SystemClock
from renewd.config.targets import HookCommand
from renewd.hooks import accounts, descendants, program
from renewd.hooks.child import Child, Watched
from renewd.hooks.program import NotRunnable

GRACE = 10.0  # seconds between TERM and KILL: time for a server's own orderly end
LEAVING = 3.0  # the same while renewd itself leaves: `docker stop` kills ten seconds after it asked

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a hook ended: `why` is empty if it went well; `output` is escaped and its last part only."""

    ok: bool
    why: str
    output: str
    seconds: float


def run(
    command: HookCommand,
    variables: Mapping[str, str],
    stop: threading.Event | None = None,
    *,
    grace: float = GRACE,
    clock: Clock | None = None,
) -> Ran:
    """Run a hook until it ends, its time is over, or `stop` is set; every failure is told in the result.

    It is over when the process is, though children of it may live on (a daemon that it started) and hold its output.
    """
    clock = clock or SystemClock()
    started = clock.monotonic()
    if stop is not None and stop.is_set():
        return Ran(False, "not started because renewd is leaving", "", 0.0)
    descendants.reap()
    try:
        child = _start(command, variables)
    except NotRunnable as problem:
        return Ran(False, str(problem), "", clock.monotonic() - started)
    with child:
        watched = child.watch(command.timeout.total_seconds(), stop, clock)
        if watched is Watched.ENDED:
            why = _ending(child.returncode())
        else:
            child.end(grace if watched is Watched.LATE else min(grace, LEAVING), clock)
            why = _cut_short(watched, command) + ("" if child.ended else "; it cannot be killed")
        return Ran(not why, why, child.output(), clock.monotonic() - started)


def environment(variables: Mapping[str, str], number: str) -> dict[str, str]:
    """All that a hook finds in its environment; nothing of renewd's own gets there."""
    return {**variables, "PATH": program.PATH, "LANG": "C.UTF-8", descendants.MARK: number}


def _start(command: HookCommand, variables: Mapping[str, str]) -> Child:
    """Raises NotRunnable in words."""
    name = command.argv[0] if command.argv else ""
    user = accounts.find(command.user)
    path = program.find(name, trusted=() if user is None else (user.uid,))
    number = f"{os.getpid()}-{next(_numbers)}"
    descendants.adopt()
    try:
        return Child([path, *command.argv[1:]], environment(variables, number), number, user)
    except OSError as error:
        raise NotRunnable(program.words(name, error)) from error


def _ending(returncode: int) -> str:
    """Empty for 0, else how the process ended."""
    if returncode < 0:
        known = -returncode in set(signal.Signals)
        return f"killed by signal {-returncode}{f' ({signal.Signals(-returncode).name})' if known else ''}"
    return f"ended with {returncode}" if returncode else ""


def _cut_short(watched: Watched, command: HookCommand) -> str:
    if watched is Watched.STOPPED:
        return "ended because renewd is leaving"
    return f"ran longer than {command.timeout.total_seconds():g} s and was ended, with its children"
