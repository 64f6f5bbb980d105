"""The bundle: key, leaf and chain that belong together, and the material it is made from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from renewd.config.secrets import Secret

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
Kind = Literal["fullchain", "key", "cert", "chain", "combined", "pfx"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PRIVATE: frozenset[Kind] = frozenset({"key", "combined", "pfx"})  # those that hold the private key


@dataclass(frozen=True, slots=True)
class Material:
    """What came over the wire, unjudged: PEM texts (any may hold several objects, in any order), or a PFX."""

    pem: tuple[bytes, ...] = field(default=(), repr=False)
    pfx: bytes | None = field(default=None, repr=False)
    password: Secret | None = None  # of the PFX that came, and of the one that is written
    remark: str = ""  # what was asked for beside it and could not be had


@dataclass(frozen=True, slots=True)
class Bundle:
    """Parsed and matching: the leaf, its chain (leaf's issuer first, no root needed), its private key."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)
    pfx_password: Secret | None = None


def fingerprint(leaf: x509.Certificate) -> str:
    """The SHA-256 of the certificate, in hex."""
    return leaf.fingerprint(hashes.SHA256()).hex()


def files(bundle: Bundle, kinds: Iterable[Kind] = KINDS) -> dict[Kind, bytes]:
    """The content of each kind of file, encoded anew from what was parsed: bytes from the wire are never written."""
    return {kind: _file(bundle, kind) for kind in kinds}


def _file(bundle: Bundle, kind: Kind) -> bytes:
    match kind:
        case "fullchain":
            return _pem(bundle.leaf, *bundle.chain)
        case "cert":
            return _pem(bundle.leaf)
        case "chain":
            return _pem(*bundle.chain)
        case "key":
            return _key(bundle.key)
        case "combined":
            return _pem(bundle.leaf, *bundle.chain) + _key(bundle.key)
        case "pfx":
            return _pfx(bundle)


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _key(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _pfx(bundle: Bundle) -> bytes:
    encryption: KeySerializationEncryption = NoEncryption()
    if bundle.pfx_password:
        encryption = BestAvailableEncryption(bundle.pfx_password.reveal().encode())
    return pkcs12.serialize_key_and_certificates(None, bundle.key, bundle.leaf, bundle.chain, encryption)
