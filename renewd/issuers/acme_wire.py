"""What an ACME CA writes (RFC 8555 §7.1): its objects as values. Pure.

Every function raises ValueError, in words, for what is not what the RFC promises.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from renewd.certs.order import OrderStatus
from renewd.errors import OrderGone
from renewd.issuers import links
from renewd.issuers.words import clean

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")  # RFC 8555 §8.3: base64url; it becomes a file's name
_LINK = re.compile(r"<([^<>]{1,4096})>((?:\s*;[^,<]*)*)")
_MOST = 200  # names in an order, and challenges in an authorization


@dataclass(frozen=True, slots=True)
class Directory:
    """Where each call goes; empty what the CA does not offer."""

    new_nonce: str
    new_account: str
    new_order: str
    revoke: str = ""
    key_change: str = ""
    renewal_info: str = ""
    terms: str = ""
    wants_eab: bool = False
    profiles: Mapping[str, str] = field(default_factory=dict)  # name → what the CA says of it
    caa_names: tuple[str, ...] = ()  # by which CAA records permit it


@dataclass(frozen=True, slots=True)
class WireOrder:
    """An order as the CA shows it."""

    status: OrderStatus
    domains: frozenset[str]
    authorizations: tuple[str, ...]
    finalize: str
    certificate: str = ""
    problem: Any = None

    def assert_for(self, domains: Iterable[str]) -> None:
        """Raises OrderGone for an order for other names."""
        if self.domains != {plain(domain) for domain in domains}:
            raise OrderGone("the order is for other names than the certificate now has", stage="order")


@dataclass(frozen=True, slots=True)
class WireChallenge:
    """One way to prove a name."""

    type: str
    url: str
    status: str
    token: str
    problem: Any = None


@dataclass(frozen=True, slots=True)
class Authorization:
    """What an order asks for one name; `domain` is without the `*.` of a wildcard."""

    domain: str
    wildcard: bool
    status: str
    challenges: tuple[WireChallenge, ...]

    @property
    def name(self) -> str:
        """The name as it is to be on the certificate."""
        return f"*.{self.domain}" if self.wildcard else self.domain


def plain(domain: str) -> str:
    """A name or address in the one form that it is compared in."""
    try:
        return ipaddress.ip_address(domain).compressed
    except ValueError:
        return domain.lower().rstrip(".")


def identifier(domain: str) -> dict[str, str]:
    """A name or address as newOrder wants it (RFC 8555 §9.7.7, RFC 8738 §3)."""
    try:
        return {"type": "ip", "value": ipaddress.ip_address(domain).compressed}
    except ValueError:
        return {"type": "dns", "value": domain}


def directory(data: Mapping[str, Any], *, near: bool) -> Directory:
    """The directory; `near`: it came from a loopback address, so http to one will do."""
    meta = data.get("meta", {})
    if not isinstance(meta, dict):
        raise ValueError("its meta is not an object")  # noqa: TRY004 - the content is wrong, not the call
    profiles, named = meta.get("profiles", {}), meta.get("caaIdentities", [])
    return Directory(
        new_nonce=_url(data, "newNonce", near=near),
        new_account=_url(data, "newAccount", near=near),
        new_order=_url(data, "newOrder", near=near),
        revoke=_url(data, "revokeCert", near=near, wanted=False),
        key_change=_url(data, "keyChange", near=near, wanted=False),
        renewal_info=_url(data, "renewalInfo", near=near, wanted=False),
        terms=clean(_text(meta, "termsOfService")),
        wants_eab=meta.get("externalAccountRequired") is True,
        profiles={clean(str(name)): clean(str(said)) for name, said in profiles.items()}
        if isinstance(profiles, dict)
        else {},
        caa_names=tuple(clean(each) for each in named if isinstance(each, str) and each)
        if isinstance(named, list)
        else (),
    )


def order(data: Mapping[str, Any], *, near: bool) -> WireOrder:
    """The order."""
    status = _text(data, "status")
    if status not in list(OrderStatus):
        raise ValueError(f"the order's status is {clean(status)!r}")
    authorizations = _list(data, "authorizations")
    for url in authorizations:
        _check(url, "authorizations", near=near)
    found = WireOrder(
        status=OrderStatus(status),
        domains=frozenset(_identifier(each) for each in _list(data, "identifiers")),
        authorizations=tuple(authorizations),
        finalize=_url(data, "finalize", near=near),
        certificate=_url(data, "certificate", near=near, wanted=False),
        problem=data.get("error"),
    )
    if found.status is OrderStatus.PENDING and not found.authorizations:
        raise ValueError("the order is pending, but asks for nothing")
    if found.status is OrderStatus.VALID and not found.certificate:
        raise ValueError("the order is valid, but has no certificate")
    return found


def authorization(data: Mapping[str, Any], *, near: bool) -> Authorization:
    """The authorization, with the challenges that are whole; kinds that renewd does not know are among them."""
    challenges = tuple(_challenge(each, near=near) for each in _list(data, "challenges"))
    name = _identifier(data.get("identifier"))
    return Authorization(
        domain=name.removeprefix("*."),
        wildcard=data.get("wildcard") is True or name.startswith("*."),
        status=_text(data, "status"),
        challenges=challenges,
    )


def alternates(link: str, *, near: bool) -> tuple[str, ...]:
    """The other chains that the headers `Link` lead to (RFC 8555 §7.4.2)."""
    found = []
    for match in _LINK.finditer(link[:65536]):
        if 'rel="alternate"' in match[2].lower().replace(" ", "").replace("rel=alternate", 'rel="alternate"'):
            try:
                links.check_call(match[1], near=near)
            except ValueError:
                continue
            found.append(match[1])
    return tuple(found)


def location(headers: Mapping[str, str], *, near: bool) -> str:
    """Where what was made can be found."""
    url = headers.get("location", "")
    _check(url, "Location", near=near)
    return url


def _challenge(data: Any, *, near: bool) -> WireChallenge:
    if not isinstance(data, dict):
        raise ValueError("a challenge is not an object")  # noqa: TRY004 - as above
    kind, token = _text(data, "type"), _text(data, "token")
    if kind in {"http-01", "dns-01"} and not _TOKEN.fullmatch(token):
        raise ValueError(f"a challenge has a token that none has: {clean(token)!r}")
    return WireChallenge(
        kind, _url(data, "url", near=near), _text(data, "status") or "pending", token, data.get("error")
    )


def _identifier(data: Any) -> str:
    if not isinstance(data, dict) or data.get("type") not in {"dns", "ip"}:
        raise ValueError("an identifier is of an unknown type")
    value = _text(data, "value")
    if not value:
        raise ValueError("an identifier is empty")
    return plain(value)


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key)
    if not isinstance(found, list) or len(found) > _MOST:
        raise ValueError(f"{key} is not a list of up to {_MOST}")
    return found


def _url(data: Mapping[str, Any], key: str, *, near: bool, wanted: bool = True) -> str:
    if not wanted and data.get(key) is None:
        return ""
    found = _text(data, key)
    _check(found, key, near=near)
    return found


def _check(url: Any, key: str, *, near: bool) -> None:
    if not isinstance(url, str) or not url:
        raise ValueError(f"{key} is no address")
    try:
        links.check_call(url, near=near)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a text")  # noqa: TRY004 - as above
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{key} is not a text") from None
    return value
