"""An ACME CA on loopback that issues for real: by its own orders, keys and proofs, and on the clock of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from renewd.clock import Clock
from tests.certificates import BACKDATED, LIFETIME, Authority
from tests.hostile_ca import Ca, decoded, payload_of
from tests.scripted import Seen


@dataclass
class Made:
    """One order: it is invalid where its proof was not found."""

    names: list[dict[str, str]]
    status: str = "pending"
    leaf: x509.Certificate | None = None
    chain: str = ""


@dataclass
class IssuingCa(Ca):
    """`webroot` is where proofs are looked for, none for anywhere; `made` are the orders, oldest first."""

    clock: Clock | None = None
    webroot: Path | None = None
    authority: Authority = field(default_factory=Authority.new)
    made: list[Made] = field(default_factory=list)
    lifetime: timedelta = LIFETIME

    @property
    def issued(self) -> list[x509.Certificate]:
        """Every leaf, oldest first."""
        return [each.leaf for each in self.made if each.leaf is not None]

    def forget(self) -> None:
        """As if nobody had ordered anything; accounts stay."""
        self.made.clear()
        self.calls.clear()
        self.payloads.clear()
        self.orders = 0

    def _answer(self, seen: Seen) -> Any:
        call, _, number = seen.target.lstrip("/").partition("/")
        payload = payload_of(seen) if seen.method == "POST" else {}
        self.calls.append(call)
        self.payloads.append(payload)
        if call in self.spoiled:
            return self.spoiled[call](seen)
        return self.serve(call, int(number or 0), payload)

    def serve(self, call: str, number: int, payload: dict[str, Any]) -> bytes:
        """What a CA does that means well; `number` is that of the order which the call is about."""
        if call == "new":
            self.orders += 1
            self.made.append(Made(payload["identifiers"]))
            number = len(self.made)
            return self.say(call, self._shown(number), 201, location=self.address(f"order/{number}"))
        if call not in {"order", "authz", "challenge", "finalize", "certificate"}:
            return self.good(call, payload)
        if number > len(self.made):
            return self.say(call, {"type": "urn:ietf:params:acme:error:malformed", "detail": "gone"}, 404)
        one = self.made[number - 1]
        if call == "challenge":
            one.status = "ready" if self._proved(number) else "invalid"
            return self.say(call, self._proof(number))
        if call == "finalize":
            self._issue(one, payload["csr"])
        documents = {"certificate": lambda _: one.chain, "authz": self._proof}
        return self.say(call, documents.get(call, self._shown)(number))

    def _shown(self, number: int) -> dict[str, Any]:
        one = self.made[number - 1]
        found = {
            "status": one.status,
            "identifiers": one.names,
            "authorizations": [self.address(f"authz/{number}")],
            "finalize": self.address(f"finalize/{number}"),
        }
        return found | ({"certificate": self.address(f"certificate/{number}")} if one.leaf else {})

    def _proof(self, number: int) -> dict[str, Any]:
        one = self.made[number - 1]
        status = one.status if one.status in ("pending", "invalid") else "valid"
        challenge = {
            "type": "http-01",
            "url": self.address(f"challenge/{number}"),
            "token": f"t0ken{number}",
            "status": status,
        }
        return {"status": status, "identifier": one.names[0], "challenges": [challenge]}

    def _proved(self, number: int) -> bool:
        if self.webroot is None:
            return True
        return (self.webroot / ".well-known" / "acme-challenge" / f"t0ken{number}").is_file()

    def _issue(self, one: Made, csr: str) -> None:
        if one.status != "ready":
            return
        request = x509.load_der_x509_csr(decoded(csr))
        now = self.clock.now() if self.clock is not None else datetime.now().astimezone()
        begin = now.replace(microsecond=0) - BACKDATED
        made = self.authority.issue(
            [each["value"] for each in one.names],
            key=_Public(request.public_key()),
            not_before=begin,
            not_after=begin + self.lifetime,
        )
        one.leaf, one.chain, one.status = made.leaf, made.fullchain_pem.decode(), "valid"


@dataclass(frozen=True)
class _Public:
    """The half of a key that a CA knows."""

    key: Any

    def public_key(self) -> Any:
        return self.key


@contextmanager
def issuing_ca(clock: Clock, webroot: Path | None = None) -> Iterator[IssuingCa]:
    """One that ends with the block."""
    ca = IssuingCa(clock=clock, webroot=webroot)
    try:
        yield ca
    finally:
        ca.close()
