"""The RCL SSL Core API V7: certificates, with their keys, that a portal makes and keeps."""

import base64
import binascii
import re
import threading
from datetime import timedelta
from urllib.parse import quote

from renewd.certs.bundle import Material
from renewd.certs.order import Order
from renewd.clock import Clock
from renewd.config import secrets
from renewd.config.model import RclIssuer
from renewd.config.secrets import Secret
from renewd.config.targets import Target
from renewd.errors import (
    BadReply,
    ChallengeFailed,
    KeyRejected,
    NotInSubscription,
    RenewdError,
    TargetError,
    Temporary,
)
from renewd.issuers import links, rcl_refusals, rcl_wire
from renewd.issuers.base import Issued
from renewd.issuers.http import Call, Reply, Web, unusable

READ = 60.0  # seconds at most, for a call that costs nothing and for a download
DISTRUST = 3600.0  # seconds that a rejected key is not tried again
FRESH = 3  # times that links which the storage refuses are asked for anew
_WAYS = (  # from the plainest; a PFX comes last, since it is the only one with a password
    ("certCrtUrl", "cabundleCrtUrl", "keyUrl"),
    ("fullchainCrtUrl", "keyUrl"),
    ("pemUrl",),
    ("pfxUrl",),
)
_SENDABLE = re.compile(r"[!-~]+")  # what a header can carry (RFC 9110 §5.5)


class Rcl:
    """One subscription. `skew` is how far the service's clock was ahead of ours at its last answer."""

    def __init__(self, name: str, settings: RclIssuer, clock: Clock) -> None:
        self.name = name
        self.skew: timedelta | None = None
        self._settings = settings
        self._clock = clock
        self._web = Web(settings)
        self._spellings: dict[str, str] = {}  # identity → the name as the portal writes it
        self._rejected: tuple[Secret, float] | None = None  # a key, and when it was
        self._lock = threading.Lock()
        whole = settings.timeout.read.total_seconds()
        self._brief = min(READ, whole)
        self._certificate = Call("the certificate call", "api", self._brief)
        self._order = Call("the order call", "order", whole, costs=True)
        self._finalize = Call("the finalize call", "finalize", whole, costs=True)

    def __repr__(self) -> str:
        return f"Rcl({self.name!r})"

    def current(self, target: Target) -> Issued | None:
        """What the portal holds; None where nothing was issued yet. Raises NotInSubscription."""
        issued = self._ask_certificate(target)
        return issued if issued.links or issued.pfx else None

    def order(self, target: Target, *, replaces: str = "") -> Order:
        """A new order at the CA, at every call. Raises ReplyLost if one may have been made, BadReply if it is unusable."""
        reply = self._ask(target, self._order, "/order")
        data = self._decoded(reply, self._order)
        try:
            return rcl_wire.order(data, target.domains, near=self._web.near)
        except ValueError as error:
            raise BadReply(
                f"{self._order.what} was answered, but not usably: {error}", stage="order"
            ) from None

    def read(self, target: Target, order: Order) -> Order:
        """The order itself: it came with all it asks for, and cannot be asked for again."""
        return order

    def validate(self, target: Target, order: Order) -> None:
        """Nothing to call: finalize makes the CA look."""

    def finalize(self, target: Target, order: Order) -> Issued:
        """The new certificate, which replaces the old one in the portal. Raises ReplyLost if it may have been issued.

        An answer that cannot be read as this target's certificate is a lost one too. Temporary (stage `finalize`)
        is an answered failure: look at `current` first, then the same order may be finalized again.
        """
        call = self._finalize
        try:
            links.check_order(order.uri, near=self._web.near)
        except ValueError as error:
            raise BadReply(f"{call.what} was not made: {error}", stage=call.stage) from None
        reply = self._ask(target, call, f"/finalize?orderuri={quote(order.uri, safe='')}")
        return self._read_certificate(target, reply, call)

    def outcome(self, target: Target, order: Order) -> Issued | None:
        """What the portal holds, which is for the caller to compare with the order."""
        return self.current(target)

    def collect(self, target: Target, issued: Issued) -> Material:
        """Leaf, chain and key, all or nothing; links that the storage refuses are asked for anew."""
        for _ in range(FRESH):
            try:
                return self._fetch(issued)
            except _Stale:
                issued = self._ask_certificate(target)
        return self._fetch(issued)

    def close(self) -> None:
        """End the calls under way, and let none begin."""
        self._web.close()

    def _ask_certificate(self, target: Target) -> Issued:
        call = self._certificate
        return self._read_certificate(target, self._ask(target, call), call)

    def _read_certificate(self, target: Target, reply: Reply, call: Call) -> Issued:
        try:
            return rcl_wire.certificate(self._decoded(reply, call), target.identity)
        except ValueError as error:
            raise unusable(call, str(error)) from None

    def _decoded(self, reply: Reply, call: Call) -> dict[str, object]:
        try:
            return rcl_wire.decode(reply.body, reply.kind)
        except ValueError as error:
            raise unusable(call, str(error)) from None

    def _ask(self, target: Target, call: Call, tail: str = "") -> Reply:
        """The answer of 200 to a call about a target, under the first spelling of its name that is known there."""
        unknown: NotInSubscription | None = None
        for name in self._names(target):
            try:
                reply = self._get(f"/core/certificate/{quote(name, safe='')}{tail}", call)
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

    def _get(self, path: str, call: Call) -> Reply:
        key = self._key()
        subscription = quote(self._settings.subscription_id, safe="")
        reply = self._web.api(f"/v1/subscription/{subscription}{path}", key, call)
        now = self._clock.now()
        if (served := rcl_refusals.date(reply.date)) is not None:
            self.skew = served - now
        refusal = rcl_refusals.refusal(reply, call, now, (key,))
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

    def _fetch(self, issued: Issued) -> Material:
        way = _way(issued)
        found = [self._download_one(field, issued.links[field]) for field in way]
        if way and way != ("pfxUrl",):
            return Material(pem=tuple(found), password=issued.password)
        pfx = found[0] if found else _unpacked(issued.pfx)
        return Material(pfx=pfx, password=issued.password)

    def _download_one(self, field: str, url: str) -> bytes:
        call = Call(f"the download of {field}", "download", self._brief)
        reply = self._web.download(url, call)
        if reply.status in {401, 403, 404, 410}:
            raise _Stale(f"{call.what} was answered with {reply.status}", stage=call.stage)
        refusal = rcl_refusals.storage(reply, call, self._clock.now())
        if refusal is not None:
            raise refusal
        if "html" in reply.kind or reply.body.lstrip()[:1] == b"<":
            raise unusable(call, "it is an HTML page")
        if not reply.body.strip():
            raise unusable(call, "it is empty")
        return reply.body


class _Stale(Temporary):
    """The storage does not serve this link any more."""


def _way(issued: Issued) -> tuple[str, ...]:
    """The links to fetch; none where the PFX came along."""
    for way in _WAYS:
        if all(field in issued.links for field in way):
            return way
    if issued.pfx:
        return ()
    there = ", ".join(field for field in rcl_wire.LINKS if field in issued.links) or "nothing"
    raise BadReply(
        f"the portal does not hand out key, certificate and chain together; there was: {there}",
        stage="download",
        remedy="Look at the certificate in the RCL portal: it may not have been issued, or not wholly.",
    )


def _unpacked(pfx: Secret | None) -> bytes:
    try:
        return base64.b64decode("".join((pfx.reveal() if pfx else "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadReply("the pfxString is not base64", stage="download") from None
