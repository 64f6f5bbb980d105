"""The bundle: key, leaf and chain that belong together, and the material it is made from."""

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from renewd.config.secrets import Secret

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Material:
    """What came over the wire, unjudged: PEM texts (any may hold several objects, in any order), or a PFX."""

    pem: tuple[bytes, ...] = field(default=(), repr=False)
    pfx: bytes | None = field(default=None, repr=False)
    password: Secret | None = None  # of the PFX that came, and of the one that is written


@dataclass(frozen=True, slots=True)
class Bundle:
    """Parsed and matching: the leaf, its chain (leaf's issuer first, no root needed), its private key."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)
    pfx_password: Secret | None = None
