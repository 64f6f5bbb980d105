"""A small ACME CA over plain HTTP on loopback that does what it is asked, but for the calls that a test spoils."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.scripted import Scripted, Seen, Step, answer, answer_json

CHAIN = (
    "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"  # of no one: nothing here looks into it
)
CALLS = ("directory", "nonce", "account", "new", "order", "authz", "challenge", "finalize", "certificate")
Spoiled = Callable[[Seen], Iterable[Step] | bytes]


@dataclass
class Ca:
    """`spoiled` answers instead of the CA, by call; `calls` and `payloads` hold what came, `orders` counts what was made."""

    spoiled: dict[str, Spoiled] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)  # that an answer has besides, by call
    meta: dict[str, Any] = field(default_factory=dict)
    gives_nonces: bool = True
    orders: int = 0
    status: str = "pending"

    def __post_init__(self) -> None:
        self._identifiers: list[dict[str, str]] = []
        self._nonce = 0
        self._server = Scripted(self._answer)

    @property
    def url(self) -> str:
        return f"{self._server.url}/directory"

    def address(self, path: str) -> str:
        """One of its own."""
        return f"{self._server.url}/{path}"

    def say(self, call: str, data: Any, status: int = 200, **headers: str) -> bytes:
        """A whole answer with what every answer of a CA has."""
        self._nonce += 1
        nonce = {"replay_nonce": f"{self._nonce:08d}"} if self.gives_nonces else {}
        known = {**nonce, **self.headers.get(call, {}), **headers}
        if data is None:
            return answer(status, **known)
        if isinstance(data, str):
            return answer(status, data, content_type="application/pem-certificate-chain", **known)
        return answer_json(data, status, **known)

    def problem(self, kind: str, status: int = 400, **more: Any) -> Spoiled:
        """Refuses so."""
        document = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": "no", **more}
        return lambda _: self.say("", document, status)

    def close(self) -> None:
        self._server.close()

    def shown(self) -> dict[str, Any]:
        """The order."""
        found = {
            "status": self.status,
            "identifiers": self._identifiers,
            "authorizations": [self.address("authz/1")],
            "finalize": self.address("finalize/1"),
        }
        return {**found, "certificate": self.address("certificate/1")} if self.status == "valid" else found

    def asked(self) -> dict[str, Any]:
        """The authorization."""
        status = "pending" if self.status == "pending" else "valid"
        challenge = {
            "type": "http-01",
            "url": self.address("challenge/1"),
            "token": "t0ken",
            "status": status,
        }
        return {"status": status, "identifier": self._identifiers[0], "challenges": [challenge]}

    def _answer(self, seen: Seen) -> Iterable[Step] | bytes:
        call = seen.target.split("/")[1]
        self.calls.append(call)
        payload = payload_of(seen) if seen.method == "POST" else {}
        self.payloads.append(payload)
        if call in self.spoiled:
            return self.spoiled[call](seen)
        return self.good(call, payload)

    def good(self, call: str, payload: dict[str, Any]) -> bytes:
        """What a CA that means well answers."""
        if call == "directory":
            calls = {"newNonce": "nonce", "newAccount": "account", "newOrder": "new", "revokeCert": "revoke"}
            known = {key: self.address(path) for key, path in calls.items()}
            return self.say(call, {**known, "meta": self.meta})
        if call == "nonce":
            return self.say(call, None)
        if call == "account":
            return self.say(call, {"status": "valid"}, 201, location=self.address("account/1"))
        if call == "new":
            self.orders += 1
            self.status, self._identifiers = "pending", payload["identifiers"]
            return self.say(call, self.shown(), 201, location=self.address("order/1"))
        if call == "challenge":
            self.status = "ready"
            return self.say(call, self.asked()["challenges"][0])
        if call == "finalize":
            self.status = "valid"
        documents: dict[str, Any] = {"certificate": CHAIN, "authz": self.asked} | dict.fromkeys(
            ("order", "finalize"), self.shown
        )
        found = documents[call]
        return self.say(call, found() if callable(found) else found)


def payload_of(seen: Seen) -> dict[str, Any]:
    """What a signed request says; nothing for one that only asks."""
    data = decoded(json.loads(seen.body)["payload"])
    return json.loads(data) if data else {}


def decoded(text: str) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def hostile_ca() -> Iterator[Ca]:
    """A Ca that ends with the block."""
    ca = Ca()
    try:
        yield ca
    finally:
        ca.close()
