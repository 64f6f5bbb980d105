"""The TLS probe: the leaf that a server shows for a name. It looks, it does not trust: whatever it shows may be nobody's."""

import os
import select
import socket
import ssl

from cryptography import x509

from renewd.certs import panic
from renewd.clock import Clock, SystemClock
from renewd.errors import NotServed
from renewd.starttls import Line, begin

ONE_LOOK = 5.0  # seconds for a connection and its handshake


class Away(OSError):
    """Nobody takes a connection there."""


def leaf(
    connect: str,
    server_name: str,
    timeout: float = ONE_LOOK,
    *,
    clock: Clock | None = None,
    starttls: str | None = None,
) -> x509.Certificate:
    """The leaf that `connect` (HOST:PORT) shows for a name; `timeout` seconds in all. Raises NotServed in words."""
    clock = clock or SystemClock()
    until = clock.monotonic() + timeout
    try:
        name = askable(server_name)
        with _reach(*split(connect), timeout) as plain:
            if starttls is not None:
                begin(starttls, Line(plain, until, clock))
            with _context().wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False) as tls:
                _shake_hands(tls, until, clock)
                return _read(tls.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError) as error:
        raise NotServed(f"{connect}: {words(error, timeout)}") from error


def askable(server_name: str) -> str:
    """A name that a client may ask for: any one that a wildcard stands for. Raises ValueError for what is no name."""
    name = f"renewd-looks{server_name[1:]}" if server_name.startswith("*.") else server_name
    if len(name) > 253 or not all(0 < len(label) < 64 for label in name.split(".")):  # noqa: PLR2004 - RFC 1035 §2.3.4
        raise ValueError(f"{server_name!r} is no name that a server can be asked for")
    return name


def split(connect: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:443` or `[::1]:443`. Raises ValueError for anything else."""
    host, colon, port = connect.rpartition(":")
    if not host or not colon or not port.isdecimal():
        raise ValueError(f"{connect!r} is no HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def addresses(connect: str) -> list[str]:
    """HOST:PORT of each address that the host has; the look-up too is over in time. Raises gaierror, TimeoutError, ValueError."""
    import httpcore

    from renewd import lookup

    host, port = split(connect)
    try:
        found = lookup.look_up(host, port, ONE_LOOK)
    except httpcore.ConnectTimeout as error:
        raise TimeoutError from error
    if not found:
        raise socket.gaierror
    return [f"[{each}]:{port}" if ":" in each else f"{each}:{port}" for each in found]


def _reach(host: str, port: int, timeout: float) -> socket.socket:
    """A connection. Raises Away, and OSError for no such host."""
    try:
        plain = socket.create_connection((host, port), timeout)
    except socket.gaierror:
        raise
    except OSError as error:
        raise Away from error
    plain.setblocking(False)
    return plain


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shake_hands(tls: ssl.SSLSocket, until: float, clock: Clock) -> None:
    """A socket's own timeout starts anew with every byte; this one does not."""
    while True:
        try:
            return tls.do_handshake()
        except ssl.SSLWantReadError:
            ready = select.POLLIN
        except ssl.SSLWantWriteError:
            ready = select.POLLOUT
        poll = select.poll()
        poll.register(tls, ready)
        if not poll.poll(max(0.0, until - clock.monotonic()) * 1000):
            raise TimeoutError


def _read(der: bytes) -> x509.Certificate:
    """Raises ValueError for what is none, whatever the parser makes of it: anybody may have made it."""
    try:
        return x509.load_der_x509_certificate(der)
    except BaseException as error:
        if not isinstance(error, Exception):
            panic.only(error)
        raise ValueError("what it shows is no certificate that can be read") from error


def words(error: OSError | ValueError, timeout: float) -> str:
    """What went wrong, for people."""
    if isinstance(error, Away) and isinstance(error.__cause__, OSError):
        error = error.__cause__
    if isinstance(error, TimeoutError):
        return f"no TLS answer within {timeout:g} s"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'the connection was closed').lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, OSError):
        return os.strerror(error.errno).lower() if error.errno else str(error)
    return str(error)
