"""The vendor's JSON: Certificate and Order, every field where it writes it."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from renewd.certs.order import Token
from renewd.config import targets
from renewd.sandbox.material import LINKS, Generation
from renewd.sandbox.records import Holding, PortalOrder, root_domain

STAND_ALONE = "Stand ALone"  # the vendor's own spelling
_EMAIL = "hostmaster@sandbox.test"


def certificate(holding: Holding, generation: Generation | None, links: Mapping[str, str]) -> dict[str, Any]:
    """The Certificate with one of its generations; every field of what was not issued yet is null."""
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
        "target": STAND_ALONE,
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
        "certificateDownloadUrl": dict(links),
    }


def order(order: PortalOrder, domains: Sequence[str]) -> dict[str, Any]:
    """The Order: no list of tokens where there is nothing to prove."""
    return {
        "status": str(order.status),
        "validationTokens": tokens(order) or None,
        "orderUri": order.uri,
        "certificateUri": None,
        "identifiers": list(domains),
        "expires": date(order.expires_at),
    }


def tokens(order: PortalOrder) -> list[dict[str, str]]:
    """The ValidationTokens of an order."""
    return [_token(token) for token in order.tokens]


def _token(token: Token) -> dict[str, str]:
    return {
        "tokenName": token.name,
        "tokenValue": token.value,
        "challengeType": "http" if token.type == "http-01" else "dns",
        "domain": token.domain,
    }


def date(moment: datetime) -> str:
    """A date as .NET writes it: seven fractional digits and no zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"
