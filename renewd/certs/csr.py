"""Keys for new certificates, and the requests that are made with them (RFC 2986). Pure."""

import ipaddress
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from renewd.certs.bundle import PrivateKey

_MAKE: dict[str, Callable[[], "PrivateKey"]] = {  # by `key_type` as the configuration writes it
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
}


def new_key(key_type: str) -> "PrivateKey":
    """A new private key of this type."""
    return _MAKE[key_type]()


def pem(key: "PrivateKey") -> bytes:
    """The key as it is stored: PKCS #8, without a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request(key: "PrivateKey", domains: Sequence[str]) -> bytes:
    """The request (DER) for a certificate for this key with these names and addresses; it has no common name."""
    names = x509.SubjectAlternativeName([_name(domain) for domain in domains])
    wide = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1)
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=False)
    return builder.sign(key, SHA384() if wide else SHA256()).public_bytes(Encoding.DER)


def _name(domain: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(domain))
    except ValueError:
        return x509.DNSName(domain)
