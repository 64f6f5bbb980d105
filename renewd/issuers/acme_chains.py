"""Chains that an ACME CA offers (RFC 8555 §7.4.2), told apart by the root that they lead to."""

from collections.abc import Callable, Iterable
from itertools import chain

from cryptography import x509
from cryptography.x509.oid import NameOID

from renewd.issuers import acme_wire
from renewd.issuers.http import Reply
from renewd.issuers.words import clean

TYPE = "application/pem-certificate-chain"
_OTHERS = 10  # chains that are looked at beside the usual one


def fetched(fetch: Callable[[str], Reply], url: str, wanted: str | None, *, near: bool) -> tuple[bytes, str]:
    """The chain at `url`, or of the others that its answer names the one that leads to `wanted`; and what is to be said."""
    usual = fetch(url)
    if wanted is None:
        return usual.body, ""
    urls = acme_wire.alternates(usual.headers.get("link", ""), near=near)[:_OTHERS]
    return preferred(wanted, usual.body, (fetch(each).body for each in urls))


def preferred(wanted: str, usual: bytes, others: Iterable[bytes]) -> tuple[bytes, str]:
    """The first chain (PEM) that leads to `wanted`; where none does, the CA's usual one, and in words which there are."""
    offered: list[str] = []
    for found in chain((usual,), others):
        names = _issuers(found)
        if wanted in names:
            return found, ""
        offered += names[-1:]
    told = ", ".join(dict.fromkeys(map(clean, offered))) or "what has no name"
    why = f"the CA offers no chain to {wanted!r}, which preferred_chain asks for, only to {told}"
    return usual, f"{why}; its usual chain was taken"


def _issuers(pem: bytes) -> list[str]:
    """The common names of who issued the certificates of a chain, the root's last."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []
    return [
        str(each.value)
        for certificate in found
        for each in certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
