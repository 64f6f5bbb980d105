"""The V7 Core API over HTTP: paths, bearer, documents and refusals as the vendor's."""

import base64
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from renewd.certs.order import OrderStatus, Token
from renewd.config import targets
from renewd.sandbox import mischief
from renewd.sandbox.downloads import Downloads
from renewd.sandbox.faults import Armed, Faults
from renewd.sandbox.material import LINKS, SPOILS
from renewd.sandbox.portal import Portal, Refused
from renewd.sandbox.records import Holding, PortalOrder, root_domain
from renewd.sandbox.wire import Ask, Reply, json_reply, text_reply

BASE = "/public"
_PATH = re.compile(
    BASE
    + r"/v1/subscription/(?P<subscription>[^/]+)/core/certificate/(?P<name>[^/]+)(?:/(?P<call>order|finalize))?"
)
_EMAIL = "hostmaster@sandbox.test"


class Api:
    """Answers what is under /public."""

    def __init__(self, portal: Portal, downloads: Downloads, faults: Faults, subscription_id: str) -> None:
        self._portal = portal
        self._downloads = downloads
        self._faults = faults
        self.subscription_id = subscription_id
        self.api_key = ""
        self.unauthorized = 0

    def answer(self, ask: Ask) -> Reply:
        """One call, with whatever is armed for it."""
        match = _PATH.fullmatch(ask.path)
        if match is None or ask.method != "GET":
            return mischief.gateway(404, "Resource not found")
        name, call = unquote(match["name"]), match["call"] or "certificate"
        self._portal.count(name, call)
        met = self._faults.take(call)
        reply = mischief.before(met) or self._checked(ask, match["subscription"], name, call, met)
        return mischief.after(reply, met)

    def _checked(self, ask: Ask, subscription: str, name: str, call: str, met: Sequence[Armed]) -> Reply:
        bearer = ask.headers.get("authorization", "")
        if not hmac.compare_digest(bearer.encode(), f"Bearer {self.api_key}".encode()):
            self.unauthorized += 1
            return text_reply(401, "The API key is missing or is not valid.")
        if unquote(subscription) != self.subscription_id:
            self.unauthorized += 1
            return text_reply(401, "The API key is not authorized for this subscription.")
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
            return order_document(order, targets.parts(name))
        if call == "finalize":
            uris = parse_qs(ask.query).get("orderuri", [""])
            holding = self._portal.finalize(name, uris[0], [kind for kind in kinds if kind in SPOILS])
        else:
            holding = self._portal.certificate(name)
        return self._certificate_document(holding, stale="stale-certificate" in kinds)

    def _certificate_document(self, holding: Holding, *, stale: bool) -> dict[str, Any]:
        """The Certificate; every field of what was not issued yet is null."""
        generation = holding.generations[-2] if stale and len(holding.generations) > 1 else holding.held
        document: dict[str, Any] = {
            "id": holding.number,
            "certificateName": holding.name,
            "rootDomain": root_domain(holding.name),
            "email": _EMAIL,
            "challengeType": holding.challenge,
            "orderUri": None,
            "issueDate": None,
            "expiryDate": None,
            "password": None,
            "pfxString": None,
            "certificateDownloadUrl": dict.fromkeys(LINKS),
            "target": "Stand ALone",
            "isSAN": len(targets.parts(holding.name)) > 1,
            "tags": None,
        }
        if generation is None:
            return document
        return {
            **document,
            "orderUri": generation.order_uri,
            "issueDate": date(generation.issued_at),
            "expiryDate": date(generation.leaf.not_valid_after_utc),
            "password": generation.password,
            "pfxString": base64.b64encode(generation.pfx).decode(),
            "certificateDownloadUrl": self._downloads.links(generation),
        }


def order_document(order: PortalOrder, domains: Sequence[str]) -> dict[str, Any]:
    """The Order, as the vendor writes it: no list of tokens where there is nothing to prove."""
    tokens = [_token_document(token) for token in order.tokens]
    return {
        "status": str(order.status),
        "validationTokens": tokens or None,
        "orderUri": order.uri,
        "certificateUri": None,
        "identifiers": list(domains),
        "expires": date(order.expires_at),
    }


def _token_document(token: Token) -> dict[str, Any]:
    return {
        "tokenName": token.name,
        "tokenValue": token.value,
        "challengeType": "http" if token.type == "http-01" else "dns",
        "domain": token.domain,
    }


def date(moment: datetime) -> str:
    """A date as .NET writes it: seven fractional digits and no zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"
