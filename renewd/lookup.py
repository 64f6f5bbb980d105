"""Asking the name service, with an end of time."""

import queue
import socket

import httpcore

from renewd import background


def look_up(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name; empty if there are none.

    Raises ConnectTimeout, as getaddrinfo itself knows no time limit, and OSError where no thread can be had for it.
    """
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        answers.put([str(address[0]) for *_, address in found])

    background.start(f"look up {host}", ask)
    try:
        return list(dict.fromkeys(answers.get(timeout=seconds)))
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"the name service did not answer for {host}") from None
