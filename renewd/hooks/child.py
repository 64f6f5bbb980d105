"""A hook's process: started apart from renewd, watched by its pidfd, drained without ever blocking."""

import enum
import os
import select
import signal
import subprocess
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from renewd.clock import Clock
from renewd.hooks import descendants
from renewd.hooks.accounts import User
from renewd.hooks.output import Tail

_UMASK = 0o077  # what a hook writes may hold a private key
_SLICE = 0.1  # seconds until `stop` is looked at again
_READ = 65536  # a pipe's usual size
_LAST_READS = 32  # enough for the largest pipe; a child that goes on writing is not waited for
_DYING = 5.0  # seconds that a killed process may take; one that hangs in the kernel takes for ever


class Watched(enum.Enum):
    """Why a watch came to its end."""

    ENDED = "the process ended"
    LATE = "the time is over"
    STOPPED = "renewd is leaving"


class Child:
    """A process in a session of its own, with nothing on standard input and both outputs in one pipe."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], number: str, user: User | None = None
    ) -> None:
        """Raises OSError if it cannot be started."""
        self._number = number
        self._tail = Tail()
        self._pipe, writing = os.pipe()
        try:
            os.set_blocking(self._pipe, False)
            self._process = descendants.start(lambda: _popen(argv, environment, writing, user))
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(writing)
        self._pidfd = self._watchable()
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        self._poll.register(self._pidfd, select.POLLIN)
        self.ended = False

    def _watchable(self) -> int:
        try:
            return os.pidfd_open(self._process.pid)
        except OSError:
            os.close(self._pipe)
            self._signal(signal.SIGKILL)
            descendants.finish(self._process)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.ended:
            self._kill()
            descendants.abandon(self._process)
        os.close(self._pidfd)
        os.close(self._pipe)

    def watch(self, seconds: float, stop: threading.Event | None, clock: Clock) -> Watched:
        """Read its output until one of the three comes true."""
        until = clock.monotonic() + seconds
        while True:
            if stop is not None and stop.is_set():
                return Watched.STOPPED
            left = until - clock.monotonic()
            if left <= 0:
                return Watched.LATE
            ready = [fd for fd, _ in self._poll.poll(min(left, _SLICE) * 1000)]
            if self._pidfd in ready:
                self.ended = True
                self._drain()
                return Watched.ENDED
            if ready and self._read() == b"":  # every writer closed it; the process may run on
                self._poll.unregister(self._pipe)

    def end(self, grace: float, clock: Clock) -> None:
        """Asked first, killed after `grace` seconds; its children with it, those too that left its session."""
        known = descendants.of(self._process.pid, self._number)
        if self._signal(signal.SIGTERM):
            self.watch(grace, None, clock)
        self._kill(known)
        if not self.ended:
            self.watch(_DYING, None, clock)
        if self.ended:
            self.returncode()

    def returncode(self) -> int:
        """As subprocess says it: negative for a signal. Only for one that ended."""
        return descendants.finish(self._process)

    def output(self) -> str:
        """The last of what it and its children said, escaped."""
        return self._tail.text()

    def _kill(self, known: Collection[descendants.Process] = ()) -> None:
        self._signal(signal.SIGKILL)
        descendants.end(self._process.pid, self._number, known)

    def _signal(self, number: signal.Signals) -> bool:
        """To the whole group; its number is safe from re-use as long as the process was not waited for."""
        with suppress(ProcessLookupError, PermissionError):  # gone already, or it became another user
            os.killpg(self._process.pid, number)
            return True
        return False

    def _read(self) -> bytes | None:
        """The next piece of its output; empty at the end of all, None if there is none yet."""
        try:
            piece = os.read(self._pipe, _READ)
        except BlockingIOError:
            return None
        self._tail.feed(piece)
        return piece

    def _drain(self) -> None:
        for _ in range(_LAST_READS):
            if not self._read():
                return


def _popen(
    argv: Sequence[str], environment: Mapping[str, str], writing: int, user: User | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=environment,
        umask=_UMASK,
        start_new_session=True,
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else user.groups,
    )
