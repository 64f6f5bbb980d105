"""Private keys: loading them, naming their type, and whether they belong to a certificate."""

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from renewd.certs import panic

if TYPE_CHECKING:
    from renewd.certs.bundle import PrivateKey

_CURVES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521", "secp192r1": "p192"}
_PROBE = b"renewd: do this key and this certificate belong together?"
_KEY_END = b"PRIVATE KEY-----"


def load_key(pem: bytes, *, quick: bool = False) -> "PrivateKey":
    """The first private key in a PEM file, whatever else stands in it. Raises ValueError, whose words follow on "it".

    `quick` leaves out RSA's own consistency check (46 ms): for looking at what runs, never for what is to be installed.
    """
    start = pem.find(b"-----BEGIN ")
    while start >= 0:
        line_end = pem.find(b"\n", start)
        if pem[start:line_end].rstrip().endswith(_KEY_END):
            return _load(pem[start:], quick=quick, der=False)
        start = pem.find(b"-----BEGIN ", start + 1)
    raise ValueError("holds no private key")


def from_der(der: bytes, *, quick: bool = False) -> "PrivateKey":
    """The key in PKCS #8, PKCS #1 or SEC 1 form. Raises ValueError, whose words follow on "it"."""
    return _load(der, quick=quick, der=True)


def _load(data: bytes, *, quick: bool, der: bool) -> "PrivateKey":
    load = load_der_private_key if der else load_pem_private_key
    try:
        key = load(data, None, unsafe_skip_rsa_key_validation=quick)
    except TypeError:
        raise ValueError("holds an encrypted private key; an unencrypted one is wanted") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("holds a private key that is damaged or of an unknown kind") from None
    except BaseException as error:  # noqa: BLE001 - a panic is none of Exception's; all others are raised again
        panic.only(error)
        raise ValueError("holds a private key that is damaged") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError(f"holds a key of type {key_type(key)}; RSA or EC is wanted")  # noqa: TRY004 - told as all else is
    return key


def key_type(key: object) -> str:
    """The type of a private or public key, as `expect.key_type` writes it: `ecdsa-p256`, `rsa-2048`."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return f"ecdsa-{_CURVES.get(key.curve.name, key.curve.name)}"
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    return type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey").lower()


def matches(key: "PrivateKey", leaf: x509.Certificate) -> bool:
    """True if the certificate is for this key: the public halves are the same."""
    return bool(key.public_key() == leaf.public_key())


def proves(key: "PrivateKey", leaf: x509.Certificate) -> bool:
    """True if what the key signs is verified by the certificate: the private half is the right one too."""
    public = leaf.public_key()
    try:
        if isinstance(key, rsa.RSAPrivateKey) and isinstance(public, rsa.RSAPublicKey):
            signed = key.sign(_PROBE, padding.PKCS1v15(), hashes.SHA256())
            public.verify(signed, _PROBE, padding.PKCS1v15(), hashes.SHA256())
            return True
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(key.sign(_PROBE, ec.ECDSA(hashes.SHA256())), _PROBE, ec.ECDSA(hashes.SHA256()))
            return True
    except (InvalidSignature, ValueError):
        pass
    return False
