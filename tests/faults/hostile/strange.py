"""More that is wrong: other formats, tricks with text, and certificates that no library writes willingly."""

import gzip
import io
import json
import zipfile
from base64 import b64encode
from datetime import timedelta
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from renewd.certs.bundle import Bundle, Material
from renewd.config.secrets import Secret
from tests.certificates import Authority, Signer, key_pem, pem
from tests.faults.hostile.asn1 import element, octets, sequence
from tests.faults.hostile.malformed import FULL, KEY, LEAF, texts, wrapped
from tests.faults.hostile.malformed import GOOD as FORM
from tests.faults.hostile.unwanted import CA, DAY, HOUR, NAMES, NOW, below, issued

WHOLE = KEY + FULL
VERSION_3, VERSION_1 = bytes.fromhex("a003020102"), bytes.fromhex("a003020100")


def revoked() -> bytes:
    """A revocation list."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(CA.intermediate.subject)
    made = builder.last_update(NOW).next_update(NOW + DAY).sign(CA.intermediate_signer.key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM)


def zipped() -> bytes:
    """The files in an archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("fullchain.pem", FULL)
    return content.getvalue()


def patient_pfx() -> bytes:
    """A PFX whose opening takes two thousand million hashes."""
    checksum = sequence(sequence(octets(bytes(32))), octets(b"salt"), element(2, (2**31 - 1).to_bytes(4)))
    return sequence(b"\x02\x01\x03", sequence(), checksum)


def constrained(permitted: list[str] | None = None, excluded: list[str] | None = None) -> Bundle:
    """Below a CA that may not certify these names."""
    limits = x509.NameConstraints(
        [x509.DNSName(name) for name in permitted] if permitted else None,
        [x509.DNSName(name) for name in excluded] if excluded else None,
    )
    made = issued(signer=CA.root_signer, common_name="Limited", ca=True, san=False, extra=[(limits, True)])
    return below(Signer(made.leaf, made.key))


def looped() -> bytes:
    """Two CAs that certify each other, above the leaf."""
    one = CA.root_signer.certify("One", path_length=None)
    other = Signer(CA.intermediate, CA.intermediate_signer.key).certify("Other", path_length=None)
    back = (
        x509.CertificateBuilder()
        .subject_name(one.certificate.subject)
        .issuer_name(other.certificate.subject)
        .public_key(one.key.public_key())
        .serial_number(5)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 900 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(other.key, hashes.SHA256())
    )
    forth = (
        x509.CertificateBuilder()
        .subject_name(other.certificate.subject)
        .issuer_name(one.certificate.subject)
        .public_key(other.key.public_key())
        .serial_number(6)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 900 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(one.key, hashes.SHA256())
    )
    made = issued(signer=Signer(back, one.key))
    return made.key_pem + pem(made.leaf, back, forth)


def old_version() -> bytes:
    """A certificate of version 1, which has no extensions at all."""
    made = issued(extra=[])
    der = made.leaf.public_bytes(Encoding.DER).replace(VERSION_3, VERSION_1)
    return made.key_pem + wrapped("CERTIFICATE", der) + made.chain_pem


def named(*names: bytes) -> Bundle:
    """Names as no library writes them."""
    value = sequence(*(element(0x82, name) for name in names))
    strange = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, value)
    return issued(san=False, extra=[(strange, False)]).bundle


def edwards() -> Bundle:
    """A leaf with an Ed25519 key, which no browser takes."""
    made = issued(key=ed25519.Ed25519PrivateKey.generate())
    return Bundle(made.leaf, made.chain, made.key)


