"""A small server that answers as a test says: slowly, wrongly, too much, or not at all. One request a connection."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

RESET = "reset"  # a step that breaks the connection off with RST
Step = bytes | float | str  # what is sent, how many seconds are waited, or RESET


@dataclass(frozen=True)
class Seen:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Scripted:
    """An origin on loopback; `script` gives the steps of each answer, `seen` holds the requests so far."""

    script: Callable[[Seen], Iterable[Step] | bytes]
    context: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        """Its origin."""
        return f"{'https' if self.context else 'http'}://{self.host}:{self.port}"

    @property
    def targets(self) -> list[str]:
        """The paths asked for so far."""
        return [seen.target for seen in self.seen]

    def close(self) -> None:
        """End all, waiting answers too."""
        self._stop.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._socket.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(30)
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                request = _request(connection)
                self.seen.append(request)
                steps = self.script(request)
                self._play(connection, [steps] if isinstance(steps, bytes) else steps)

    def _play(self, connection: socket.socket, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif step == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            elif self._stop.wait(float(step)):
                return


@contextmanager
def scripted(
    script: Callable[[Seen], Iterable[Step] | bytes],
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Scripted]:
    """A Scripted that ends with the block."""
    server = Scripted(script, context, host)
    try:
        yield server
    finally:
        server.close()


def answer(status: int = 200, body: bytes | str = b"", **headers: str) -> bytes:
    """A whole answer; header names are written with underscores."""
    content = body.encode() if isinstance(body, str) else body
    lines = {"content-length": str(len(content)), "connection": "close"}
    lines |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + content


def answer_json(data: Any, status: int = 200, **headers: str) -> bytes:
    """A whole answer of JSON."""
    return answer(status, json.dumps(data), content_type="application/json; charset=utf-8", **headers)


def _request(connection: socket.socket) -> Seen:
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value for name, value in (header.split(": ", 1) for header in rest)}
    while len(body) < int(headers.get("content-length", "0")):
        part = connection.recv(65536)
        if not part:
            raise ConnectionError
        body += part
    return Seen(method, target, headers, body)
