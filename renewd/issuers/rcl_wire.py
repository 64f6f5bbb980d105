"""What RCL writes: the Certificate, and the Order of V7, as values. Pure.

Every function raises ValueError, in words that hold nothing of the content, for what is not what the API promises.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from renewd.certs.order import Order, OrderStatus, Token
from renewd.config import targets
from renewd.config.secrets import Secret
from renewd.issuers import links
from renewd.issuers.base import Issued
from renewd.issuers.words import clean

LINKS = (
    "certCrtUrl",  # the leaf
    "cabundleCrtUrl",  # the intermediates
    "fullchainCrtUrl",  # both
    "keyUrl",
    "pemUrl",  # key and chain together, in any order
    "pfxUrl",
)
_CERTIFICATE = (
    "certificateName",
    "orderUri",
    "issueDate",
    "expiryDate",
    "certificateDownloadUrl",
    "pfxString",
)
_TYPES = {"http": "http-01", "http-01": "http-01", "dns": "dns-01", "dns-01": "dns-01"}
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")  # becomes a file below a web root: RFC 8555 §8.3, base64url
_RECORD = re.compile(r"_acme-challenge(\.[A-Za-z0-9_-]{1,63}){0,20}\.?")
_VALUE = re.compile(r"[A-Za-z0-9_.~+/=:-]{1,1024}")  # nothing that a web server or browser would run
_LONGEST = 4096  # characters of an address
_YEARS = range(1970, 3000)  # .NET writes 0001-01-01 for no date; further on, dates cannot be reckoned with


def decode(body: bytes, kind: str) -> dict[str, Any]:
    """The JSON object in an answer of media type `kind` (empty if none was given), strictly read."""
    if kind and "json" not in kind and kind != "text/plain":
        raise ValueError(f"it is {clean(kind)}, not JSON")
    if not body.strip():
        raise ValueError("it is empty")
    try:
        data = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_not_a_number)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except json.JSONDecodeError:
        raise ValueError("it is not whole JSON") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not isinstance(data, dict):
        raise ValueError("it is JSON, but not an object")  # noqa: TRY004 - the content is wrong, not the call
    return data


def certificate(data: Mapping[str, Any], identity: str) -> Issued:
    """The Certificate, which has to be of the target with this identity, or of no name at all."""
    if all(value_of(data, field) is None for field in _CERTIFICATE):
        raise ValueError("it holds nothing of a certificate")
    name = text_of(data, "certificateName")
    if name and targets.identity(name) != identity:
        raise ValueError(f"it is about another certificate, {clean(name)!r}")
    pfx, password = text_of(data, "pfxString"), text_of(data, "password")
    return Issued(
        name=name or identity,
        order_uri=_plain(data, "orderUri"),
        issued_at=_date(data, "issueDate"),
        expires_at=_date(data, "expiryDate"),
        links=_links(data),
        pfx=Secret(pfx) if pfx else None,
        password=Secret(password) if password else None,
    )


def order(data: Mapping[str, Any], domains: tuple[str, ...], *, near: bool) -> Order:
    """The Order for these names; `near`: the API is on a loopback address, so order addresses may be http."""
    written = (text_of(data, "status") or "").strip().lower()
    if written not in list(OrderStatus):
        raise ValueError(f"the order's status is {clean(written)!r}")
    uri = text_of(data, "orderUri")
    if not uri:
        raise ValueError("the order has no orderUri")
    links.check_order(uri, near=near)
    tokens = value_of(data, "validationTokens")
    if tokens is not None and not isinstance(tokens, list):
        raise ValueError("validationTokens is not a list")
    status = OrderStatus(written)
    found = tuple(_token(item, domains) for item in tokens or ())
    if status is OrderStatus.PENDING and not found:
        raise ValueError("the order is pending, but has no validationTokens")
    return Order(uri, status, found)


def _token(data: Any, domains: tuple[str, ...]) -> Token:
    if not isinstance(data, dict):
        raise ValueError("a validation token is not an object")  # noqa: TRY004 - as above
    kind = _TYPES.get((text_of(data, "challengeType") or "").strip().lower())
    name, value = text_of(data, "tokenName") or "", text_of(data, "tokenValue") or ""
    domain = (text_of(data, "domain") or "").strip().lower().rstrip(".")
    if not domain and len(domains) == 1:
        domain = domains[0].removeprefix("*.")
    if kind is None:
        raise ValueError("a validation token is of an unknown type")
    if domain not in {
        *domains,
        *(one.removeprefix("*.") for one in domains),
    }:  # RFC 8555 §7.1.4: without the *.
        raise ValueError(f"a validation token is for another name, {clean(domain)!r}")
    if not (_FILE_NAME if kind == "http-01" else _RECORD).fullmatch(name):
        raise ValueError(f"a validation token has a name that none has: {clean(name)!r}")
    if not _VALUE.fullmatch(value):
        raise ValueError("a validation token has a value that none has")
    return Token(domain, kind, name, value)


def _links(data: Mapping[str, Any]) -> dict[str, str]:
    found = value_of(data, "certificateDownloadUrl")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("certificateDownloadUrl is not an object")  # noqa: TRY004 - as above
    texts = ((field, text_of(found, field)) for field in LINKS)
    return {field: text for field, text in texts if text}


def _date(data: Mapping[str, Any], field: str) -> datetime | None:
    """UTC; None where it says none, or none that can be read: the downloaded X.509 is the truth."""
    text = text_of(data, field)
    try:
        date = datetime.fromisoformat((text or "").strip())
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return date if date.year in _YEARS else None


def _plain(data: Mapping[str, Any], field: str) -> str | None:
    """A text that goes into logs and the journal."""
    text = text_of(data, field)
    if text and (not text.isprintable() or len(text) > _LONGEST):
        raise ValueError(f"{field} holds control characters or too much")
    return text or None


def text_of(data: Mapping[str, Any], field: str) -> str | None:
    """A field that holds text. Raises ValueError if it holds anything else; None if nothing."""
    value = value_of(data, field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{field} is not a text")  # noqa: TRY004 - as above
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{field} is not a text") from None  # half a surrogate pair
    return value


def value_of(data: Mapping[str, Any], field: str) -> Any:
    """The field as the API writes it, else in whatever case it is there."""
    if field in data:
        return data[field]
    return next((value for key, value in data.items() if key.lower() == field.lower()), None)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it says the same thing twice")
    return found


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not JSON")
