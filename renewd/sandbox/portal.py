"""The vendor's side without HTTP: which certificates a subscription holds, its orders, and what finalize does."""

import itertools
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from renewd.certs.order import OrderStatus, Token
from renewd.clock import Clock
from renewd.config import targets
from renewd.sandbox import ca, material, records
from renewd.sandbox.material import Generation
from renewd.sandbox.records import Holding, PortalOrder

ORDER_LIFE = timedelta(days=7)  # as Let's Encrypt's
ORDERS = "https://acme.sandbox.test/acme/order/40961"  # looks like the CA's, answers nowhere
Validate = Callable[[Sequence[Token]], str | None]  # the CA's complaint, None if it found every proof


class Refused(Exception):
    """The portal says no; `str()` is the vendor's text."""


NOT_FOUND = "The certificate was not found."
ORDER_NOT_FOUND = "The order was not found."
ORDER_INVALID = "The order is invalid. Create a new order."
FINALIZED = "The order was already finalized."
BUSY = 'Order\'s status ("processing") is not acceptable for finalization'


class Portal:
    """Thread-safe; `shift` moves its clock."""

    def __init__(self, clock: Clock, validate: Validate, *, reuse: timedelta = timedelta(days=30)) -> None:
        self._clock = clock
        self._validate = validate
        self.reuse = reuse  # for how long a validation makes new orders be born ready
        self.shift = timedelta()
        self.authority = ca.Authority(self.now())
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget everything but the CA."""
        with self._lock:
            self._numbers = itertools.count(int.from_bytes(secrets.token_bytes(3), "big") + 100_000)
            self.holdings: dict[str, Holding] = {}
            self.orders: dict[str, PortalOrder] = {}
            self.calls: dict[str, Counter[str]] = {}
            self.shift = timedelta()

    def now(self) -> datetime:
        """The present as the vendor sees it, in whole seconds."""
        return (self._clock.now() + self.shift).replace(microsecond=0)

    def count(self, name: str, call: str) -> None:
        """Note that a call for `name` arrived, whatever comes of it."""
        with self._lock:
            self.calls.setdefault(name, Counter())[call] += 1

    def seed(  # noqa: PLR0913 - wishes by keyword, each with a default that is right for most
        self,
        name: str,
        *,
        days_left: float | None = 3,
        lifetime_days: float = 90,
        key_type: str = "ecdsa-p256",
        challenge: str | None = None,
        validated: bool = False,
        spoil: str | None = None,
    ) -> Holding:
        """Put a certificate into the subscription, or another in its place; `days_left=None`: nothing issued yet.

        Raises ValueError if one of them makes no sense.
        """
        records.check_name(name)
        records.check_days(lifetime_days, days_left)
        if challenge not in (None, "HTTP", "DNS"):
            raise ValueError(f"challenge must be HTTP or DNS, not {challenge!r}")
        if spoil is not None and spoil not in material.SPOILS:
            raise ValueError(f"{spoil!r} is none of {', '.join(material.SPOILS)}")
        holding = Holding(next(self._numbers), name, challenge or records.usual_challenge(name), key_type)
        holding.lifetime = timedelta(days=lifetime_days)
        holding.validated_at = self.now() if validated else None
        if days_left is not None:
            end = self.now() + timedelta(days=days_left)
            life = ca.Life(end - holding.lifetime, end)
            spoils = [spoil] if spoil else []
            holding.generations.append(self._make(holding, self._next_uri(), life, spoils))
        with self._lock:
            self.holdings[name] = holding
        return holding

    def certificate(self, name: str) -> Holding:
        """What is held under exactly this name. Raises Refused if nothing is."""
        with self._lock:
            holding = self.holdings.get(name)
        if holding is None:
            raise Refused(NOT_FOUND)
        return holding

    def order(self, name: str, challenge: str | None = None) -> PortalOrder:
        """A new order: `ready` if the names were validated recently, else `pending` with one token a name.

        `challenge` is another than the certificate's own.
        """
        holding = self.certificate(name)
        with self._lock:
            now = self.now()
            known = holding.validated_at is not None and now - holding.validated_at < self.reuse
            tokens = () if known else records.tokens(name, challenge or holding.challenge)
            status = OrderStatus.READY if known else OrderStatus.PENDING
            order = PortalOrder(self._next_uri(), name, status, tokens, now + ORDER_LIFE)
            self.orders[order.uri] = order
            return order

    def finalize(self, name: str, uri: str, spoils: Sequence[str] = ()) -> Holding:
        """Issue for an order, after validating it if that is still to do. Raises Refused with the vendor's reason."""
        holding = self.certificate(name)
        order, ready = self._claim(name, uri)
        complaint = None if ready else self._validate(order.tokens)
        if complaint is not None:
            order.status = OrderStatus.INVALID
            raise Refused(complaint)
        start = self.now() - ca.BACKDATED
        life = ca.Life(start, start + holding.lifetime - timedelta(seconds=1))
        generation = self._make(holding, uri, life, spoils)
        with self._lock:
            holding.generations.append(generation)
            holding.issued += 1
            if not ready:
                holding.validated_at = self.now()
            order.status = OrderStatus.VALID
        return holding

    def open_order(self, name: str, uri: str) -> PortalOrder:
        """The order, which can still be finalized. Raises Refused."""
        with self._lock:
            order = self.orders.get(uri)
            if order is None or order.name != name:
                raise Refused(ORDER_NOT_FOUND)
            if order.status is OrderStatus.VALID:
                raise Refused(FINALIZED)
            if order.status is OrderStatus.PROCESSING:
                raise Refused(BUSY)
            if order.status is OrderStatus.INVALID or self.now() >= order.expires_at:
                order.status = OrderStatus.INVALID
                raise Refused(ORDER_INVALID)
            return order

    def reissue(self, number: int) -> None:
        """Put another certificate where one is, under the same links: somebody renewed it in the portal by hand."""
        with self._lock:
            holding = self._holding_of(number)
            old = holding.generations[-1]
            life = ca.Life(old.leaf.not_valid_before_utc, old.leaf.not_valid_after_utc)
            new = self._make(holding, old.order_uri, life, (), number=old.number)
            holding.generations[-1] = new

    def blob(self, number: int, file: str) -> bytes | None:
        """A file of the generation with this number; None if there is no such file."""
        with self._lock:
            for holding in self.holdings.values():
                for generation in holding.generations:
                    if generation.number == number:
                        return generation.files.get(file)
        return None

    def _holding_of(self, number: int) -> Holding:
        return next(
            holding
            for holding in self.holdings.values()
            if any(generation.number == number for generation in holding.generations)
        )

    def _claim(self, name: str, uri: str) -> tuple[PortalOrder, bool]:
        """The order, now being processed, and whether it was ready."""
        with self._lock:
            order = self.open_order(name, uri)
            ready = order.status is OrderStatus.READY
            order.status = OrderStatus.PROCESSING
            return order, ready

    def _make(
        self, holding: Holding, uri: str, life: ca.Life, spoils: Sequence[str], *, number: int | None = None
    ) -> Generation:
        given = next(self._numbers) if number is None else number
        issued_at = min(
            self.now(), life.start + ca.BACKDATED
        )  # what was seeded was issued when its life began

        def honest(request: material.Request) -> Generation:
            return material.make(self.authority, request, number=given, issued_at=issued_at)

        request = material.Request(targets.parts(holding.name), holding.key_type, life, uri)
        return material.make_spoiled(spoils, request, honest)

    def _next_uri(self) -> str:
        return f"{ORDERS}/{next(self._numbers)}"
