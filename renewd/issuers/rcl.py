"""The RCL SSL Core API V7: every call is a GET, and finalize answers with the certificate."""

from urllib.parse import quote

from renewd.certs.order import Order
from renewd.clock import Clock
from renewd.config.model import RclIssuer
from renewd.config.targets import Target
from renewd.errors import BadReply
from renewd.issuers import rcl_wire
from renewd.issuers.base import Issued
from renewd.issuers.http import Call
from renewd.issuers.portal import Portal


class Rcl(Portal):
    """One subscription, by V7."""

    root = "/v1/subscription"

    def __init__(self, name: str, settings: RclIssuer, clock: Clock) -> None:
        super().__init__(name, settings, clock)
        self._order = Call("the order call", "order", self._whole, costs=True)
        self._finalize = Call("the finalize call", "finalize", self._whole, costs=True)

    def order(self, target: Target, *, replaces: str = "") -> Order:
        """A new order at the CA, at every call. Raises ReplyLost if one may have been made, BadReply if it is unusable."""
        call = self._order
        data = self._decoded(self._ask(target, call, lambda name: f"{_path(name)}/order"), call)
        try:
            return rcl_wire.order(data, target.domains, near=self._web.near)
        except ValueError as error:
            raise BadReply(f"{call.what} was answered, but not usably: {error}", stage="order") from None

    def finalize(self, target: Target, order: Order) -> Issued:
        """The new certificate, which replaces the old one in the portal. Raises ReplyLost if it may have been issued.

        An answer that cannot be read as this target's certificate is a lost one too. Temporary (stage `finalize`)
        is an answered failure: look at `current` first, then the same order may be finalized again.
        """
        call = self._finalize
        self._check_order(order, call)
        uri = quote(order.uri, safe="")
        reply = self._ask(target, call, lambda name: f"{_path(name)}/finalize?orderuri={uri}")
        return self._issued(target, self._decoded(reply, call), call)

    def _certificate_path(self, name: str) -> str:
        return _path(name)


def _path(name: str) -> str:
    return f"/core/certificate/{name}"
