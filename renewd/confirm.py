"""The TLS probe: what a server really shows for a name, asked until it shows the new certificate and nothing else.

It looks, it does not trust: chain, names and dates were judged before, and a server may well show none of ours.
"""

import os
import select
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
    """Whether the new certificate is served; `serial` and `not_after` are of what was last seen, `at` is when that was."""

    ok: bool
    why: str  # empty if ok
    serial: str | None
    at: datetime
    not_after: datetime | None = None
    reached: bool = True  # whether anybody took the connection


class _Away(OSError):
    """Nobody takes a connection there."""


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
        with _reach(*split(connect), timeout) as plain:
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
    return _all([wanted.confirmed(connect, until, stop) for connect in settings.connect])


def look(settings: Confirm, server_name: str, expected: x509.Certificate, clock: Clock) -> Verdict:
    """What is served now, by one look at each address; whatever is not right is told."""
    wanted = _Wanted(settings, server_name, expected, clock)
    return _all([wanted.seen(connect) for connect in settings.connect])


def _all(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict on all of them; what was seen is of the first wrong one that showed anything."""
    wrong = [verdict for verdict in verdicts if not verdict.ok]
    told = next((verdict for verdict in wrong if verdict.serial), (wrong or verdicts)[-1])
    return replace(told, why="; ".join(verdict.why for verdict in wrong))


@dataclass(frozen=True, slots=True)
class _Wanted:
    settings: Confirm
    server_name: str
    expected: x509.Certificate
    clock: Clock
    away: set[str] = field(default_factory=set)  # addresses where nobody took a connection, while others did

    def seen(self, connect: str) -> Verdict:
        """By one look at each address of the host. One where nobody listens serves nothing wrong, as long as another does."""
        try:
            addresses = _addresses(connect)
        except (OSError, ValueError) as error:
            return Verdict(
                False, f"{connect}: {_words(error, ONE_LOOK)}", None, self.clock.now(), reached=False
            )
        looks = {
            each: self._seen_at(each, connect, len(addresses)) for each in addresses if each not in self.away
        }
        reached = [verdict for verdict in looks.values() if verdict.reached]
        if reached:
            self.away.update(each for each, verdict in looks.items() if not verdict.reached)
        return _all(reached or list(looks.values()))

    def _seen_at(self, address: str, connect: str, of: int) -> Verdict:
        said = connect if of == 1 else f"{connect} ({address.rpartition(':')[0]})"
        try:
            seen = probe(
                address, self.server_name, ONE_LOOK / of, clock=self.clock, starttls=self.settings.starttls
            )
        except NotServed as problem:
            why = f"{said}{str(problem).removeprefix(address)}"
            reached = not isinstance(problem.__cause__, _Away)
            return Verdict(False, why, None, self.clock.now(), reached=reached)
        why = "" if seen == self.expected else f"{said} {_instead(seen, self.expected)}"
        end = facts.from_pem(seen.public_bytes(Encoding.PEM), "").not_after
        return Verdict(not why, why, facts.show_serial(seen.serial_number), self.clock.now(), end)

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
                return replace(verdict, ok=False, why=why, serial=serial, at=self.clock.now())


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


def _addresses(connect: str) -> list[str]:
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
    """A connection. Raises _Away, and OSError for no such host."""
    try:
        plain = socket.create_connection((host, port), timeout)
    except socket.gaierror:
        raise
    except OSError as error:
        raise _Away from error
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
    if isinstance(error, _Away) and isinstance(error.__cause__, OSError):
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
