"""Signals as something to wait for: the handler does little but wake the main thread."""

import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Inbox:
    """The signals that came, in order."""

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver

    def next(self, seconds: float | None = None) -> signal.Signals | None:
        """The next signal; None if none came within `seconds`."""
        readable, _, _ = select.select([self._receiver], [], [], seconds)
        if not readable:
            return None
        number = self._receiver.recv(1)[0]
        return signal.Signals(number)


@contextmanager
def watched() -> Iterator[Inbox]:
    """Take SIGTERM, SIGINT and SIGHUP as mail; only in the main thread.

    Who asks twice to leave does not want to wait: the second time is a KeyboardInterrupt too.
    """
    asked = 0

    def wake(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        """The wake-up descriptor has carried the number already."""
        nonlocal asked
        asked += number != signal.SIGHUP
        if asked > 1:
            raise KeyboardInterrupt

    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    before = {number: signal.signal(number, wake) for number in WATCHED}
    wakeup = signal.set_wakeup_fd(sender.fileno())
    try:
        yield Inbox(receiver)
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        receiver.close()
        sender.close()
