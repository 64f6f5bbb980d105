"""The gate's checks of what a bundle is by itself: its dates, its purpose, its keys and signatures.

Each is a function that returns the sentence that speaks against the bundle, or None.
"""
# ruff: noqa: ARG001 - every check is handed the same three things, whichever it needs

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

from renewd.certs import chain, keys, traits
from renewd.certs.bundle import Bundle
from renewd.certs.wanted import Wanted

_SKEW = timedelta(minutes=5)  # clocks differ by that much without anything being wrong
_LONGEST = timedelta(days=398)  # what browsers take: CA/Browser Forum BR §6.3.2
_CURVES = ("secp256r1", "secp384r1")
_CA_CURVES = (*_CURVES, "secp521r1")
_RSA_BITS = range(2048, 4097)
_RSA_CA_BITS = range(2048, 8193)
_EXPONENT = 65537  # smaller ones invite old attacks; CAs use no other
_UNDERSTOOD = frozenset(
    {  # what renewd or every TLS client takes into account where it is marked critical
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.INHIBIT_ANY_POLICY,
    }
)


def is_valid_now(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """It has begun, give or take five minutes, and has not ended."""
    begin, end = bundle.leaf.not_valid_before_utc, bundle.leaf.not_valid_after_utc
    if now >= end:
        return f"it has expired, at {traits.time(end)}; now it is {traits.time(now)}"
    if begin > now + _SKEW:
        return f"it is valid only from {traits.time(begin)} on; now it is {traits.time(now)}"
    return None


def is_fresh(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """Half of its life is left; what was issued just now and is older is not what was asked for."""
    begin, end = bundle.leaf.not_valid_before_utc, bundle.leaf.not_valid_after_utc
    if wanted.adopted or now >= end or (end - now) * 2 >= end - begin:
        return None
    dates = f"valid from {traits.time(begin)} to {traits.time(end)}, now it is {traits.time(now)}"
    return f"it was just issued, yet less than half of its life is left: {dates}"


def is_not_too_long_lived(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """Browsers take 398 days at most."""
    life = bundle.leaf.not_valid_after_utc - bundle.leaf.not_valid_before_utc
    return (
        f"it is valid for {life.days} days; browsers take {_LONGEST.days} at most"
        if life > _LONGEST
        else None
    )


def is_not_a_ca(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """A CA's certificate has no place in a server."""
    constraints = traits.extension(bundle.leaf, x509.BasicConstraints)
    return "it is a CA's certificate, and no server's" if constraints and constraints.ca else None


def is_for_servers(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """Its extended key usage has serverAuth, its key usage allows a TLS handshake (RFC 5280 §4.2.1.12, §4.2.1.3)."""
    usages = traits.usages(bundle.leaf)
    if "serverAuth" not in usages:
        return f"its extended key usage is {traits.listed(usages)}; serverAuth is needed"
    usage = traits.extension(bundle.leaf, x509.KeyUsage)
    if usage and not usage.digital_signature and not usage.key_encipherment:
        return "its key usage does not allow a TLS handshake"
    return None


def is_understood(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """No extension that clients must understand and will not: they would refuse the certificate (RFC 5280 §4.2)."""
    for certificate in (bundle.leaf, *bundle.chain):
        for extension in certificate.extensions:
            if extension.critical and extension.oid not in _UNDERSTOOD:
                name = traits.title(certificate.subject)
                return f"{name} has the critical extension {extension.oid.dotted_string}, which clients do not understand"
    return None


def has_a_strong_key(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """RSA from 2048 to 4096 bits with the usual exponent, P-256 or P-384; for its CAs a little more is fine."""
    key = bundle.leaf.public_key()
    if not _strong(key, _RSA_BITS, _CURVES):
        return f"its key is {_key(key)}; RSA of 2048 to 4096 bits, or ECDSA on P-256 or P-384, is wanted"
    for issuer in bundle.chain:
        key = issuer.public_key()
        if not _strong(key, _RSA_CA_BITS, _CA_CURVES):
            return f"the key of {traits.title(issuer.subject)} in the chain is {_key(key)}, which is weak or unusual"
    return None


def has_strong_signatures(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """No MD5, no SHA-1."""
    for certificate in (bundle.leaf, *bundle.chain):
        if chain.weakly_signed(certificate):
            algorithm = getattr(certificate.signature_hash_algorithm, "name", "an unknown hash")
            return f"{traits.title(certificate.subject)} is signed with {algorithm.upper()}, which is broken"
    return None


def has_its_own_key(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """The key is the certificate's: the public halves are the same, and what it signs is verified."""
    if keys.matches(bundle.key, bundle.leaf) and keys.proves(bundle.key, bundle.leaf):
        return None
    return "key and certificate do not match"


def _strong(key: object, rsa_bits: range, curves: tuple[str, ...]) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in rsa_bits and key.public_numbers().e == _EXPONENT
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in curves


def _key(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e != _EXPONENT:
        return f"{keys.key_type(key)} with the exponent {key.public_numbers().e:.20g}"
    return keys.key_type(key)
