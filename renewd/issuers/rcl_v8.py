"""The RCL SSL API V8: an order is made by POST, and its certificate comes some time after it was asked for.

A target without a challenge is renewed by an order of the service's own, which it proves itself.
"""

import hmac
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from renewd.certs.order import Order, OrderStatus
from renewd.clock import Clock
from renewd.config import secrets
from renewd.config.model import RclV8Issuer
from renewd.config.secrets import Secret
from renewd.config.targets import Target
from renewd.errors import BadReply, ReplyLost, TargetError, Temporary, Throttled, Unreachable
from renewd.issuers import rcl_v8_wire
from renewd.issuers.base import Issued
from renewd.issuers.http import Call, Reply, unusable
from renewd.issuers.portal import Portal
from renewd.issuers.rcl_v8_wire import Wish

SOONEST, LATEST = 0.5, 30.0  # seconds between two looks at the portal
_TAKEN_UP = "the service took it up and shows no new certificate yet"
_UNTOLD = f"{_TAKEN_UP}; it does not say why: mostly the CA did not find the challenge"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the portal held before a call, and what to tell it."""

    held: Issued
    wish: Wish


class RclV8(Portal):
    """One subscription, by V8."""

    root = "/ssl/certificate/subscription"
    settles = timedelta(hours=1)  # ten minutes "or more": until then an order that was taken up is under way

    def __init__(self, name: str, settings: RclV8Issuer, clock: Clock) -> None:
        super().__init__(name, settings, clock)
        self._own = settings
        self._leaving = threading.Event()
        self._order = Call("the order call", "order", self._whole, costs=True)
        self._schedule = Call("the schedule call", "finalize", self._whole, costs=True)

    def order(self, target: Target, *, replaces: str = "") -> Order:
        """A new order at the CA, at every call; where the target has no challenge it is the service's to make.

        Raises ReplyLost if one may have been made, BadReply if it is unusable.
        """
        if target.challenge is None:
            return Order("", OrderStatus.READY)
        call = self._order
        wish = self._seen(target, call).wish
        reply = self._post("/order/create", call, wish, wish.body())
        try:
            return rcl_v8_wire.order(self._decoded(reply, call), target, near=self._web.near)
        except ValueError as error:
            raise BadReply(f"{call.what} was answered, but not usably: {error}", stage="order") from None

    def finalize(self, target: Target, order: Order) -> Issued:
        """The new certificate, as soon as the portal shows it.

        Raises ReplyLost if it was, or may have been, taken up and nothing came of it within `timeout.read`: it is
        looked for later, and an order of ours asked for again only once `settles` is over.
        """
        call, until = self._schedule, self._clock.monotonic() + self._whole
        if order.uri:
            self._check_order(order, call)
        seen = self._seen(target, call)
        if _is_new(seen.held, order, seen.held):  # an earlier call came to something
            return seen.held
        try:
            if order.uri:
                self._post("/schedule/create", call, seen.wish, seen.wish.body(order.uri))
            else:
                self._post("/schedule/renew", call, seen.wish, seen.wish.renewal())
        except (Unreachable, Throttled):
            raise
        except Temporary as error:
            raise ReplyLost(str(error), stage=call.stage) from error
        return self._awaited(target, order, seen.held, until)

    def close(self) -> None:
        """End the calls and the wait under way, and let none begin."""
        self._leaving.set()
        super().close()

    def _certificate_path(self, name: str) -> str:
        return f"/get/certificatename/{name}"

    def _seen(self, target: Target, call: Call) -> _Seen:
        """What the portal shows before `call`. Raises Unreachable where it does not: `call` itself was not sent."""
        try:
            data = self._document(target)
            return _Seen(self._issued(target, data, self._certificate), self._wish(target, data))
        except (Unreachable, Throttled):
            raise
        except (Temporary, BadReply) as error:
            raise Unreachable(f"{call.what} was not sent: {error}", stage=call.stage) from error

    def _wish(self, target: Target, data: dict[str, Any]) -> Wish:
        """What the portal shows, but for what the configuration says otherwise."""
        try:
            shown = rcl_v8_wire.wish(data, target, self._spellings[target.identity])
        except ValueError as error:
            raise unusable(self._certificate, str(error)) from None
        return replace(shown, email=self._own.email or shown.email, password=self._password(shown))

    def _post(self, path: str, call: Call, wish: Wish, body: bytes) -> Reply:
        return self._call(path, call, body, hidden=(wish.password,))

    def _password(self, shown: Wish) -> Secret:
        """Of the PFX; where nobody names one, it is the same at every call and cannot be known without the key."""
        if self._own.pfx_password is not None:
            return secrets.resolve(self._own.pfx_password)
        key = self._key().reveal().encode()
        return shown.password or Secret(
            hmac.digest(key, f"pfx of {shown.name}".encode(), "sha256").hex()[:32]
        )

    def _awaited(self, target: Target, order: Order, before: Issued, until: float) -> Issued:
        """What the portal shows once it was issued, looked for at growing intervals. Raises ReplyLost if it does not."""
        pause, said = SOONEST, _UNTOLD
        while (left := until - self._clock.monotonic()) > 0:
            if self._clock.wait(self._leaving, min(pause, left)):
                said = f"{_TAKEN_UP}; renewd is leaving"
                break
            pause = min(pause * 2, LATEST)
            try:
                held = self._ask_certificate(target)
            except (Temporary, BadReply) as error:
                said = f"{_TAKEN_UP}: {error}"
                asked = error.retry_after if isinstance(error, Temporary) else None
                pause = max(pause, asked.total_seconds() if asked else 0.0)
            except TargetError as error:
                said = f"{_TAKEN_UP}: {error}"
                break
            else:
                if _is_new(held, order, before):
                    return held
        raise ReplyLost(said, stage="finalize")


def _is_new(held: Issued, order: Order, before: Issued) -> bool:
    """Whether this came of the order: it is named, or it was issued after what was held before."""
    if not (held.links or held.pfx):
        return False
    if held.order_uri == order.uri:
        return True
    return held.issued_at is not None and (before.issued_at is None or held.issued_at > before.issued_at)
