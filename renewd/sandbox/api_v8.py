"""The V8 API over HTTP: orders by POST, and issue at a later time."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from renewd.certs.order import OrderStatus
from renewd.config import targets
from renewd.sandbox import documents, mischief
from renewd.sandbox.downloads import Downloads
from renewd.sandbox.faults import Armed, Faults
from renewd.sandbox.material import SPOILS
from renewd.sandbox.portal import Refused
from renewd.sandbox.schedule import DELAY, Schedule
from renewd.sandbox.subscription import Subscription
from renewd.sandbox.wire import Ask, Reply, json_reply, text_reply

BASE = "/prod/v3"
_PATH = re.compile(
    BASE + r"/ssl/certificate/subscription/(?P<subscription>[^/]+)/"
    r"(?P<what>get/certificatename/(?P<name>[^/]+)|order/create|schedule/create|schedule/renew)"
)
_CALLS = {"order/create": "order", "schedule/create": "schedule", "schedule/renew": "renew"}
_TEXTS = {  # what an order is made of, as refusals call it
    "certificateName": "Certificate name",
    "rootDomain": "Root domain",
    "challengeType": "Challenge type",
    "email": "Email",
    "password": "Password",
    "target": "Target",
}
_NO_JSON = text_reply(400, "The body is not a certificate as JSON.")


class ApiV8:
    """Answers what is under /prod/v3."""

    def __init__(
        self, downloads: Downloads, faults: Faults, subscription: Subscription, schedule: Schedule
    ) -> None:
        self._downloads = downloads
        self._faults = faults
        self._subscription = subscription
        self._schedule = schedule
        self._portal = schedule.portal

    def answer(self, ask: Ask) -> Reply:
        """One call, with whatever is armed for it."""
        match = _PATH.fullmatch(ask.path)
        if match is None or ask.method != ("GET" if match["name"] else "POST"):
            return mischief.gateway(404, "Resource not found")
        call = _CALLS.get(match["what"], "certificate")
        wish = {"certificateName": unquote(match["name"])} if match["name"] else _wish(ask)
        if isinstance(name := (wish or {}).get("certificateName"), str):
            self._portal.count(name, call)
        met = self._faults.take(call)
        reply = (
            mischief.before(met)
            or self._subscription.refusal(ask, match["subscription"])
            or (_NO_JSON if wish is None else self._told(wish, call, met))
        )
        return mischief.after(reply, met)

    def _told(self, wish: dict[str, Any], call: str, met: Sequence[Armed]) -> Reply:
        try:
            document = self._done(wish, call, met)
        except Refused as refusal:
            return text_reply(400, str(refusal))
        return Reply() if document is None else json_reply(mischief.edited(document, met))

    def _done(self, wish: dict[str, Any], call: str, met: Sequence[Armed]) -> dict[str, Any] | None:
        """Do what was asked for, and the document that tells of it, if one does. Raises Refused."""
        kinds = [fault.kind for fault in met]
        if call == "certificate":
            holding = self._portal.certificate(wish["certificateName"])
            return self._downloads.certificate(holding, stale="stale-certificate" in kinds)
        if call == "order":
            return self._ordered(wish, kinds)
        if call == "schedule":
            _check(wish)
            name, uri = wish["certificateName"], _text(wish, "orderUri", "Order uri")
        else:
            name = _text(wish, "certificateName", "Certificate name")
            self._portal.certificate(name).validated_at = self._portal.now()  # RCL proves it by itself
            uri = self._portal.order(name).uri
        self._schedule.add(name, uri, _wait(met), [kind for kind in kinds if kind in SPOILS])
        return None

    def _ordered(self, wish: dict[str, Any], kinds: Sequence[str]) -> dict[str, Any]:
        _check(wish)
        order = self._portal.order(
            wish["certificateName"], "DNS" if "tokens-dns" in kinds else wish["challengeType"]
        )
        if "born-invalid" in kinds:
            order.status = OrderStatus.INVALID
        named = {field: wish[field] for field in _TEXTS}
        return {**named, "orderUri": order.uri, "tokens": documents.tokens(order) or None}


def _wish(ask: Ask) -> dict[str, Any] | None:
    """The Certificate in the body; None if there is none."""
    if "json" not in ask.headers.get("content-type", ""):
        return None
    try:
        wish = json.loads(ask.body)
    except ValueError:
        return None
    return wish if isinstance(wish, dict) else None


def _check(wish: dict[str, Any]) -> None:
    """Raises Refused if this is nothing that an order can be made of."""
    for field, called in _TEXTS.items():
        _text(wish, field, called)
    if wish["challengeType"].lower() not in ("http", "dns"):
        raise Refused("Challenge type is neither http nor dns.")
    if wish["target"] != documents.STAND_ALONE:
        raise Refused("Target is not supported.")
    if "@" not in wish["email"]:
        raise Refused("Email is not an address.")
    domains = targets.parts(wish["certificateName"])
    if wish.get("isSAN", False) is not (len(domains) > 1):
        raise Refused("isSAN does not fit the certificate name.")
    root = wish["rootDomain"].lower()
    if not all(f".{domain.removeprefix('*.')}".endswith(f".{root}") for domain in domains):
        raise Refused("Root domain is not the one of the certificate name.")


def _text(wish: dict[str, Any], field: str, called: str) -> str:
    value = wish.get(field)
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{called} is not defined.")
    return value


def _wait(met: Sequence[Armed]) -> timedelta | None:
    """How long it takes until it is done; None if it is forgotten."""
    if any(fault.kind == "never" for fault in met):
        return None
    late = [timedelta(seconds=float(fault.value)) for fault in met if fault.kind == "late"]
    return max(late, default=DELAY)
