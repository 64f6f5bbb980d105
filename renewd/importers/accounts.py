"""Certbot's accounts at CAs, and the issuers that a configuration has for them."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any
from urllib.parse import urlsplit

from renewd.config import issuing
from renewd.importers import lineages
from renewd.importers.findings import Notes
from renewd.importers.lineages import Lineage
from renewd.importers.text import remarked

_OLD = "https://acme-v01.api.letsencrypt.org/directory"  # certbot itself reads it as its successor
_WORDS = {url: word for word, url in issuing.DIRECTORIES.items()}
_PUBLIC = (
    "letsencrypt.org",
    "zerossl.com",
    "buypass.com",
    "pki.goog",
    "ssl.com",
    "sectigo.com",
    "digicert.com",
)
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_ID = re.compile(r"[0-9A-Za-z]{1,64}").fullmatch
_MAIL = re.compile(r"[^\s@,?]+@[^\s@,?]+", re.ASCII).fullmatch
_CURVES = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384"}
_SIZES = {"2048": "rsa-2048", "4096": "rsa-4096"}
_INSTEAD = {
    "ecdsa": "ecdsa-p384",
    "rsa": "rsa-4096",
}  # for what renewd does not make, the nearest that is not weaker


@dataclass(frozen=True, slots=True)
class Service:
    """What the certificates of one issuer share."""

    server: str
    account: str  # certbot's identifier of it
    key_type: str
    reuse_key: bool
    preferred_chain: str
    email: str  # that cli.ini names
    profile: str = ""

    @property
    def name(self) -> str:
        """What it is called where nothing else is called so."""
        return _WORDS.get(self.server) or _UNFIT.sub("-", _host(self.server)).strip("-._")[:40] or "acme"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def service(lineage: Lineage, notes: Notes) -> Service:
    """Who issued a lineage, and how its keys are made."""
    server = lineage.text("server") or issuing.LETSENCRYPT
    account = lineage.text("account")
    return Service(
        issuing.LETSENCRYPT if server == _OLD else server,
        account if _ID(account) else "",
        _key_type(lineage, notes),
        lineage.says("reuse_key"),
        lineage.text("preferred_chain"),
        mail if _MAIL(mail := lineage.text("email").partition(",")[0].strip()) else "",
        _profile(lineage, notes),
    )


def _profile(lineage: Lineage, notes: Notes) -> str:
    required, preferred = lineage.text("required_profile"), lineage.text("preferred_profile")
    if preferred and not required:
        notes.add(
            f"certbot did without the profile {preferred} (preferred_profile) where the CA had none of that name; "
            "renewd asks for it, and orders nothing where the CA does not have it"
        )
    return required or preferred


def _key_type(lineage: Lineage, notes: Notes) -> str:
    kind = lineage.text("key_type") or lineage.key_type.partition("-")[0]
    if kind == "ecdsa":
        wanted = lineage.text("elliptic_curve") or "secp256r1"
        known = _CURVES.get(wanted)
    else:
        wanted = lineage.text("rsa_key_size") or "2048"
        known = _SIZES.get(wanted)
    if known is None:
        known = _INSTEAD["ecdsa" if kind == "ecdsa" else "rsa"]
        notes.add(f"its keys were {wanted}, which renewd does not make; {known} takes their place")
    return known


def ordered(services: Sequence[Service]) -> list[Service]:
    """Each once: the one that most certificates have first, and the same order each time."""
    return sorted(set(services), key=lambda each: (-services.count(each), astuple(each)))


def named(services: Sequence[Service]) -> dict[Service, str]:
    """A name for each, the same each time: `letsencrypt`, and for others of that name what sets them apart."""
    names: dict[Service, str] = {}
    for each in services:
        apart = _UNFIT.sub("-", each.profile).strip("-._")[:40]
        candidates = [each.name, *([f"{each.name}-{apart}"] if apart else ()), f"{each.name}-{each.key_type}"]
        candidates += [f"{candidates[-1]}-{number}" for number in range(2, len(services) + 2)]
        names.setdefault(each, next(name for name in candidates if name not in names.values()))
    return names


def issuer(service: Service, folder: str, notes: Notes) -> Any:
    """The settings of an issuer, as they stand in the file."""
    key, email = _account(service, folder, notes)
    return with_account(service, email, key, "Certbot's account, so that limits and authorizations go on.")


def with_account(service: Service, email: str, key: str, *remarks: str) -> Any:
    """The settings of an issuer with its account's key, about which there are these remarks."""
    found: dict[str, Any] = {**settings(service), "agree_terms": remarked(True, _agreed(key))}
    if email:
        found["email"] = email
    if key:
        found["account_key"] = remarked({"file": key}, *remarks)
    return remarked(found, *_private(service))


def settings(service: Service) -> dict[str, Any]:
    """What an issuer needs, without the account."""
    found: dict[str, Any] = {
        "type": "acme",
        "directory": _WORDS.get(service.server, service.server),
        "agree_terms": True,
    }
    if service.key_type != "ecdsa-p256":
        found["key_type"] = service.key_type
    if service.reuse_key:
        found["reuse_key"] = True
    if service.profile:
        found["profile"] = service.profile
    if service.preferred_chain:
        found["preferred_chain"] = service.preferred_chain
    return {**found, **_trust(service)}


def _agreed(key: str) -> str:
    if key:
        return "You agreed to the CA's terms of service when this account was made."
    return "Whoever had the first certificate agreed to the CA's terms of service; renewd makes an account of its own."


def _trust(service: Service) -> dict[str, Any]:
    if service.server == issuing.LETSENCRYPT_STAGING:
        return {"trust": remarked("none", "Nobody trusts the certificates of a staging service.")}
    return {}


def _private(service: Service) -> tuple[str, ...]:
    host = _host(service.server)
    if any(host == each or host.endswith(f".{each}") for each in _PUBLIC):
        return ()
    return (
        "Where this CA is one of your own, its root goes here: trust: {file: /etc/renewd/root.pem}",
        "and, where its server's certificate is its own too: ca_file: /etc/renewd/root.pem",
    )


def _account(service: Service, folder: str, notes: Notes) -> tuple[str, str]:
    """The file with the account's key and the address that the CA has; each empty where there is none."""
    where = urlsplit(service.server)
    below = os.path.join(folder, "accounts", where.netloc, where.path.strip("/"), service.account)
    path = os.path.join(below, "private_key.json")
    if not service.account or ".." in where.path or not os.path.isfile(path):
        notes.add(f"there is no account of certbot's for {service.server}; renewd will make one of its own")
        return "", service.email
    return os.path.realpath(path), service.email or _email(os.path.join(below, "regr.json"))


def _email(path: str) -> str:
    """The address in certbot's copy of the registration; CAs may leave it out, and then it is not known."""
    try:
        body = json.loads(lineages.content(path)).get("body", {})
        contacts = [str(each) for each in body.get("contact", ())]
    except (OSError, ValueError, AttributeError, TypeError):
        return ""
    mails = [each.removeprefix("mailto:") for each in contacts if each.startswith("mailto:")]
    return mails[0] if mails and _MAIL(mails[0]) else ""
