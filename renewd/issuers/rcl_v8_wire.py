"""What the RCL SSL API V8 wants to be told of an order, and what it answers. Pure.

Every function raises ValueError, in words that hold nothing of the content, for what is not what the API promises.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from renewd.certs.order import Order, OrderStatus
from renewd.config import targets
from renewd.config.secrets import Secret
from renewd.config.targets import Target
from renewd.issuers import rcl_wire
from renewd.issuers.rcl_wire import text_of, value_of

TARGET = "Stand ALone"  # the vendor's own spelling: a certificate that it does not install anywhere itself
_MAILBOX = "hostmaster"  # RFC 2142 §7, where neither the portal nor the configuration names an address


@dataclass(frozen=True, slots=True)
class Wish:
    """What an order is made of; `name` is spelled as the portal does."""

    name: str
    root_domain: str
    challenge: str  # http or dns
    email: str
    password: Secret = field(repr=False)  # of the PFX

    def renewal(self) -> bytes:
        """The Certificate to be sent to have it renewed by an order that the service makes and proves itself."""
        return json.dumps({"certificateName": self.name}).encode()

    def body(self, order_uri: str = "") -> bytes:
        """The Certificate to be sent: for a new order, or to have one issued."""
        document = {
            "certificateName": self.name,
            "rootDomain": self.root_domain,
            "challengeType": self.challenge,
            "email": self.email,
            "password": self.password.reveal(),
            "target": TARGET,
            "isSAN": len(targets.parts(self.name)) > 1,
        }
        return json.dumps({**document, "orderUri": order_uri} if order_uri else document).encode()


def wish(data: Mapping[str, Any], target: Target, name: str) -> Wish:
    """What the portal shows of a certificate in `data`; the password is empty where it shows none."""
    root = (text_of(data, "rootDomain") or "").strip().lower() or _root(target.domains)
    return Wish(
        name=name,
        root_domain=root,
        challenge=_challenge(data, target),
        email=(text_of(data, "email") or "").strip() or f"{_MAILBOX}@{root}",
        password=Secret(text_of(data, "password") or ""),
    )


def order(data: Mapping[str, Any], target: Target, *, near: bool) -> Order:
    """The order in an answer, which has to be about the target; V8 names no status: what asks for no proof is ready."""
    name = text_of(data, "certificateName")
    if name and targets.identity(name) != target.identity:
        raise ValueError("it is about another certificate")
    tokens = value_of(data, "tokens")
    status = OrderStatus.PENDING if tokens else OrderStatus.READY
    plain = {"status": str(status), "orderUri": value_of(data, "orderUri"), "validationTokens": tokens}
    return rcl_wire.order(plain, target.domains, near=near)


def _challenge(data: Mapping[str, Any], target: Target) -> str:
    """The target's own kind of proof; what the portal shows where it has none."""
    if target.challenge is not None:
        return target.challenge.type.removesuffix("-01")
    return (text_of(data, "challengeType") or "").strip().lower() or "http"


def _root(domains: tuple[str, ...]) -> str:
    """The labels that all names end in: the root domain, unless there is but one name and that lies below it."""
    split = [domain.removeprefix("*.").split(".")[::-1] for domain in domains]
    shared = []
    for labels in zip(*split, strict=False):
        if len(set(labels)) > 1:
            break
        shared.append(labels[0])
    return ".".join(reversed(shared))
