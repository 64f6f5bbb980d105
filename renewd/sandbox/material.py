"""What the portal holds of one certificate: key, leaf and chain, and the files it offers of them."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from renewd.certs.bundle import PrivateKey
from renewd.sandbox import ca

_PFX_ROUNDS = 2000  # what .NET writes; enough for a throwaway key

# The download links of a Certificate and the file each names; the order is the vendor's.
LINKS = {
    "pemUrl": "certificate.pem",
    "pfxUrl": "certificate.pfx",
    "cerUrl": "certificate.cer",
    "crtUrl": "certificate.crt",
    "txtUrl": "certificate.txt",
    "keyUrl": "privateKey.key",
    "keyTxtUrl": "privateKey.txt",
    "certCrtUrl": "primaryCertificate.crt",
    "cabundleCrtUrl": "caBundle.crt",
    "fullchainCrtUrl": "fullChainCertificate.crt",
}


@dataclass(frozen=True)
class Generation:
    """One issued certificate as the portal keeps it; `number` is its folder in the blob store."""

    number: int
    order_uri: str
    issued_at: datetime
    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)
    password: str = field(repr=False)

    @cached_property
    def files(self) -> dict[str, bytes]:
        """File name → content, for every link."""
        leaf = self.leaf.public_bytes(Encoding.PEM)
        chain = b"".join(issuer.public_bytes(Encoding.PEM) for issuer in self.chain)
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        contents = {
            "pemUrl": key + leaf + chain,
            "pfxUrl": self.pfx,
            "cerUrl": self.leaf.public_bytes(Encoding.DER),
            "crtUrl": leaf,
            "txtUrl": leaf,
            "keyUrl": key,
            "keyTxtUrl": key,
            "certCrtUrl": leaf,
            "cabundleCrtUrl": chain,
            "fullchainCrtUrl": leaf + chain,
        }
        return {LINKS[link]: content for link, content in contents.items()}

    @cached_property
    def pfx(self) -> bytes:
        """Key, leaf and chain as PKCS #12; without the key where it is not the leaf's."""
        paired = self.key.public_key() == self.leaf.public_key()
        encryption = (
            PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(_PFX_ROUNDS)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
            .hmac_hash(hashes.SHA256())
            .build(self.password.encode())
        )
        key = self.key if paired else None
        return pkcs12.serialize_key_and_certificates(
            b"certificate", key, self.leaf, self.chain or None, encryption
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What a certificate is to be made of."""

    names: tuple[str, ...]
    key_type: str
    life: ca.Life
    order_uri: str = ""


def make(authority: ca.Authority, request: Request, *, number: int, issued_at: datetime) -> Generation:
    """A certificate and its key, as asked for."""
    key = ca.make_key(request.key_type)
    return Generation(
        number=number,
        order_uri=request.order_uri,
        issued_at=issued_at,
        leaf=authority.issue(request.names, key, request.life),
        chain=(authority.intermediate,),
        key=key,
        password=secrets.token_urlsafe(12),
    )


Make = Callable[[Request], Generation]


def _wrong_key(request: Request, make_one: Make) -> Generation:
    return replace(make_one(request), key=ca.make_key(request.key_type))


def _wrong_names(request: Request, make_one: Make) -> Generation:
    return make_one(replace(request, names=(*request.names[:-1], "somebody-else.example")))


def _expired(request: Request, make_one: Make) -> Generation:
    ago = request.life.end - request.life.start
    return make_one(replace(request, life=ca.Life(request.life.start - ago, request.life.start)))


def _not_yet(request: Request, make_one: Make) -> Generation:
    life = request.life
    return make_one(
        replace(request, life=ca.Life(life.start + timedelta(days=2), life.end + timedelta(days=2)))
    )


def _empty_chain(request: Request, make_one: Make) -> Generation:
    return replace(make_one(request), chain=())


def _other_root(request: Request, make_one: Make) -> Generation:
    honest = make_one(request)
    stranger = ca.Authority(honest.issued_at, "somebody else's")
    leaf = stranger.issue(request.names, honest.key, request.life)
    return replace(honest, leaf=leaf, chain=(stranger.intermediate,))


# Ways in which an issued certificate can be wrong, by the name of the fault.
SPOILS: dict[str, Callable[[Request, Make], Generation]] = {
    "wrong-key": _wrong_key,
    "wrong-names": _wrong_names,
    "expired-leaf": _expired,
    "not-yet-valid": _not_yet,
    "empty-chain": _empty_chain,
    "other-root": _other_root,
}


def make_spoiled(spoils: Sequence[str], request: Request, make_one: Make) -> Generation:
    """What `make_one` makes of the request, with the first of `spoils` wrong about it."""
    return SPOILS[spoils[0]](request, make_one) if spoils else make_one(request)
