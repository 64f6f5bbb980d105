"""Who holds a lease: a process, told apart from every other one that ever was on any machine."""

import os
import socket
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Holder:
    """A process. `boot` is the kernel's boot id and the PID namespace: only within both is `pid` a number we can look up."""

    host: str
    boot: str
    pid: int
    started: str  # clock ticks after boot; a number that is used again has another

    @classmethod
    def here(cls) -> Self:
        """This process."""
        pid = os.getpid()
        return cls(socket.gethostname(), _boot(), pid, _started(pid) or "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The holder that `str` wrote. Raises ValueError if it did not."""
        host, boot, pid, started = text.rsplit("/", 3)
        return cls(host, boot, int(pid), started)

    def __str__(self) -> str:
        return f"{self.host}/{self.boot}/{self.pid}/{self.started}"

    def is_near(self) -> bool:
        """Whether its process can be looked up from here."""
        return self.boot == _boot()

    def is_gone(self, *, same_machine: bool) -> bool:
        """Whether its process has surely ended; `same_machine`: no other machine can have written the lease.

        Another boot id says so only there, as two machines may share a host name. Another PID namespace (a container)
        says nothing: such a lease is waited for until it runs out.
        """
        if self.is_near():
            return _started(self.pid) != self.started
        return same_machine and self.host == socket.gethostname() and not self._booted_now()

    def _booted_now(self) -> bool:
        return self.boot.partition("+")[0] == _boot().partition("+")[0]


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    return f"{boot}+{os.stat('/proc/self/ns/pid').st_ino}"


def _started(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat (proc(5)), counted after the name, which may hold anything; None if it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]
