"""Any CA that speaks ACME (RFC 8555): orders, authorizations, finalize, chains, revocation. renewd makes the key."""

import os
import threading
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from cryptography import x509

from renewd.certs import csr
from renewd.certs.bundle import Material
from renewd.certs.caa import Applicant
from renewd.certs.order import Order, OrderStatus, Token
from renewd.clock import Clock
from renewd.config.issuing import AcmeIssuer
from renewd.config.targets import Target
from renewd.errors import (
    AlreadyFinalized,
    ChallengeFailed,
    Declined,
    OrderGone,
    ReplyLost,
    TargetError,
    Temporary,
    Throttled,
    Unfinalized,
    Unreachable,
)
from renewd.issuers import acme_chains, acme_refusals, acme_revoking, acme_wire
from renewd.issuers.acme_account import Account
from renewd.issuers.acme_keys import Keys
from renewd.issuers.acme_orders import Orders, base64url
from renewd.issuers.acme_session import Session, Signer
from renewd.issuers.acme_wire import Authorization, WireOrder
from renewd.issuers.base import Issued
from renewd.issuers.http import Call, unusable

if TYPE_CHECKING:
    from renewd.certs.bundle import PrivateKey

_UNSENT = (Unreachable, Throttled)
_FRESH = 60.0  # seconds that what was seen of the account is believed


