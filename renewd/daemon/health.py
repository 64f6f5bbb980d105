"""Whether the tick is alive, as the daemon itself answers at a socket in its state directory.

A file could only tell what was so a while ago, and a pid or a time mean something else in another container. A daemon
that was stopped or hangs does not answer; one that is gone is not connected to.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from renewd.daemon import presence

SOCKET = "health"
WITHIN = 5.0  # seconds for an answer, which takes a millisecond where nobody waits for the processor
_ALIVE = "alive"
_LONGEST = 1024  # bytes of an answer


class Door:
    """Where the daemon is asked, until it is closed. Where there can be no socket that is told, and nothing else is lost."""

    def __init__(
        self, state_directory: str, stuck: Callable[[], str], unasked: Callable[[str], None]
    ) -> None:
        """Who asks is told what `stuck` says: why the tick does not seem to be alive, or nothing."""
        self._state, self._stuck, self._unasked = state_directory, stuck, unasked
        self._socket: socket.socket | None = None
        self._why = ""  # there is none

    def insist(self) -> None:
        """Be asked here still, or again: the socket may be taken away with its folder."""
        if self._socket is not None and os.path.exists(os.path.join(self._state, SOCKET)):
            return
        self.close()
        door = socket.socket(socket.AF_UNIX)
        try:
            _bind(door, self._state)
        except OSError as error:
            door.close()
            why, before = f"there can be no socket in {self._state}: {error.strerror or error}", self._why
            self._why = why
            if why != before:
                self._unasked(why)
            return
        self._socket, self._why = door, ""
        threading.Thread(target=self._answer, args=(door,), name="renewd-health", daemon=True).start()

    def close(self) -> None:
        """Nobody is answered any more."""
        door, self._socket = self._socket, None
        if door is not None:
            door.shutdown(socket.SHUT_RDWR)  # wakes accept, which closing alone does not

    def _answer(self, door: socket.socket) -> None:
        with door:
            while self._socket is door:
                try:
                    caller, _ = door.accept()
                except OSError:
                    if self._socket is door:
                        threading.Event().wait(0.1)  # out of descriptors: others end soon
                    continue
                with caller, suppress(OSError):  # who asked is gone
                    caller.sendall((self._stuck() or _ALIVE).encode())


@contextmanager
def answering(
    state_directory: str, stuck: Callable[[], str], unasked: Callable[[str], None]
) -> Iterator[Door]:
    """Answer who asks meanwhile. Only who holds the lock comes here: a socket that is there is of one that is gone."""
    path, door = os.path.join(state_directory, SOCKET), Door(state_directory, stuck, unasked)
    with suppress(OSError):
        os.unlink(path)
    door.insist()
    try:
        yield door
    finally:
        with suppress(OSError):
            os.unlink(path)
        door.close()


class Unwell(NamedTuple):
    """What is wrong with a daemon, and what a person can do."""

    why: str
    remedy: str = "see its log, then restart it: what is under way is taken up again"


def ask(state_directory: str) -> Unwell | None:
    """None if the tick of the daemon on this state directory is alive."""
    try:
        said = _said(state_directory)
    except TimeoutError:
        return Unwell(f"{_daemon(state_directory)} does not answer: it was stopped, or hangs")
    except PermissionError:
        closed = f"the state directory {state_directory} is closed to this user"
        return Unwell(closed, "ask as root, or as the user that the daemon runs as")
    except OSError:
        return _nobody(state_directory)
    return None if said == _ALIVE else Unwell(said or f"{_daemon(state_directory)} ended while it was asked")


def _nobody(state_directory: str) -> Unwell:
    if not presence.ask(state_directory).running:
        none = f"no daemon runs with the state directory {state_directory}"
        return Unwell(none, "start it: renewd run, or systemctl start renewd")
    deaf = f"{_daemon(state_directory)} takes no questions: it starts, or runs on another machine"
    return Unwell(deaf, "ask again; what keeps it from being asked it says in its log")


def _daemon(state_directory: str) -> str:
    return f"the daemon with the state directory {state_directory} (pid {presence.ask(state_directory).pid or 'unknown'})"


def _said(state_directory: str) -> str:
    with socket.socket(socket.AF_UNIX) as caller, _address(state_directory) as address:
        caller.settimeout(WITHIN)
        try:
            caller.connect(address)
        except BlockingIOError:  # so many wait for an answer already
            raise TimeoutError from None
        return caller.recv(_LONGEST).decode("utf-8", "replace")


def _bind(door: socket.socket, state_directory: str) -> None:
    with _address(state_directory) as address:
        door.bind(address)
        os.chmod(address, 0o600)
    door.listen()


@contextmanager
def _address(state_directory: str) -> Iterator[str]:
    """The socket's address by a descriptor of its folder: a path may be longer than addresses can be (unix(7))."""
    folder = os.open(state_directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
