"""Calls on connections that are kept: a service that is asked ten times a certificate costs one TLS handshake, not ten."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property

import httpcore

from renewd import deadline
from renewd.clock import SystemClock
from renewd.config.issuing import Service
from renewd.errors import Unreachable
from renewd.issuers import ways
from renewd.issuers.http import (
    FOREIGN,
    HEADERS,
    Call,
    Reply,
    mapped,
    read,
)

IDLE = (
    20.0  # seconds that a connection is kept unused; servers and what stands before them often close after 30
)
SURE = 3.0  # seconds unused after which a call that costs something rather makes a new one
_KEPT = {name: value for name, value in HEADERS.items() if name not in {"Connection", "Cache-Control"}}
_CLOCK = SystemClock()


class Lines:
    """The ways out of one issuer; each thread has one to itself as long as its call takes.

    The roots of `ca_file` hold `instead` of the system's, or beside them.
    """

    def __init__(self, settings: Service, *, instead: bool = True) -> None:
        self._settings = settings
        self._instead = instead
        self._lock = threading.Lock()
        self._free: list[_Line] = []
        self._used: set[_Line] = set()
        self._closed = False

    def send(self, method: str, url: str, call: Call, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """One request and its whole answer; a redirect is an answer like others.

        Raises Unreachable, ReplyLost, Temporary or BadReply.
        """
        connect = self._settings.timeout.connect.total_seconds()
        content = {"Content-Length": str(len(body))} if method == "POST" else {}
        request = httpcore.Request(
            method,
            url,
            headers=[*_KEPT.items(), *headers.items(), *content.items(), ("Host", _host(url))],
            content=body if method == "POST" else None,
            extensions={"timeout": {"connect": connect}},
        )
        with self._line(call) as line:
            line.network.again(call.seconds)
            try:
                return line.send(request, call)
            except FOREIGN as error:
                line.close()
                raise mapped(error, call, line.network, "directory") from error

    def close(self) -> None:
        """End the calls under way, and let none begin."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
            used = tuple(self._used)
        for line in free:
            line.close()
        for line in used:
            line.network.abort()

    @contextmanager
    def _line(self, call: Call) -> Iterator["_Line"]:
        line = self._take(call)
        try:
            yield line
        finally:
            with self._lock:
                self._used.discard(line)
                line.since = _CLOCK.monotonic()
                keep = not self._closed
                if keep:
                    self._free.append(line)
            if not keep:
                line.close()

    def _take(self, call: Call) -> "_Line":
        with self._lock:
            if self._closed:
                raise Unreachable(f"{call.what} was not made: renewd is leaving", stage=call.stage)
            line = self._free.pop() if self._free else None
            old = self._aged()
            line = line or _Line(self._context, self._settings.proxy)
            self._used.add(line)
        for each in old:
            each.close()
        if call.costs and _CLOCK.monotonic() - line.since > SURE:
            line.close()
        return line

    def _aged(self) -> list["_Line"]:
        """Take out what nobody needed for long."""
        now = _CLOCK.monotonic()
        old = [line for line in self._free if now - line.since > IDLE]
        self._free = [line for line in self._free if now - line.since <= IDLE]
        return old

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ways.context(self._settings.ca_file, instead=self._instead)


class _Line:
    """One connection, made anew where the last one ended or led elsewhere."""

    def __init__(self, tls: ssl.SSLContext, through: str | None) -> None:
        self.network = deadline.Deadline(0)
        self.since = _CLOCK.monotonic()  # when it was used last
        self._pool = httpcore.ConnectionPool(
            tls,
            ways.proxy(through),
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=IDLE,
            retries=0,
            network_backend=self.network,
        )

    def send(self, request: httpcore.Request, call: Call) -> Reply:
        """The answer; a connection that the server had closed meanwhile is made anew where the call costs nothing."""
        kept = bool(self._pool.connections)
        try:
            return _read(self._pool.handle_request(request), call)
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            if not kept or call.costs or self.network.aborted:
                raise
            self.close()
            return _read(self._pool.handle_request(request), call)

    def close(self) -> None:
        self._pool.close()


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition("?")[0]


def _read(response: httpcore.Response, call: Call) -> Reply:
    with closing(response):
        return read(response.status, _headers(response), response.iter_stream(), call)


def _headers(response: httpcore.Response) -> dict[str, str]:
    """By lower-case name; what is there several times is joined (RFC 9110 §5.3)."""
    found: dict[str, str] = {}
    for name, value in response.headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
