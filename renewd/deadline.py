"""A total deadline for an HTTP call: httpx's own timeouts start anew with every read.

A Deadline is the network that one call runs on. It shortens every wait to what is left, knows whether any of the
request went out, turns names into addresses (so that some can be refused), and can be aborted from another thread.
"""

import contextlib
import ipaddress
import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore
import httpx

from renewd.clock import SystemClock
from renewd.lookup import look_up

Resolve = Callable[[str, int], tuple[str, int]]  # where to connect to instead of (host, port)
Permit = Callable[[str], bool]  # may this address be connected to?

logging.getLogger("httpcore").setLevel(logging.WARNING)  # below that it logs headers, secrets among them
_CLOCK = SystemClock()  # sockets wait in real time, whatever clock the deciding parts were handed


class Expired(httpcore.TimeoutException):
    """The call's whole time is over."""


class Aborted(httpcore.NetworkError):
    """The call was ended from another thread."""


class Deadline(httpcore.NetworkBackend):
    """The network of one call, or of one chain of redirects; over `seconds` after it was made."""

    def __init__(
        self, seconds: float, *, resolve: Resolve | None = None, permit: Permit | None = None
    ) -> None:
        self.sent = False  # some of the request, not of what a proxy was told before, may have gone out
        self.aborted = False
        self.address = ""  # that is connected to, whatever the name service says at another time
        self._end = _CLOCK.monotonic() + seconds
        self._resolve = resolve
        self._permit = permit
        self._lock = threading.Lock()
        self._line: socket.socket | None = None  # a second descriptor of the connection, for abort alone

    def again(self, seconds: float) -> None:
        """Begin the next call, on a connection that is kept."""
        self.sent = False
        self._end = _CLOCK.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds that the next wait may take. Raises Expired or Aborted."""
        if self.aborted:
            raise Aborted("the call was ended from here")
        left = self._end - _CLOCK.monotonic()
        if left <= 0:
            raise Expired("the time for the whole call is over")
        return left if at_most is None else min(left, at_most)

    def abort(self) -> None:
        """End the call that runs on this network: what waits for bytes fails at once."""
        self.aborted = True
        with contextlib.suppress(OSError):  # not connected any more: that is what was wanted
            self.release(hang_up=True)

    def release(self, *, hang_up: bool = False) -> None:
        """Let go of the connection; hanging up, unlike closing, wakes whoever waits on it."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            with line:
                if hang_up:
                    line.shutdown(socket.SHUT_RDWR)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first of the host's addresses that answers; `timeout` is for all of them."""
        if self._resolve is not None:
            host, port = self._resolve(host, port)
        end = _CLOCK.monotonic() + self.left(timeout)
        addresses = self._addresses(host, port, self.left(timeout))
        for rest in range(len(addresses), 0, -1):
            share = (end - _CLOCK.monotonic()) / rest  # one dead address may not eat the others' time
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    addresses[-rest], port, self.left(max(share, 0.01)), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if rest == 1:
                    raise
            else:
                self.address = addresses[-rest]
                return self._watched(stream)
        raise httpcore.ConnectError(f"no such host: {host}")

    def _addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """The host's addresses in the resolver's order. Raises ConnectError if there is none that is permitted."""
        found = [host] if _is_address(host) else look_up(host, port, seconds)
        permitted = [address for address in found if self._permit is None or self._permit(address)]
        if found and not permitted:
            raise httpcore.ConnectError(f"{host} is at {found[0]}, which is not a public address")
        return permitted

    def _watched(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        with self._lock:
            if not self.aborted:
                self._line = stream.get_extra_info("socket").dup()
                return _Stream(stream, self)
        stream.close()
        raise Aborted("the call was ended from here")


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends with the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._deadline.left(timeout)
        self._deadline.sent |= bool(buffer) and not buffer.startswith(b"CONNECT ")  # that is for a proxy
        self._inner.write(buffer, left)

    def close(self) -> None:
        self._deadline.release()
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        except BaseException:
            self.close()
            raise
        return _Stream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Transport(httpx.BaseTransport):
    """httpx on a Deadline. Each request has a connection of its own: none is found stale, none is left over."""

    def __init__(
        self, network: Deadline, context: ssl.SSLContext, proxy: httpcore.Proxy | None = None
    ) -> None:
        self._network = network
        self._context = context
        self._proxy = proxy

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpcore's exceptions as they are; whoever calls maps them."""
        pool = httpcore.ConnectionPool(
            self._context,
            self._proxy,
            max_connections=1,
            max_keepalive_connections=0,
            retries=0,
            network_backend=self._network,
        )
        url = request.url
        response = pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, pool),
            extensions=response.extensions,
        )


class _Body(httpx.SyncByteStream):
    """An answer's body, whose end is the connection's end."""

    def __init__(self, response: httpcore.Response, pool: httpcore.ConnectionPool) -> None:
        self._response = response
        self._pool = pool

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
        self._pool.close()


def words(error: BaseException) -> str:
    """What went wrong on the network, for people; never a URL, a header or a body."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {(getattr(cause, 'reason', None) or 'no reason').lower().replace('_', ' ')}"
        if isinstance(cause, (TimeoutError, httpcore.TimeoutException, httpx.TimeoutException)):
            return "no whole answer in time"
        if isinstance(cause, httpcore.RemoteProtocolError):
            return "the answer broke off, or was no HTTP"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__  # httpcore cuts the first off
    return str(error) or type(error).__name__


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
