"""A certificate authority for tests: leaves of any shape, good and bad, in well under a millisecond."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from renewd.certs.bundle import Bundle, Material, PrivateKey

LIFETIME = timedelta(days=90)
BACKDATED = timedelta(hours=1)  # as Let's Encrypt does
_CURVES = {
    "ecdsa-p192": ec.SECP192R1,
    "ecdsa-p256": ec.SECP256R1,
    "ecdsa-p384": ec.SECP384R1,
    "ecdsa-p521": ec.SECP521R1,
}
_turn = count()


@lru_cache(maxsize=32)
def _rsa_key(bits: int, number: int, exponent: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


def make_key(key_type: str = "ecdsa-p256") -> PrivateKey:
    """A fresh EC key; RSA keys are slow to make, so two of each size take turns."""
    if key_type in _CURVES:
        return ec.generate_private_key(_CURVES[key_type]())
    return _rsa_key(int(key_type.removeprefix("rsa-")), next(_turn) % 2, 65537)


def key_pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """The key as unencrypted PEM; TraditionalOpenSSL gives RSA/EC PRIVATE KEY."""
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def pem(*certificates: x509.Certificate) -> bytes:
    """The certificates as PEM, one after another."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


@dataclass(frozen=True)
class Issued:
    """A leaf with its key, the chain above it (its issuer first, without the root) and the root."""

    key: PrivateKey
    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    root: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)

    @property
    def leaf_pem(self) -> bytes:
        return pem(self.leaf)

    @property
    def chain_pem(self) -> bytes:
        return pem(*self.chain)

    @property
    def fullchain_pem(self) -> bytes:
        return pem(self.leaf, *self.chain)

    @property
    def root_pem(self) -> bytes:
        return pem(self.root)

    @property
    def material(self) -> Material:
        return Material(pem=(self.leaf_pem, self.chain_pem, self.key_pem))

    @property
    def bundle(self) -> Bundle:
        return Bundle(leaf=self.leaf, chain=self.chain, key=self.key)


def _named(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "renewd tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class Signer:
    """A CA certificate with its key."""

    certificate: x509.Certificate
    key: Any

    def certify(
        self,
        name: str,
        *,
        key_type: str = "ecdsa-p256",
        path_length: int | None = 0,
        ca: bool = True,
        key_usage: bool = True,
        key_identifiers: bool = True,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> "Signer":
        """A CA below this one; the keyword arguments take away what a proper one has."""
        key = make_key(key_type)
        return Signer(
            _ca(
                _named(name),
                key,
                self,
                path_length=path_length,
                ca=ca,
                key_usage=key_usage,
                key_identifiers=key_identifiers,
                not_before=not_before,
                not_after=not_after,
            ),
            key,
        )


def _ca(
    subject: x509.Name,
    key: Any,
    signer: Signer | None,
    *,
    path_length: int | None = None,
    ca: bool = True,
    key_usage: bool = True,
    key_identifiers: bool = True,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> x509.Certificate:
    now = datetime.now(UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or now - timedelta(days=3650))
        .not_valid_after(not_after or now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length if ca else None), critical=True)
    )
    if key_usage:
        builder = builder.add_extension(_usage(signs_certificates=ca), critical=True)
    if key_identifiers:
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        if signer:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False
            )
    return builder.sign(signer.key if signer else key, hashes.SHA256())


