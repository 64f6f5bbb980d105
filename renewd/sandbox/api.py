"""The V7 Core API over HTTP: paths, documents and refusals as the vendor's."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from renewd.certs.order import OrderStatus
from renewd.config import targets
from renewd.sandbox import documents, mischief
from renewd.sandbox.downloads import Downloads
from renewd.sandbox.faults import Armed, Faults
from renewd.sandbox.material import SPOILS
from renewd.sandbox.portal import Portal, Refused
from renewd.sandbox.subscription import Subscription
from renewd.sandbox.wire import Ask, Reply, json_reply, text_reply

BASE = "/public"
_PATH = re.compile(
    BASE
    + r"/v1/subscription/(?P<subscription>[^/]+)/core/certificate/(?P<name>[^/]+)(?:/(?P<call>order|finalize))?"
)


class Api:
    """Answers what is under /public."""

    def __init__(
        self, portal: Portal, downloads: Downloads, faults: Faults, subscription: Subscription
    ) -> None:
        self._portal = portal
        self._downloads = downloads
        self._faults = faults
        self._subscription = subscription

    def answer(self, ask: Ask) -> Reply:
        """One call, with whatever is armed for it."""
        match = _PATH.fullmatch(ask.path)
        if match is None or ask.method != "GET":
            return mischief.gateway(404, "Resource not found")
        name, call = unquote(match["name"]), match["call"] or "certificate"
        self._portal.count(name, call)
        met = self._faults.take(call)
        reply = (
            mischief.before(met)
            or self._subscription.refusal(ask, match["subscription"])
            or self._told(ask, name, call, met)
        )
        return mischief.after(reply, met)

    def _told(self, ask: Ask, name: str, call: str, met: Sequence[Armed]) -> Reply:
        try:
            return json_reply(mischief.edited(self._done(ask, name, call, met), met))
        except Refused as refusal:
            return text_reply(400, str(refusal))

    def _done(self, ask: Ask, name: str, call: str, met: Sequence[Armed]) -> dict[str, Any]:
        """Do what was asked for, and the document that tells of it. Raises Refused."""
        kinds = [fault.kind for fault in met]
        if call == "order":
            order = self._portal.order(name, "DNS" if "tokens-dns" in kinds else None)
            if "born-invalid" in kinds:
                order.status = OrderStatus.INVALID
            return documents.order(order, targets.parts(name))
        if call == "finalize":
            uris = parse_qs(ask.query).get("orderuri", [""])
            holding = self._portal.finalize(name, uris[0], [kind for kind in kinds if kind in SPOILS])
        else:
            holding = self._portal.certificate(name)
        return self._downloads.certificate(holding, stale="stale-certificate" in kinds)