class Acme:
    """One account at one CA. `skew` is how far the CA's clock was ahead of ours at its last answer."""

    def __init__(self, name: str, settings: AcmeIssuer, clock: Clock, state_directory: str) -> None:
        self.name = name
        self.key_type: str = settings.key_type
        self._settings = settings
        self._clock = clock
        self._session = Session(settings, clock)
        self._orders = Orders(self._session, clock)
        folder = os.path.join(state_directory, "acme", name)
        self.account = Account(settings, self._session, folder)
        self._looked: tuple[str, float] | None = None
        self._looking = threading.Lock()
        self._keys = Keys(os.path.join(folder, "keys"))
        brief, whole = self._session.brief, self._session.whole
        self._new = Call("newOrder", "order", brief, costs=True)
        self._answer = Call("the answer to the challenge", "challenge", brief)
        self._finalize = Call("finalize", "finalize", whole, costs=True)
        self._certificate = Call("the certificate", "download", brief)

    def __repr__(self) -> str:
        return f"Acme({self.name!r})"

    @property
    def skew(self) -> timedelta | None:
        """How far the CA's clock was ahead of ours at its last answer; None if it did not say."""
        return self._session.skew

    @skew.setter
    def skew(self, value: timedelta | None) -> None:
        self._session.skew = value

    def current(self, target: Target) -> Issued | None:
        """None: a CA keeps nothing for a name. It is called all the same, so that its clock and its directory are known."""
        self._session.hello()
        return None

    def probe(self, target: Target) -> str:
        """What of the CA can be known without an order, in words. Raises what would stop one: TLS, account, profile."""
        self._session.hello()
        self._wanted(target)
        terms = self._session.directory().terms
        told = f"the CA's directory answers; {self._account_seen()}"
        return f"{told}; you agree to {terms}" if terms else told

    def applicant(self, target: Target) -> Applicant | None:
        """By what CAA records may let it issue; None where the CA does not say, or nobody is to look."""
        names = self._session.directory().caa_names if self._settings.caa == "on" else ()
        method = target.challenge.type if target.challenge is not None else ""
        return Applicant(names, method, self.account.address()) if names else None

    def order(self, target: Target, *, replaces: str = "") -> Order:
        """A new order (§7.4) for a key that is on the disk before it. Raises ReplyLost if one may have been made."""
        signer = self.account.signer()
        payload = self._wanted(target)
        key = self._keys.make(target, self._settings.key_type, reuse=self._settings.reuse_key)
        self._keys.sweep(self._clock.now().timestamp())
        try:
            return self._ordered(payload, replaces, key, signer)
        except ReplyLost:
            raise
        except TargetError:
            self._keys.drop(key)
            raise

    def read(self, target: Target, order: Order) -> Order:
        """The order as it stands, with a token for each name that is still to be proved."""
        signer = self.account.signer()
        found = self._orders.found(order, signer)
        found.assert_for(target.domains)
        if found.status is not OrderStatus.PENDING:
            return Order(order.uri, found.status, (), order.key)
        tokens = [self._token(target, each, signer) for each in self._orders.to_prove(found, signer)]
        return Order(order.uri, found.status, tuple(tokens), order.key)

    def validate(self, target: Target, order: Order) -> None:
        """Answer the challenges whose tokens stand (§7.5.1), and wait until the CA has looked at all of them."""
        signer = self.account.signer()
        found = self._orders.found(order, signer)
        if found.status is OrderStatus.PENDING:
            self._orders.answer(order, found, signer, self._answer)
            found = self._orders.looked(
                order, signer, lambda status: status is OrderStatus.PENDING, self._answer
            )
        if found.status is OrderStatus.INVALID:
            raise self._orders.unproved(found, signer)

    def finalize(self, target: Target, order: Order) -> Issued:
        """Send the request for our key (§7.4), and wait for the certificate. Raises ReplyLost if it may come later."""
        if not order.key:
            raise OrderGone(
                f"renewd has no key for the order {order.uri}: it was made elsewhere",
                stage="finalize",
                remedy=f"let renewd make an order of its own: renewd renew '{target.name}' --force",
            )
        signer = self.account.signer()
        request = csr.request(self._keys.load(order.key), target.domains)
        found = self._orders.before(order, signer)
        if found.status is OrderStatus.READY:
            payload = {"csr": base64url(request)}
            reply = self._session.post(found.finalize, payload, self._finalize, signer)
            found = self._orders.shown(reply, self._finalize)
        return self._issued(order, self._orders.until_issued(order, found, signer, self._finalize))

    def outcome(self, target: Target, order: Order) -> Issued | None:
        """What came of the order; None while the CA works on it. Raises Unfinalized, OrderGone."""
        found = self._orders.found(order, self.account.signer())
        if found.status in (OrderStatus.READY, OrderStatus.PENDING):
            raise Unfinalized("the CA shows that the order still waits to be finalized")
        return None if found.status is OrderStatus.PROCESSING else self._issued(order, found)

    def collect(self, target: Target, issued: Issued) -> Material:
        """The chain (§7.4.2), the preferred one where there are several, with our key."""
        signer, call = self.account.signer(), self._certificate
        key = csr.pem(self._keys.load(issued.key))
        fetch = partial(self._session.post, payload="", call=call, signer=signer, accept=acme_chains.TYPE)
        chosen, remark = acme_chains.fetched(
            fetch, issued.links["certificate"], self._settings.preferred_chain, near=self._session.near
        )
        return Material(pem=(chosen, key), remark=remark)

    def revoke(self, leaf: x509.Certificate, reason: int, key: "PrivateKey | None" = None) -> bool:
        """Take a certificate back; False if it was before. `key` is its own, for what another account had issued."""
        return acme_revoking.revoke(self._session, self.account.signer(), leaf, reason, key)

    def lacks_key(self, target: Target) -> bool:
        """Whether keys are used again and there is none of the target's yet."""
        return self._settings.reuse_key and not self._keys.has(target, self.key_type)

    def keep_key(self, target: Target, key: "PrivateKey") -> None:
        """The target's next certificates are for this key."""
        self._keys.keep(target, key)

    def forget_key(self, target: Target) -> None:
        """The next certificate has a new key, even where keys are used again: this one is known to others."""
        self._keys.forget(target)

    def close(self) -> None:
        """End the calls and waits under way, and let none begin."""
        self._session.close()

    def _account_seen(self) -> str:
        """Looked at once for all the certificates that are asked about together."""
        with self._looking:
            now = self._clock.monotonic()
            if self._looked is None or now - self._looked[1] > _FRESH:
                self._looked = self.account.look(), now
            return self._looked[0]

    def _wanted(self, target: Target) -> dict[str, Any]:
        payload: dict[str, Any] = {"identifiers": [acme_wire.identifier(each) for each in target.domains]}
        profile, known = self._settings.profile, self._session.directory().profiles
        if profile is not None:
            if profile not in known:
                raise Declined(
                    f"the CA has no profile {profile!r}",
                    remedy=f"write one of {', '.join(sorted(known))}" if known else "leave `profile` out",
                )
            payload["profile"] = profile
        return payload

    def _ordered(self, payload: dict[str, Any], replaces: str, key: str, signer: Signer) -> Order:
        url, call = self._session.directory().new_order, self._new
        try:
            more = {"replaces": replaces} if replaces else {}
            reply = self._session.post(url, {**payload, **more}, call, signer)
        except (*_UNSENT, ReplyLost, Temporary, Declined):
            raise
        except TargetError:
            if not replaces:
                raise
            reply = self._session.post(url, payload, call, signer)  # it may be that which was refused
        found = self._orders.shown(reply, call)
        try:
            uri = acme_wire.location(reply.headers, near=self._session.near)
        except ValueError as error:
            raise unusable(call, str(error)) from None
        return Order(uri, found.status, (), key)

    def _token(self, target: Target, asked: Authorization, signer: Signer) -> Token:
        """By the challenge that the target is set up for; another kind where the CA does not offer that one."""
        wanted = target.challenge.type if target.challenge is not None else "http-01"
        known = [each for each in asked.challenges if each.type in ("http-01", "dns-01")]
        known.sort(key=lambda each: each.type != wanted)
        if not known:
            raise ChallengeFailed(f"the CA offers no proof for {asked.name} that renewd can give")
        return self._orders.proof(asked, known[0], signer)

    def _issued(self, order: Order, found: WireOrder) -> Issued:
        if found.status is OrderStatus.VALID:
            links = {"certificate": found.certificate}
            return Issued(
                name="", order_uri=order.uri, issued_at=None, expires_at=None, links=links, key=order.key
            )
        if found.status is OrderStatus.INVALID:
            said = acme_refusals.problem(found.problem).said or "it does not say why"
            raise acme_refusals.ended(found.problem, f"the CA did not issue: {said}", "finalize")
        raise AlreadyFinalized(f"after finalize the order is {found.status}")
