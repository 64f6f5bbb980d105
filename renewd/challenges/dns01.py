"""Proof of control by TXT records (RFC 8555 §8.4): which records they are, and what is the same however they are written."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Event
from typing import Protocol

from renewd.certs.order import Token
from renewd.challenges import dns_watch
from renewd.challenges.base import Sight
from renewd.challenges.dns_lookup import Lookup
from renewd.config.proving import Dns01
from renewd.errors import ChallengeFailed, TargetError

TYPE = "dns-01"
LABEL = "_acme-challenge"


@dataclass(frozen=True, slots=True)
class Record:
    """One value of a TXT record; `name` is where it is written, which an alias may have led to, without a last dot."""

    token: Token
    name: str

    @property
    def value(self) -> str:
        """What is written."""
        return self.token.value


class Writer(Protocol):
    """A way to write records. Both calls may be repeated; neither touches another value of the same name."""

    def write(self, records: Sequence[Record]) -> None:
        """Add these values. Raises a TargetError in words if one is not taken."""
        ...

    def erase(self, records: Sequence[Record]) -> None:
        """Take these values away; those that are not there are no error."""
        ...


class Records:
    """The challenge: written by `writer`, looked for at every authoritative server."""

    type = TYPE

    def __init__(self, settings: Dns01, writer: Writer, lookup: Lookup, stop: Event) -> None:
        self._settings = settings
        self._writer = writer
        self._lookup = lookup
        self._stop = stop

    def place(self, tokens: Sequence[Token]) -> None:
        """Write a record for each token. Raises a TargetError with none of them left behind."""
        check(tokens)
        records = [self._record(token) for token in tokens]
        try:
            self._writer.write(records)
        except TargetError:
            with suppress(TargetError):  # the first failure is the one to be told
                self._writer.erase(records)
            raise

    def look(self, tokens: Sequence[Token]) -> Sequence[Sight]:
        """What every authoritative server shows, once all show all or `wait` is over."""
        wanted, lost = [], []
        for token in tokens:
            try:
                wanted.append(dns_watch.Wanted(token, self._record(token).name))
            except TargetError as error:
                lost.append(Sight(token, f"TXT {name_of(token)}", ok=False, saw=f"nothing ({error})"))
        wait = self._settings.wait.total_seconds()
        return [*lost, *dns_watch.look(wanted, self._lookup, wait, self._stop)]

    def remove(self, tokens: Sequence[Token]) -> None:
        """Take the values away, those of an earlier run too; one that cannot be keeps no other from it."""
        failed: TargetError | None = None
        records = []
        for token in tokens:
            try:
                records.append(self._record(token))
            except TargetError as error:
                failed = error
        if records:
            self._writer.erase(records)
        if failed is not None:
            raise failed

    def _record(self, token: Token) -> Record:
        return Record(token, self._lookup.follow(name_of(token)))


def name_of(token: Token) -> str:
    """The full name that the CA asks for. What the token itself says is relative to a root domain: the same name."""
    return f"{LABEL}.{token.domain.removeprefix('*.')}"


def check(tokens: Sequence[Token]) -> None:
    """Raises ChallengeFailed if one of the tokens is no record's, or is of an address, which has none."""
    for token in tokens:
        if token.type != TYPE:
            raise ChallengeFailed(
                f"the order wants another proof than {TYPE} for {token.domain}: {token.type}",
                remedy="Set the certificate's challenge type in the portal to DNS, or configure `challenge` for HTTP.",
            )
        with suppress(ValueError):
            ip_address(token.domain)
            raise ChallengeFailed(
                f"no DNS record can prove the address {token.domain}",
                remedy="Prove addresses by http-01, in a certificate of their own.",
            )