TEXTS = {
    "a PKCS #7 bag": lambda: texts(KEY + pkcs7.serialize_certificates([FORM.leaf, *FORM.chain], Encoding.PEM)),
    "a revocation list": lambda: texts(WHOLE + revoked()),
    "parameters for Diffie-Hellman": lambda: texts(WHOLE + wrapped("DH PARAMETERS", b"\x30\x00")),
    "an old label": lambda: texts(WHOLE.replace(b"N CERT", b"N X509 CERT").replace(b"D CERT", b"D X509 CERT")),
    "an archive": lambda: texts(zipped()),
    "compressed": lambda: texts(gzip.compress(WHOLE)),
    "a Java key store": lambda: texts(b"\xfe\xed\xfe\xed\x00\x00\x00\x02"),
    "PEM within base64": lambda: texts(b64encode(WHOLE)),
    "base64 without a frame": lambda: texts(b64encode(FORM.leaf.public_bytes(Encoding.DER))),
    "PEM in quotes": lambda: texts(json.dumps(WHOLE.decode()).encode()),
    "PEM as in a URL": lambda: texts(quote(WHOLE.decode()).encode()),
    "PEM as in a web page": lambda: texts(WHOLE.replace(b"-", b"&#45;")),
    "line ends of old Macs": lambda: texts(WHOLE.replace(b"\n", b"\r")),
    "line feeds written out": lambda: texts(WHOLE.replace(b"\n", b"\\n")),
    "another kind of dashes": lambda: texts(WHOLE.decode().replace("-----", "—————").encode()),
    "four dashes": lambda: texts(WHOLE.replace(b"-----", b"----")),
    "a soft hyphen": lambda: texts(WHOLE.decode().replace("-----B", "-----\xadB").encode()),
    "colours for a terminal": lambda: texts(b"\x1b[31m" + WHOLE),
    "a backspace": lambda: texts(WHOLE + b"x\b\n"),
    "headers in a block": lambda: texts(WHOLE.replace(b"CERTIFICATE-----\n", b"CERTIFICATE-----\nName: x\n\n", 1)),
    "a comment": lambda: texts(b"# the new one\n" + WHOLE),
    "a block in a block": lambda: texts(KEY[:80] + LEAF + KEY[80:]),
    "the end before the beginning": lambda: texts(b"-----END CERTIFICATE-----\n" + WHOLE),
    "a beginning without an end": lambda: texts(WHOLE + b"-----BEGIN CERTIFICATE-----\n"),
    "a certificate without content": lambda: texts(WHOLE + b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
    "base64 of another alphabet": lambda: texts(WHOLE.replace(b"+", b"-").replace(b"/", b"_")),
    "a key in the certificate's place, and the other way round": lambda: texts(
        WHOLE.replace(b"PRIVATE KEY", b"X").replace(b"CERTIFICATE", b"PRIVATE KEY").replace(b"N X-", b"N CERTIFICATE-").replace(b"D X-", b"D CERTIFICATE-")
    ),
    "somebody's key beside the right one": lambda: texts(WHOLE, issued().key_pem),
    "three keys": lambda: texts(WHOLE, issued().key_pem, issued().key_pem),
    "an Ed25519 certificate": lambda: texts(key_pem(edwards().key), pem(edwards().leaf)),
    "CAs that certify each other": lambda: texts(looped()),
    "a certificate of version 1": lambda: texts(old_version()),
    "a PFX that takes for ever": lambda: Material(pfx=patient_pfx(), password=Secret("x")),
    "a PFX of too many parts": lambda: Material(pfx=sequence(b"\x05\x00" * 60_000)),
    "a PFX that has no end": lambda: Material(pfx=b"\x30\x80" * 60_000),
    "a PFX that is PEM": lambda: Material(pfx=WHOLE),
    "an empty sequence for a PFX": lambda: Material(pfx=sequence()),
}  # fmt: skip

BUNDLES = {
    "a CA that may certify other names only": lambda: constrained(permitted=["fabrikam.example"]),
    "a CA that may not certify these names": lambda: constrained(excluded=["contoso.com"]),
    "a CA that may certify one of the names": lambda: constrained(permitted=["www.contoso.com"]),
    "a NUL in a name": lambda: named(*(name.encode() for name in NAMES), b"contoso.com\0.evil.example"),
    "a line end in a name": lambda: named(b"contoso.com\r\nSet-Cookie: x", b"www.contoso.com"),
    "a terminal's commands in a name": lambda: named(b"\x1b[2J\x1b]0;x\x07", b"www.contoso.com"),
    "a name without end": lambda: named(b"x" * 20_000, b"www.contoso.com"),
    "a CA whose name runs on": lambda: issued(ca_=Authority.new("Evil\x1b[2J\n" + "\u202e" * 8)).bundle,
    "a full stop after a name": lambda: named(b"contoso.com.", b"www.contoso.com"),
    "a blank in a name": lambda: named(b"contoso.com ", b"www.contoso.com"),
    "names in UTF-8": lambda: named(b"contoso.com", "wwẃ.contoso.com".encode()),
    "an empty name too": lambda: named(*(name.encode() for name in NAMES), b""),
    "no name in the list of names": named,
    "a wildcard too": lambda: issued([*NAMES, "*.contoso.com"]).bundle,
    "a wildcard for all": lambda: issued(["*"]).bundle,
    "e-mail addresses too": lambda: issued(san=[*map(x509.DNSName, NAMES), x509.RFC822Name("a@contoso.com")]).bundle,
    "a URI too": lambda: issued(san=[*map(x509.DNSName, NAMES), x509.UniformResourceIdentifier("https://contoso.com/")]).bundle,
    "any purpose, and not that of a server": lambda: issued(eku=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]).bundle,
    "for signing code": lambda: issued(eku=[ExtendedKeyUsageOID.CODE_SIGNING]).bundle,
    "valid for a thousand years": lambda: issued(not_after=NOW + 365_000 * DAY).bundle,
    "valid for no time at all": lambda: issued(not_before=NOW, not_after=NOW).bundle,
    "expired an hour ago": lambda: issued(not_before=NOW - 90 * DAY, not_after=NOW - HOUR).bundle,
    "valid from next year on": lambda: issued(not_before=NOW + 365 * DAY).bundle,
    "a critical answer to nothing": lambda: issued(extra=[(x509.TLSFeature([x509.TLSFeatureType.status_request]), True)]).bundle,
    "issued by the leaf of another": lambda: below(Signer(issued().leaf, issued().key)),
    "the intermediate itself": lambda: Bundle(CA.intermediate, (), CA.intermediate_signer.key),
    "the root itself": lambda: Bundle(CA.root, (), CA.root_signer.key),
    "a CA of another root of the same name": lambda: issued(ca_=Authority.new()).bundle,
    "a CA that ends before its leaf began": lambda: below(CA.root_signer.certify("Short", not_before=NOW - 9 * DAY, not_after=NOW - timedelta(minutes=1))),
}  # fmt: skip