class Authority:
    """A root and one intermediate; `issue` makes leaves below the one or the other."""

    def __init__(self, root: Signer, intermediate: Signer) -> None:
        self.root_signer = root
        self.intermediate_signer = intermediate

    @classmethod
    def new(
        cls, name: str = "Test", *, key_type: str = "ecdsa-p256", key_identifiers: bool = True
    ) -> "Authority":
        key = make_key(key_type)
        root = Signer(_ca(_named(f"{name} Root"), key, None, key_identifiers=key_identifiers), key)
        below = root.certify(f"{name} Intermediate", key_type=key_type, key_identifiers=key_identifiers)
        return cls(root, below)

    @property
    def root(self) -> x509.Certificate:
        return self.root_signer.certificate

    @property
    def root_pem(self) -> bytes:
        return pem(self.root)

    @property
    def intermediate(self) -> x509.Certificate:
        return self.intermediate_signer.certificate

    def issue(
        self,
        domains: Sequence[str] | str,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key_type: str = "ecdsa-p256",
        intermediate: bool = True,
        **odd: Any,
    ) -> Issued:
        """A leaf for the names; by default 90 days, valid since an hour ago, below the intermediate.

        `odd` makes it strange: key, serial, signer (a Signer), common_name, san (False, or a list of GeneralName),
        eku (None or OIDs), ca (True), basic_constraints (False), key_usage (False), hash_algorithm, must_staple,
        key_identifiers (False), extra (a list of (extension, critical)).
        """
        signer = odd.pop("signer", None) or (self.intermediate_signer if intermediate else self.root_signer)
        key = odd.pop("key", None) or make_key(key_type)
        start = not_before or datetime.now(UTC).replace(microsecond=0) - BACKDATED
        names = [domains] if isinstance(domains, str) else list(domains)
        leaf = _leaf(names, key, signer, (start, not_after or start + LIFETIME), odd)
        chain = () if signer is self.root_signer else (signer.certificate,)
        return Issued(key=key, leaf=leaf, chain=chain, root=self.root)


def negative(issued: Issued) -> Issued:
    """The same with a negative serial, as old appliances make them; the signature does not fit any more."""
    octets = issued.leaf.serial_number.to_bytes((issued.leaf.serial_number.bit_length() + 8) // 8)
    der = issued.leaf.public_bytes(Encoding.DER).replace(octets, b"\x80" + octets[1:], 1)
    return replace(issued, leaf=x509.load_der_x509_certificate(der))


def _leaf(
    names: list[str], key: Any, signer: Signer, dates: tuple[datetime, datetime], odd: dict[str, Any]
) -> x509.Certificate:
    common_name = odd.pop("common_name", names[0] if names and len(names[0]) <= 64 else None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
        )
        .issuer_name(signer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(odd.pop("serial", None) or x509.random_serial_number())
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
    )
    hash_algorithm = odd.pop("hash_algorithm", hashes.SHA256())
    for extension, critical in _extensions(names, key, signer, odd):
        builder = builder.add_extension(extension, critical=critical)
    if odd:
        raise TypeError(f"issue() does not know {', '.join(odd)}")
    return builder.sign(signer.key, hash_algorithm)


def _extensions(names: list[str], key: Any, signer: Signer, odd: dict[str, Any]) -> list[tuple[Any, bool]]:
    san = odd.pop("san", True)
    eku = odd.pop("eku", (ExtendedKeyUsageOID.SERVER_AUTH,))
    ca = odd.pop("ca", False)
    found: list[tuple[Any, bool]] = []
    if odd.pop("basic_constraints", True):
        found.append((x509.BasicConstraints(ca=ca, path_length=None), True))
    if odd.pop("key_usage", True):
        found.append((_usage(signs_certificates=ca), True))
    if eku is not None:
        found.append((x509.ExtendedKeyUsage(eku), False))
    if odd.pop("key_identifiers", True):
        found.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        found.append((authority, False))
    if san:
        general = san if isinstance(san, list) else [x509.DNSName(name) for name in names]
        found.append((x509.SubjectAlternativeName(general), False))
    if odd.pop("must_staple", False):
        found.append((x509.TLSFeature([x509.TLSFeatureType.status_request]), False))
    where = x509.UniformResourceIdentifier("http://ca.example/issuer.der")
    found.append(
        (
            x509.AuthorityInformationAccess(
                [x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)]
            ),
            False,
        )
    )
    return found + odd.pop("extra", [])


def spki(key: Any) -> bytes:
    """The public key's SubjectPublicKeyInfo, DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
