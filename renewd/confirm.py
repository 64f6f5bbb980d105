"""The TLS probe: what a server really shows for a name, asked until it shows the new certificate and nothing else.

It looks, it does not trust: chain, names and dates were judged before, and a server may well show none of ours.
"""

import os
import select
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from renewd.certs import facts, panic
from renewd.clock import Clock, SystemClock
from renewd.config.model import Confirm
from renewd.errors import NotServed
from renewd.starttls import Line, begin

# After a reload nginx's old workers go on accepting for about a tenth of a second: of 100 connections after the first
# that showed the new certificate, up to 21 still showed the old one (measured, nginx 1.22). So the new one has to be
# seen over twice that time, without a break.
IN_A_ROW = 9
APART = 0.025  # seconds between two of these looks
SLOWEST = 1.0  # seconds between two looks while the old one shows; it doubles from APART up to this
ONE_LOOK = 5.0  # seconds for a connection and its handshake
_SHOWN = 11  # characters of a serial: four octets tell two certificates apart


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the new certificate is served; `serial` is of what was last seen, `at` when that was."""

    ok: bool
    why: str  # empty if ok
    serial: str | None
    at: datetime


def probe(
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
        with _reach(connect, timeout) as plain:
            if starttls is not None:
                begin(starttls, Line(plain, until, clock))
            with _context().wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False) as tls:
                _shake_hands(tls, until, clock)
                return _leaf(tls.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError) as error:
        raise NotServed(f"{connect}: {_words(error, timeout)}") from error


def confirm(
    settings: Confirm, server_name: str, expected: x509.Certificate, clock: Clock, stop: threading.Event
) -> Verdict:
    """Look until the expected certificate is served steadily everywhere, `settings.within` is over, or `stop` is set."""
    wanted, until = (
        _Wanted(settings, server_name, expected, clock),
        clock.monotonic() + settings.within.total_seconds(),
    )
    return _first_wrong(wanted, lambda connect: wanted.confirmed(connect, until, stop))


def look(settings: Confirm, server_name: str, expected: x509.Certificate, clock: Clock) -> Verdict:
    """What is served now, by one look at each address; the first that is not right decides."""
    wanted = _Wanted(settings, server_name, expected, clock)
    return _first_wrong(wanted, wanted.seen)


@dataclass(frozen=True, slots=True)
class _Wanted:
    settings: Confirm
    server_name: str
    expected: x509.Certificate
    clock: Clock

    def seen(self, connect: str) -> Verdict:
        """By one look."""
        try:
            seen = probe(connect, self.server_name, clock=self.clock, starttls=self.settings.starttls)
        except NotServed as problem:
            return Verdict(False, str(problem), None, self.clock.now())
        why = "" if seen == self.expected else f"{connect} {_instead(seen, self.expected)}"
        return Verdict(not why, why, facts.show_serial(seen.serial_number), self.clock.now())

    def confirmed(self, connect: str, until: float, stop: threading.Event) -> Verdict:
        """By as many looks as it takes."""
        row, pause, serial = 0, APART, None
        while True:
            verdict = self.seen(connect)
            serial = verdict.serial or serial
            row, pause = (row + 1, APART) if verdict.ok else (0, min(2 * pause, SLOWEST))
            if row == IN_A_ROW:
                return replace(verdict, serial=serial)
            if not row and self.clock.monotonic() >= until:
                return replace(verdict, serial=serial)
            if self.clock.wait(stop, pause):
                why = verdict.why or "renewd left before it was sure"
                return Verdict(False, why, serial, self.clock.now())


def _first_wrong(wanted: _Wanted, look_at: Callable[[str], Verdict]) -> Verdict:
    """The verdict on the first address where it is not served, else on the last."""
    verdict = Verdict(False, "no address is named", None, wanted.clock.now())
    for connect in wanted.settings.connect:
        verdict = look_at(connect)
        if not verdict.ok:
            break
    return verdict


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


def _reach(connect: str, timeout: float) -> socket.socket:
    """A connection to the first of the host's addresses that answers; the look-up too is over in time."""
    import httpcore

    from renewd import lookup

    host, port = split(connect)
    try:
        addresses = lookup.look_up(host, port, timeout)
    except httpcore.ConnectTimeout as error:
        raise TimeoutError from error
    refused: OSError = socket.gaierror()
    for address in addresses:
        try:
            plain = socket.create_connection((address, port), timeout=timeout / len(addresses))
        except OSError as error:
            refused = error
        else:
            plain.setblocking(False)
            return plain
    raise refused


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


def _leaf(der: bytes) -> x509.Certificate:
    """Raises ValueError for what is none, whatever the parser makes of it: anybody may have made it."""
    try:
        return x509.load_der_x509_certificate(der)
    except BaseException as error:
        if not isinstance(error, Exception):
            panic.only(error)
        raise ValueError("what it shows is no certificate that can be read") from error


def _instead(seen: x509.Certificate, expected: x509.Certificate) -> str:
    """How the certificate that is served differs, for people."""
    told, wanted = (facts.from_pem(each.public_bytes(Encoding.PEM), "") for each in (seen, expected))
    if told.serial is None or told.not_after is None:  # a placeholder, or one that cannot be read
        return f"does not serve it: {told.problem}"
    serial = facts.show_serial(told.serial)
    short = serial[:_SHOWN] + "…" if len(serial) > _SHOWN else serial
    said = f"{short}, expires {told.not_after:%Y-%m-%d}"
    if set(told.domains) & set(wanted.domains):
        return f"still serves {said}"
    return f"serves {said}, for {', '.join(told.domains[:3]) or 'no name'}: is the name set up there?"


def _words(error: OSError | ValueError, timeout: float) -> str:
    """What went wrong, for people."""
    if isinstance(error, TimeoutError):
        return f"no TLS answer within {timeout:g} s"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'the connection was closed').lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, OSError):
        return os.strerror(error.errno).lower() if error.errno else str(error)
    return str(error)
