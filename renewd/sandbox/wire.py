"""Answering over HTTP, also in the ways that a broken network or gateway does."""

import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from renewd.clock import Clock

_BODY = 1 << 20  # bytes of a request's body that are read; control calls need far less
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends RST
_POLL = 0.05  # seconds until a stop is noticed


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, as much of it as the sandbox looks at; the path is undecoded and without its query."""

    method: str
    path: str
    query: str
    headers: dict[str, str]  # lower-case
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and how it is sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0  # seconds before the first byte
    drip: float = 0.0  # seconds before each byte of the body
    slow_head: float = 0.0  # seconds before each byte of the head
    promised: int | None = None  # a Content-Length other than the body's
    silent: bool = False  # the connection is closed and not one byte sent
    reset: bool = False  # so it ends by RST
    skew: float = 0.0  # seconds that its Date is ahead of the sandbox's clock


def json_reply(document: Any, status: int = 200, **headers: str) -> Reply:
    """`document` as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps(document).encode()
    return Reply(status, body, {"Content-Type": "application/json; charset=utf-8", **named})


def text_reply(status: int, text: str) -> Reply:
    """`text` as plain text."""
    return Reply(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


Answer = Callable[[Ask], Reply]


class Server(ThreadingHTTPServer):
    """One origin on loopback; every connection has a thread that ends when the server is closed."""

    request_queue_size = 128

    def __init__(self, port: int, answer: Answer, clock: Clock, banner: str) -> None:
        self.answer = answer
        self.clock = clock
        self.banner = banner
        self.stop = threading.Event()
        self._open: set[Any] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL,), daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        """Such as http://127.0.0.1:41211."""
        return f"http://127.0.0.1:{self.server_port}"

    def server_bind(self) -> None:
        """Bind without asking DNS for the machine's name, which the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that closing can end it."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what clients of a sandbox do; anything else is shown by the base class."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop answering, end every connection, free the port."""
        self.stop.set()
        self.shutdown()
        self._thread.join()
        with self._guard:
            for request in self._open:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except OSError:  # it is closed already
                    continue
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(min(int(length), _BODY)) if length.isdigit() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.answer(Ask(self.command, path, query, headers, body)))

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = do_PATCH = _serve  # noqa: N815 - the base class's names

    def _send(self, reply: Reply) -> None:
        if reply.wait:
            self.server.clock.wait(self.server.stop, reply.wait)
        if reply.silent or reply.reset:
            self._break_off(reply)
            return
        head = self._head(reply)
        body = b"" if self.command == "HEAD" else reply.body
        if not (reply.drip or reply.slow_head):
            self.wfile.write(head + body)
            return
        self._drip(head, reply.slow_head)
        self._drip(body, reply.drip)

    def _head(self, reply: Reply) -> bytes:
        length = len(reply.body) if reply.promised is None else reply.promised
        self.close_connection |= length != len(reply.body)
        phrase = http.client.responses.get(reply.status, "Unknown")
        moment = self.server.clock.now() + timedelta(seconds=reply.skew)
        lines = {
            "Server": self.server.banner,
            "Date": format_datetime(moment, usegmt=True),
            **reply.headers,
            "Content-Length": str(length),
        }
        first = f"{self.protocol_version} {reply.status} {phrase}"
        head = "".join(f"{line}\r\n" for line in (first, *(f"{k}: {v}" for k, v in lines.items()), ""))
        return head.encode("latin-1", "replace")

    def _drip(self, content: bytes, pause: float) -> None:
        if not pause:
            self.wfile.write(content)
            return
        for byte in content:
            if self.server.clock.wait(self.server.stop, pause):
                return
            self.wfile.write(bytes([byte]))

    def _break_off(self, reply: Reply) -> None:
        self.close_connection = True
        if reply.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: the state tells every call, and a log line would hold a link's secret."""
