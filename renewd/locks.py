"""Locks on files (flock(2)): waited for while another process or thread has one, but not without end."""

import fcntl
import os
import threading

from renewd.clock import SystemClock

WITHIN = 30.0  # seconds; what is done under a lock takes less, unless who has it was stopped or hangs
_PAUSE = 0.02  # seconds
_CLOCK = SystemClock()  # others wait in real time, whatever clock decides on certificates


class Kept(OSError):
    """Somebody else has it still."""


def take(
    descriptor: int, how: int = fcntl.LOCK_EX, within: float = WITHIN, stop: threading.Event | None = None
) -> None:
    """Lock what is open here, until it is closed or the process ends. Raises Kept after `within` seconds, or once `stop` is set."""
    stop = stop or threading.Event()
    until = _CLOCK.monotonic() + within
    while True:
        try:
            return fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if _CLOCK.monotonic() >= until:
                raise Kept(f"{_holder(descriptor)} has kept it locked for {within:g} s") from error
        if _CLOCK.wait(stop, _PAUSE):
            raise Kept("renewd is leaving")


def _holder(descriptor: int) -> str:
    """Who has it, as far as the kernel says so (proc(5), /proc/locks)."""
    found = os.fstat(descriptor)
    mark = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with open("/proc/locks", encoding="ascii") as file:
        held = (line.split()[1:6] for line in file)
        pids = [pid for kind, _, _, pid, where in held if (kind, where) == ("FLOCK", mark)]
    return f"process {pids[0]}" if pids else "another process"
