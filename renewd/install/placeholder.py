"""The placeholder: a self-signed certificate with which a web server can start before there is a real one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from renewd.certs.bundle import Bundle
from renewd.certs.facts import PLACEHOLDER_SERIAL

_VALID = timedelta(days=1)  # servers load an expired one too; nobody should get used to it


def make(domains: Sequence[str], now: datetime) -> Bundle:
    """A bundle for the names that every look takes for missing, by its serial."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "renewd placeholder")])
    names = x509.SubjectAlternativeName([x509.DNSName(domain) for domain in domains])
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(PLACEHOLDER_SERIAL)
        .not_valid_before(now - timedelta(minutes=5))  # for clocks that are behind
        .not_valid_after(now + _VALID)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Bundle(leaf=leaf, chain=(), key=key)
