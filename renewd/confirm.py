"""Confirmation: asking a server until it shows the new certificate and nothing else, and looking at what is served now.

Chain, names and dates were judged before, and a server may well show none of ours.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from renewd import probe
from renewd.certs import facts
from renewd.clock import Clock
from renewd.config.model import Confirm
from renewd.errors import NotServed
from renewd.probe import ONE_LOOK

# After a reload nginx's old workers go on accepting for about a tenth of a second: of 100 connections after the first
# that showed the new certificate, up to 21 still showed the old one (measured, nginx 1.22). So the new one has to be
# seen over twice that time, without a break.
IN_A_ROW = 9
APART = 0.025  # seconds between two of these looks
SLOWEST = 1.0  # seconds between two looks while the old one shows; it doubles from APART up to this
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
            addresses = probe.addresses(connect)
        except (OSError, ValueError) as error:
            return Verdict(
                False, f"{connect}: {probe.words(error, ONE_LOOK)}", None, self.clock.now(), reached=False
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
            seen = probe.leaf(
                address, self.server_name, ONE_LOOK / of, clock=self.clock, starttls=self.settings.starttls
            )
        except NotServed as problem:
            why = f"{said}{str(problem).removeprefix(address)}"
            reached = not isinstance(problem.__cause__, probe.Away)
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
