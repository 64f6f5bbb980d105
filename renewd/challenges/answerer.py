"""The smallest HTTP server that answers challenges: GET and HEAD of what was placed, 404 for all else.

A connection carries one request, of at most 8 KiB, for at most five seconds; 64 are answered at once.
"""

import contextlib
import socket
import threading

from renewd.certs.order import Token
from renewd.challenges import http01
from renewd.clock import SystemClock

_AT_ONCE = 64  # connections; further ones wait in the kernel's queue
_LARGEST = 8192  # bytes of a request
_LONGEST = 5.0  # seconds from accepting a connection to closing it
_CLOCK = SystemClock()  # sockets wait in real time


class Answerer:
    """Listens from its making until `close`. `tokens` is replaced, never changed: readers need no lock."""

    def __init__(self, host: str, port: int) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        self.tokens: frozenset[Token] = frozenset()
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._closed = False
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(address)
            self._socket.listen(_AT_ONCE)
        except BaseException:
            self._socket.close()
            raise
        self._thread = threading.Thread(target=self._accept, name=f"challenges on {host}:{port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Free the address; what is being answered is answered to its end."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept, which closing alone does not
        self._thread.join()
        self._socket.close()

    def _accept(self) -> None:
        while not self._closed:
            self._free.acquire()
            try:
                connection, _ = self._socket.accept()
            except OSError:
                self._free.release()
                if not self._closed:
                    threading.Event().wait(0.1)  # out of descriptors: the others end soon
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                connection.sendall(self._answer(_request(connection)))
                connection.shutdown(socket.SHUT_WR)
        finally:
            self._free.release()

    def _answer(self, request: str) -> bytes:
        line, *headers = request.split("\r\n")
        method, _, rest = line.partition(" ")
        value = self._value(rest.partition(" ")[0], _host(headers)) if method in {"GET", "HEAD"} else None
        body = b"not found\n" if value is None else value.encode()
        head = (
            f"HTTP/1.1 {'404 Not Found' if value is None else '200 OK'}\r\n"
            f"Content-Type: {'text/plain' if value is None else 'application/octet-stream'}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if method == "HEAD" else body)

    def _value(self, path: str, host: str) -> str | None:
        """The proof at this path. A proxy may have put its own name into Host; another target's name is refused."""
        found = [token for token in self.tokens if http01.PREFIX + token.name == path]
        mine = [token for token in found if token.domain == host]
        if not mine and any(token.domain == host for token in self.tokens):
            return None
        return next((token.value for token in mine or found), None)


def _request(connection: socket.socket) -> str:
    """The request up to its empty line. Raises OSError if it is too large or too late."""
    end = _CLOCK.monotonic() + _LONGEST
    got = b""
    while b"\r\n\r\n" not in got:
        left = end - _CLOCK.monotonic()
        if left <= 0 or len(got) > _LARGEST:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(_LARGEST)
        if not part:
            raise ConnectionError
        got += part
    connection.settimeout(max(end - _CLOCK.monotonic(), 0.1))
    return got.partition(b"\r\n\r\n")[0].decode("latin-1")


def _host(headers: list[str]) -> str:
    """The name in the Host header, without its port; empty if there is none."""
    for header in headers:
        field, _, value = header.partition(":")
        if field.strip().lower() == "host":
            name, _, port = value.strip().rpartition(":")
            return (name if port.isdigit() and name else value.strip()).lower().rstrip(".")
    return ""
