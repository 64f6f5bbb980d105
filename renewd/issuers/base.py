"""The protocol that every issuer fulfils, and the values it trades in."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from renewd.certs.bundle import Material
from renewd.certs.caa import Applicant
from renewd.certs.order import Order
from renewd.config.secrets import Secret
from renewd.config.targets import Target

if TYPE_CHECKING:
    from renewd.certs.bundle import PrivateKey


@dataclass(frozen=True, slots=True)
class Issued:
    """What the issuer says it holds for a target; information only, until the X.509 behind it was judged."""

    name: str
    order_uri: str | None
    issued_at: datetime | None
    expires_at: datetime | None
    links: dict[str, str] = field(default_factory=dict, repr=False)  # pre-signed: the query is a secret
    pfx: Secret | None = None  # base64
    password: Secret | None = None
    key: str = ""  # the name of the stored key, as the order has it


class Issuer(Protocol):
    """A service that issues certificates. Every call may raise any renewd.errors.TargetError but those of gate and install.

    `order` and `finalize` cost budget and are never repeated blindly: the engine journals before and after.
    """

    name: str  # the configuration's name of it

    def current(self, target: Target) -> Issued | None:
        """What the issuer holds now for this target, if it keeps certificates at all."""
        ...

    def order(self, target: Target, *, replaces: str = "") -> Order:
        """A new order; `replaces` is the id of the certificate it is to replace (RFC 9773 §4.1), where that is known.

        It has no address where the service makes and proves it by itself. Raises ReplyLost if it is not known whether one was made.
        """
        ...

    def read(self, target: Target, order: Order) -> Order:
        """The order as it stands, with the proofs that it asks for. Safe to repeat."""
        ...

    def validate(self, target: Target, order: Order) -> None:
        """Tell the service that the challenges stand, where it wants to be told, and wait until it has looked.

        Safe to repeat. Raises ChallengeFailed if it did not find them.
        """
        ...

    def finalize(self, target: Target, order: Order) -> Issued:
        """The new certificate. Raises ReplyLost if it is not known whether it was issued."""
        ...

    def outcome(self, target: Target, order: Order) -> Issued | None:
        """What came of an order whose finalize was sent; None while nothing can be told. Safe to repeat.

        Raises Unfinalized if finalize certainly did nothing, OrderGone if the order can give nothing any more.
        """
        ...

    def collect(self, target: Target, issued: Issued) -> Material:
        """Leaf, chain and key of what was issued; safe to repeat."""
        ...

    def close(self) -> None:
        """Let go of connections; a call under way in another thread fails soon after."""
        ...


@runtime_checkable
class ReusesKeys(Protocol):
    """An issuer whose keys renewd makes, and which may use one again."""

    key_type: str  # that it wants, as `expect.key_type` writes it

    def lacks_key(self, target: Target) -> bool:
        """Whether keys are used again and there is none of the target's yet."""
        ...

    def keep_key(self, target: Target, key: "PrivateKey") -> None:
        """The target's next certificate, and those that follow, are for this key."""
        ...


@runtime_checkable
class Probing(Protocol):
    """An issuer of which more can be known before an order than whether it answers."""

    def probe(self, target: Target) -> str:
        """What is so, in words; nothing is made. Raises any TargetError that would stop an order."""
        ...


@runtime_checkable
class NamedByCaa(Protocol):
    """An issuer that says by which names CAA records (RFC 8659) permit it."""

    def applicant(self, target: Target) -> Applicant | None:
        """Who would issue for the target; None where that is not known. Raises any TargetError of asking for it."""
        ...
