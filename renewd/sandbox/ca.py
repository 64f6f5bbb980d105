"""A throwaway certification authority: a root, an intermediate, and leaves that look like Let's Encrypt's."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from renewd.certs.bundle import PrivateKey

BACKDATED = timedelta(hours=1)  # as Let's Encrypt does, for clocks that are behind
DOMAIN_VALIDATED = x509.ObjectIdentifier("2.23.140.1.2.1")  # CA/Browser Forum, Baseline Requirements 7.1.6.1
KEY_TYPES = ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096")
_COMMON_NAME = 64  # RFC 5280, ub-common-name: a longer first name leaves the subject empty
_POOL = 4  # RSA keys take long to make, so a process makes a few of a size and hands them out in turn
_turn = itertools.count()


@cache
def _rsa_key(bits: int, _slot: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def make_key(key_type: str) -> PrivateKey:
    """A key of one of KEY_TYPES; never twice the same in a row. Raises ValueError for another type."""
    if key_type not in KEY_TYPES:
        raise ValueError(f"{key_type!r} is not a key type; write one of {', '.join(KEY_TYPES)}")
    if key_type.startswith("rsa-"):
        return _rsa_key(int(key_type[4:]), next(_turn) % _POOL)
    return ec.generate_private_key(ec.SECP256R1() if key_type == "ecdsa-p256" else ec.SECP384R1())


@dataclass(frozen=True, slots=True)
class Life:
    """From when until when a certificate is valid; aware, whole seconds."""

    start: datetime
    end: datetime


class Authority:
    """The CA: `root`, `intermediate`, and `issue` for leaves."""

    def __init__(self, now: datetime, name: str = "renewd sandbox") -> None:
        life = Life(now - timedelta(days=30), now + timedelta(days=3650))
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        root_name = _subject(f"{name} root")
        self.root = (
            _builder(root_name, root_name, self._root_key.public_key(), life)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .sign(self._root_key, hashes.SHA256())
        )
        self.intermediate = (
            _builder(_subject(f"{name} E1"), root_name, self._key.public_key(), life)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .add_extension(_authority_id(self.root), critical=False)
            .sign(self._root_key, hashes.SHA256())
        )

    def issue(self, names: Sequence[str], key: PrivateKey, life: Life) -> x509.Certificate:
        """A leaf for `names`, signed by the intermediate."""
        subject = _subject(names[0]) if len(names[0]) <= _COMMON_NAME else x509.Name([])
        sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        usages = [ExtendedKeyUsageOID.SERVER_AUTH]
        policy = x509.PolicyInformation(DOMAIN_VALIDATED, None)
        return (
            _builder(subject, self.intermediate.subject, key.public_key(), life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(_authority_id(self.intermediate), critical=False)
            .add_extension(_issuer_url(), critical=False)
            .add_extension(sans, critical=not list(subject))
            .add_extension(x509.CertificatePolicies([policy]), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    life: Life,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(life.start)
        .not_valid_after(life.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    subject_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_id.value)


def _issuer_url() -> x509.AuthorityInformationAccess:
    url = x509.UniformResourceIdentifier("http://e1.i.sandbox.invalid/")
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, url)]
    )
