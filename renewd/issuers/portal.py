"""A subscription at RCL, whichever of its APIs it is asked by: certificates, with their keys, that a portal makes and keeps."""

import abc
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from renewd.certs.bundle import Material
from renewd.certs.order import Order
from renewd.clock import Clock
from renewd.config import secrets
from renewd.config.model import RclIssuer, RclV8Issuer
from renewd.config.secrets import Secret
from renewd.config.targets import Target
from renewd.errors import BadReply, ChallengeFailed, KeyRejected, NotInSubscription, RenewdError, TargetError
from renewd.issuers import downloads, links, rcl_refusals, rcl_wire
from renewd.issuers.base import Issued
from renewd.issuers.http import Call, Reply, Web, unusable

READ = 60.0  # seconds at most, for a call that costs nothing and for a download
DISTRUST = 3600.0  # seconds that a rejected key is not tried again
FRESH = 3  # times that links which the storage refuses are asked for anew
_SENDABLE = re.compile(r"[!-~]+")  # what a header can carry (RFC 9110 §5.5)


class Portal(abc.ABC):
    """What both APIs share. `skew` is how far the service's clock was ahead of ours at its last answer."""

    root = ""  # of every path, below the base URL and before the subscription

    def __init__(self, name: str, settings: RclIssuer | RclV8Issuer, clock: Clock) -> None:
        self.name = name
        self.skew: timedelta | None = None
        self._settings = settings
        self._clock = clock
        self._web = Web(settings)
        self._spellings: dict[str, str] = {}  # identity → the name as the portal writes it
        self._rejected: tuple[Secret, float] | None = None  # a key, and when it was
        self._lock = threading.Lock()
        self._whole = settings.timeout.read.total_seconds()
        brief = min(READ, self._whole)
        self._downloads = downloads.Downloads(self._web, brief, clock)
        self._certificate = Call("the certificate call", "api", brief)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @abc.abstractmethod
    def _certificate_path(self, name: str) -> str:
        """Where the certificate of this name, quoted, is asked for; below the subscription."""

    def current(self, target: Target) -> Issued | None:
        """What the portal holds; None where nothing was issued yet. Raises NotInSubscription."""
        return _held(self._ask_certificate(target))

    def read(self, target: Target, order: Order) -> Order:
        """The order itself: it came with all it asks for, and cannot be asked for again."""
        return order

    def validate(self, target: Target, order: Order) -> None:  # noqa: B027 - right for both as it is
        """Nothing to call: finalize makes the CA look."""

    def outcome(self, target: Target, order: Order) -> Issued | None:
        """What the portal holds, which is for the caller to compare with the order."""
        return self.current(target)

    def collect(self, target: Target, issued: Issued) -> Material:
        """Leaf, chain and key, all or nothing; links that the storage refuses are asked for anew."""
        for _ in range(FRESH):
            try:
                return self._downloads.fetch(issued)
            except downloads.Stale:
                issued = self._ask_certificate(target)
        return self._downloads.fetch(issued)

    def close(self) -> None:
        """End the calls under way, and let none begin."""
        self._web.close()

    def _ask_certificate(self, target: Target) -> Issued:
        return self._issued(target, self._document(target), self._certificate)

    def _document(self, target: Target) -> dict[str, Any]:
        """The Certificate as it came."""
        return self._decoded(self._ask(target, self._certificate, self._certificate_path), self._certificate)

    def _issued(self, target: Target, data: dict[str, Any], call: Call) -> Issued:
        try:
            return rcl_wire.certificate(data, target.identity)
        except ValueError as error:
            raise unusable(call, str(error)) from None

    def _decoded(self, reply: Reply, call: Call) -> dict[str, Any]:
        try:
            return rcl_wire.decode(reply.body, reply.kind)
        except ValueError as error:
            raise unusable(call, str(error)) from None

    def _check_order(self, order: Order, call: Call) -> None:
        """Raises BadReply if the order has no address that may be sent."""
        try:
            links.check_order(order.uri, near=self._web.near)
        except ValueError as error:
            raise BadReply(f"{call.what} was not made: {error}", stage=call.stage) from None

    def _ask(self, target: Target, call: Call, path: Callable[[str], str]) -> Reply:
        """The answer of 200 to a GET about a target, under the first spelling of its name that is known there."""
        unknown: NotInSubscription | None = None
        for name in self._names(target):
            try:
                reply = self._call(path(quote(name, safe="")), call)
            except NotInSubscription as error:
                unknown = unknown or error
            else:
                self._spellings[target.identity] = name
                return reply
        raise unknown or NotInSubscription(f"{target.name!r} holds no name")

    def _names(self, target: Target) -> tuple[str, ...]:
        """As written, or as it was known last, and then with the other spacing."""
        written = self._spellings.get(target.identity, target.name)
        parts = [part.strip() for part in written.split(",")]
        other = ", ".join(parts) if written == ",".join(parts) else ",".join(parts)
        return (written,) if written == other else (written, other)

    def _call(
        self, path: str, call: Call, body: bytes | None = None, hidden: tuple[Secret, ...] = ()
    ) -> Reply:
        """The answer of 200; `hidden` are secrets of the body, which no refusal repeats."""
        key = self._key()
        subscription = quote(self._settings.subscription_id, safe="")
        reply = self._web.api(f"{self.root}/{subscription}{path}", key, call, body)
        now = self._clock.now()
        if (served := rcl_refusals.date(reply.date)) is not None:
            self.skew = served - now
        refusal = rcl_refusals.refusal(reply, call, now, (key, *hidden))
        if refusal is None:
            return reply
        if isinstance(refusal, KeyRejected):
            with self._lock:
                self._rejected = (key, self._clock.monotonic())
        raise self._advised(refusal)

    def _key(self) -> Secret:
        """The key, read anew. Raises KeyRejected if it is the one that was rejected, or cannot be used at all."""
        try:
            key = secrets.resolve(self._settings.api_key)
        except RenewdError as error:
            raise KeyRejected(f"the API key cannot be read: {error}", remedy=error.remedy) from error
        if not _SENDABLE.fullmatch(key.reveal()):
            raise self._advised(KeyRejected("the API key holds blanks or signs that no key has"))
        with self._lock:
            rejected = self._rejected
        if rejected and rejected[0] == key and self._clock.monotonic() - rejected[1] < DISTRUST:
            raise self._advised(
                KeyRejected("the service rejected this API key; it is not sent again for an hour")
            )
        return key

    def _advised(self, error: TargetError) -> TargetError:
        """The same error with what the person can do about it."""
        if isinstance(error, KeyRejected):
            error.remedy = (
                f"Put a valid API key where issuers.{self.name}.api_key says; it is read anew each time."
            )
        elif isinstance(error, NotInSubscription):
            error.remedy = (
                f"Write the name as the RCL portal shows it in subscription {self._settings.subscription_id}, "
                f"and check base_url."
            )
        elif isinstance(error, ChallengeFailed):
            error.remedy = "Let http://NAME/.well-known/acme-challenge/ show the world what renewd places, for every name."
        return error


def _held(issued: Issued) -> Issued | None:
    return issued if issued.links or issued.pfx else None
