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


@contextmanager
def answering(
    state_directory: str, stuck: Callable[[], str], unasked: Callable[[str], None]
) -> Iterator[None]:
    """Tell who asks meanwhile what `stuck` says: why the tick does not seem to be alive, or nothing.

    Where there can be no socket `unasked` is told why, and nothing else is lost.
    """
    with socket.socket(socket.AF_UNIX) as door:
        try:
            _bind(door, state_directory)
        except OSError as error:
            unasked(f"there can be no socket in {state_directory}: {error.strerror or error}")
            yield
            return
        threading.Thread(target=_answer, args=(door, stuck), name="renewd-health", daemon=True).start()
        try:
            yield
        finally:
            with suppress(OSError):  # the next daemon here takes it away
                os.unlink(os.path.join(state_directory, SOCKET))
            door.shutdown(socket.SHUT_RDWR)


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
    """Only who holds the lock comes here: what is there already is of one that is gone."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(state_directory, SOCKET))
    with _address(state_directory) as address:
        door.bind(address)
        os.chmod(address, 0o600)
    door.listen()


def _answer(door: socket.socket, stuck: Callable[[], str]) -> None:
    while True:
        try:
            caller, _ = door.accept()
        except OSError:  # the daemon leaves
            return
        with caller, suppress(OSError):  # who asked is gone
            caller.sendall((stuck() or _ALIVE).encode())


@contextmanager
def _address(state_directory: str) -> Iterator[str]:
    """The socket's address by a descriptor of its folder: a path may be longer than addresses can be (unix(7))."""
    folder = os.open(state_directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
