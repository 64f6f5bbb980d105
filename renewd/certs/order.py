"""What an issuer hands out to be proved and finalized (RFC 8555 §7.1.3, §8), whichever service it is."""

from dataclasses import dataclass
from enum import StrEnum


class OrderStatus(StrEnum):
    """RFC 8555 §7.1.6."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Token:
    """One proof that has to stand somewhere: a file's name and content, or a record's."""

    domain: str
    type: str  # http-01 or dns-01
    name: (
        str  # HTTP: the last part of the path; DNS: relative to the root domain, such as _acme-challenge.www
    )
    value: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order at the CA; `tokens` is empty where it was born ready.

    `uri` is empty where the service makes the order by itself once it is finalized: each call may make another.
    """

    uri: str
    status: OrderStatus
    tokens: tuple[Token, ...] = ()
    key: str = ""  # the name of the stored key that the certificate is for; empty where the service makes it
