"""Bundles that are well formed, and still not what was wanted, with what is said of them; and good ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from renewd.certs import gate
from renewd.certs.bundle import Bundle, fingerprint
from renewd.certs.facts import PLACEHOLDER_SERIAL
from renewd.certs.gate import Wanted, judge
from renewd.config.model import Expect
from tests.certificates import Authority, Signer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CA = Authority.new()
NAMES = ("contoso.com", "www.contoso.com")
ROOTS = (Authority.new("Other").root, CA.root)
SHA256_RSA, SHA1_RSA = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")


def issued(names=NAMES, **shape):
    shape.setdefault("not_before", NOW - HOUR)
    return (shape.pop("ca_", CA)).issue(list(names), **shape)


def problems(bundle, now=NOW, **wants):
    return judge(bundle, Wanted(**{"domains": NAMES, "roots": ROOTS, **wants}), now)


def below(signer, **shape):
    """A bundle whose chain is the signer's certificate and the test CA's intermediates above it."""
    made = issued(signer=signer, **shape)
    return Bundle(made.leaf, (signer.certificate,), made.key)


def signed_with_sha1():
    """A leaf whose signature is a true SHA-1 one; the library makes none itself, so it is put in by hand."""
    authority = Authority.new("Old", key_type="rsa-2048")
    made = authority.issue(list(NAMES), not_before=NOW - HOUR, intermediate=False)
    body = made.leaf.tbs_certificate_bytes.replace(SHA256_RSA, SHA1_RSA)
    signature = authority.root_signer.key.sign(body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - it is what must be refused
    der = made.leaf.public_bytes(Encoding.DER).replace(made.leaf.tbs_certificate_bytes, body)
    der = der.replace(SHA256_RSA, SHA1_RSA).replace(made.leaf.signature, signature)
    return Bundle(x509.load_der_x509_certificate(der), (authority.root,), made.key)


def upside_down():
    """The intermediate may have no CA below it, and has one."""
    middle = CA.root_signer.certify("Middle", path_length=0)
    lower = middle.certify("Lower", path_length=None)
    made = issued(signer=lower)
    return Bundle(made.leaf, (lower.certificate, middle.certificate), made.key)


def limited_to(name):
    """A CA that may certify what is below this name."""
    limits = x509.NameConstraints([x509.DNSName(name)], None)
    made = issued(signer=CA.root_signer, common_name="Limited", ca=True, san=False, extra=[(limits, True)])
    return Signer(made.leaf, made.key)


def root_with(**odd):
    """A CA below the root that lacks something."""
    return CA.root_signer.certify("Odd", **odd)


GOOD = issued().bundle
CRITICAL = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
STAPLES = "it wants stapled OCSP answers, which few CAs still give"
WANTED = "wanted are contoso.com, www.contoso.com"
KEYS = "RSA of 2048 to 4096 bits, or ECDSA on P-256 or P-384, is wanted"

REFUSED = {
    "a name is lacking": (lambda: issued(["contoso.com"]).bundle, {}, [f"it lacks www.contoso.com; {WANTED}"]),
    "a name too many": (lambda: issued([*NAMES, "x.example"]).bundle, {}, [f"it also has x.example; {WANTED}"]),
    "all other names": (lambda: issued(["x.example"]).bundle, {}, [f"it lacks contoso.com, www.contoso.com and also has x.example; {WANTED}"]),
    "a wildcard instead": (lambda: issued(["*.contoso.com"]).bundle, {}, [f"it lacks contoso.com, www.contoso.com and also has *.contoso.com; {WANTED}"]),
    "an IP address too": (lambda: issued(san=[*map(x509.DNSName, NAMES), x509.IPAddress(ip_address("192.0.2.1"))]).bundle, {}, [f"it also has 192.0.2.1; {WANTED}"]),
    "a name of a kind unheard of": (lambda: issued(san=[*map(x509.DNSName, NAMES), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]).bundle, {}, [f"it also has a RegisteredID; {WANTED}"]),
    "no names but the common one": (lambda: issued(san=False).bundle, {}, [f"it has no subject alternative names; {WANTED}"]),
    "expired": (lambda: issued(not_before=NOW - 90 * DAY, not_after=NOW).bundle, {}, ["it has expired, at 2026-11-23 12:00 UTC; now it is 2026-11-23 12:00 UTC"]),
    "not yet valid": (lambda: issued(not_before=NOW + timedelta(minutes=6)).bundle, {}, ["it is valid only from 2026-11-23 12:06 UTC on; now it is 2026-11-23 12:00 UTC"]),
    "stale": (lambda: issued(not_before=NOW - 46 * DAY).bundle, {}, ["it was just issued, yet less than half of its life is left: valid from 2026-10-08 12:00 UTC to 2027-01-06 12:00 UTC, now it is 2026-11-23 12:00 UTC"]),
    "valid for too long": (lambda: issued(not_after=NOW + 400 * DAY).bundle, {}, ["it is valid for 400 days; browsers take 398 at most"]),
    "a CA's": (lambda: issued(ca=True).bundle, {}, ["it is a CA's certificate, and no server's"]),
    "for clients only": (lambda: issued(eku=[ExtendedKeyUsageOID.CLIENT_AUTH]).bundle, {}, ["its extended key usage is clientAuth; serverAuth is needed"]),
    "for nothing": (lambda: issued(eku=None).bundle, {}, ["its extended key usage is none; serverAuth is needed"]),
    "a key usage without a handshake": (lambda: issued(key_usage=False, extra=[(x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=True, encipher_only=False, decipher_only=False), True)]).bundle, {}, ["its key usage does not allow a TLS handshake"]),
    "a critical extension nobody knows": (lambda: issued(extra=[CRITICAL]).bundle, {}, ["contoso.com has the critical extension 1.2.3.4, which clients do not understand"]),
    "a pre-certificate": (lambda: issued(extra=[(x509.PrecertPoison(), True)]).bundle, {}, ["contoso.com has the critical extension 1.3.6.1.4.1.11129.2.4.3, which clients do not understand"]),
    "RSA of 1024 bits": (lambda: issued(key_type="rsa-1024").bundle, {}, [f"its key is rsa-1024; {KEYS}"]),
    "RSA with the exponent 3": (lambda: issued(key=rsa.generate_private_key(3, 2048)).bundle, {}, [f"its key is rsa-2048 with the exponent 3; {KEYS}"]),
    "ECDSA on P-192": (lambda: issued(key_type="ecdsa-p192").bundle, {}, [f"its key is ecdsa-p192; {KEYS}"]),
    "ECDSA on P-521": (lambda: issued(key_type="ecdsa-p521").bundle, {}, [f"its key is ecdsa-p521; {KEYS}"]),
    "a weak CA": (lambda: below(CA.root_signer.certify("Weak", key_type="rsa-1024")), {}, ["the key of Weak in the chain is rsa-1024, which is weak or unusual"]),
    "signed with SHA-1": (signed_with_sha1, {"roots": None}, ["contoso.com is signed with SHA1, which is broken", "the signature of Old Root on contoso.com cannot be verified"]),
    "the running one": (lambda: GOOD, {"live": GOOD.leaf}, [f"it is the certificate that runs already: {gate.comparisons.traits.serial(GOOD.leaf)}"]),
    "older than the running one": (lambda: GOOD, {"live": issued(not_after=NOW + 91 * DAY).leaf}, ["it ends at 2027-02-21 11:00 UTC; that is no later than the running one, which ends at 2027-02-22 12:00 UTC"]),
    "as old as the running one": (lambda: GOOD, {"live": issued().leaf}, ["it ends at 2027-02-21 11:00 UTC; that is no later than the running one, which ends at 2027-02-21 11:00 UTC"]),
    "ordered, and from before the running one": (lambda: issued(not_before=NOW - 2 * HOUR).bundle, {"live": GOOD.leaf, "ordered": True}, ["it begins at 2026-11-23 10:00 UTC; that is before the running one, which begins at 2026-11-23 11:00 UTC"]),
    "ordered, and the running one": (lambda: GOOD, {"live": GOOD.leaf, "ordered": True}, [f"it is the certificate that runs already: {gate.comparisons.traits.serial(GOOD.leaf)}"]),
    "shorter than the running one, and not ordered": (lambda: issued(not_after=NOW + 6 * DAY).bundle, {"live": issued(not_before=NOW - 10 * DAY).leaf}, ["it ends at 2026-11-29 12:00 UTC; that is no later than the running one, which ends at 2027-02-11 12:00 UTC"]),
    "refused before": (lambda: GOOD, {"refused": frozenset({fingerprint(GOOD.leaf)})}, [f"it is the certificate {gate.comparisons.traits.serial(GOOD.leaf)} that was refused before"]),
    "another issuer than expected": (lambda: GOOD, {"expect": Expect(issuer="Let's Encrypt")}, ["its issuer is CN=Test Intermediate,O=renewd tests; Let's Encrypt is expected"]),
    "a usage is expected": (lambda: GOOD, {"expect": Expect(eku=("serverAuth", "clientAuth", "1.2.3"))}, ["its extended key usage is serverAuth; clientAuth, 1.2.3 is expected as well"]),
    "another key type than expected": (lambda: GOOD, {"expect": Expect(key_type="rsa-2048")}, ["its key is ecdsa-p256; rsa-2048 is expected"]),
    "another's key": (lambda: replace(GOOD, key=issued().key), {}, ["key and certificate do not match"]),
    "no chain": (lambda: replace(GOOD, chain=()), {}, ["its chain is missing: the certificate of Test Intermediate, which is no trusted root"]),
    "no chain and no roots": (lambda: replace(GOOD, chain=()), {"roots": None}, ["its chain is missing: the certificate of Test Intermediate"]),
    "a test CA's": (lambda: issued(ca_=Authority.new("Staging")).bundle, {}, ["its chain ends at Staging Root, which is not among the trusted roots"]),
    "the root of a CA of the same name": (lambda: GOOD, {"roots": (Authority.new().root,)}, ["its chain ends at Test Root, which is not among the trusted roots"]),
    "no roots at all": (lambda: GOOD, {"roots": ()}, ["its chain ends at Test Root, which is not among the trusted roots"]),
    "a root that has expired": (lambda: issued(not_after=NOW + 9000 * DAY).bundle, {"now": NOW + 8000 * DAY, "adopted": True}, [
        "it is valid for 9000 days; browsers take 398 at most",
        "Test Intermediate in the chain has expired, on " + CA.intermediate.not_valid_after_utc.strftime("%Y-%m-%d"),
        "its chain ends at Test Root, which is not among the trusted roots",
    ]),
    "the chain of another CA": (lambda: replace(GOOD, chain=(ROOTS[0],)), {}, ["contoso.com is signed by Test Intermediate, and not by Other Root, which comes next"]),
    "the chain of a CA of the same name": (lambda: replace(GOOD, chain=(Authority.new().intermediate,)), {"roots": None}, ["the signature of Test Intermediate on contoso.com cannot be verified"]),
    "a CA that is none": (lambda: below(root_with(ca=False)), {}, ["Odd in the chain is not a CA's"]),
    "an intermediate that has expired": (lambda: below(root_with(not_before=NOW - 9 * DAY, not_after=NOW)), {}, ["Odd in the chain has expired, on 2026-11-23"]),
    "an intermediate that is not yet valid": (lambda: below(root_with(not_before=NOW + DAY)), {}, ["Odd in the chain is valid only from 2026-11-24 on"]),
    "a CA more than allowed": (upside_down, {}, ["Middle in the chain may have no more than 0 CAs below it"]),
}  # fmt: skip


EC384 = Authority.new("E", key_type="ecdsa-p384")
RSA4096 = Authority.new("R", key_type="rsa-2048")
BARE = Authority.new("Bare", key_identifiers=False)

ACCEPTED = {
    "an ordinary one": (lambda: GOOD, {}),
    "no root wanted": (lambda: GOOD, {"roots": None}),
    "ECDSA below a P-384 CA": (lambda: issued(ca_=EC384).bundle, {"roots": (EC384.root,)}),
    "RSA below an RSA CA": (lambda: issued(ca_=RSA4096, key_type="rsa-3072").bundle, {"roots": (RSA4096.root,)}),
    "RSA below an ECDSA CA": (lambda: issued(key_type="rsa-2048").bundle, {}),
    "RSA of 4096 bits": (lambda: issued(key_type="rsa-4096").bundle, {}),
    "ECDSA on P-384": (lambda: issued(key_type="ecdsa-p384").bundle, {}),
    "160 hours": (lambda: issued(not_after=NOW + 159 * HOUR).bundle, {}),
    "398 days": (lambda: issued(not_before=NOW, not_after=NOW + 398 * DAY).bundle, {}),
    "a private CA without key identifiers": (lambda: issued(ca_=BARE, key_identifiers=False).bundle, {"roots": (BARE.root,)}),
    "a private CA without key usages": (lambda: below(root_with(key_usage=False, path_length=None)), {}),
    "right below the root": (lambda: issued(intermediate=False).bundle, {}),
    "the root in the chain": (lambda: replace(GOOD, chain=(*GOOD.chain, CA.root)), {}),
    "the intermediate is what is trusted": (lambda: GOOD, {"roots": (CA.intermediate,)}),
    "a wildcard that is wanted": (lambda: issued(["*.contoso.com"]).bundle, {"domains": ("*.contoso.com",)}),
    "a wildcard and the name above it": (lambda: issued(["*.contoso.com", "contoso.com"]).bundle, {"domains": ("contoso.com", "*.contoso.com")}),
    "a name in other letters, as hosts have it": (lambda: issued(["xn--mnchen-3ya.example"]).bundle, {"domains": ("xn--mnchen-3ya.example",)}),
    "no subject": (lambda: issued(common_name=None).bundle, {}),
    "a CA with limits that are kept to": (lambda: below(limited_to("contoso.com")), {}),
    "names in another order and case": (lambda: issued(["WWW.contoso.com", "contoso.com"]).bundle, {}),
    "a hundred names": (lambda: issued([f"{n}.example" for n in range(100)]).bundle, {"domains": tuple(f"{n}.example" for n in range(100))}),
    "a clock four minutes behind": (lambda: issued(not_before=NOW + timedelta(minutes=4)).bundle, {}),
    "just half of its life left": (lambda: issued(not_before=NOW - 45 * DAY, not_after=NOW + 45 * DAY).bundle, {}),
    "adopted with little life left": (lambda: issued(not_before=NOW - 89 * DAY).bundle, {"adopted": True}),
    "no basic constraints": (lambda: issued(basic_constraints=False).bundle, {}),
    "no key usage": (lambda: issued(key_usage=False).bundle, {}),
    "for clients as well": (lambda: issued(eku=[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]).bundle, {"expect": Expect(eku=("serverAuth", "1.3.6.1.5.5.7.3.2"))}),
    "as expected": (lambda: GOOD, {"expect": Expect(issuer="test intermediate", eku=("serverAuth",), key_type="ecdsa-p256")}),
    "later than the running one": (lambda: GOOD, {"live": issued(not_before=NOW - 60 * DAY).leaf}),
    "ordered in the place of one that ends later": (lambda: issued(not_after=NOW + 6 * DAY).bundle, {"live": issued(not_before=NOW - 10 * DAY).leaf, "ordered": True}),
    "ordered on the day of the running one, by a CA that dates all of a day alike": (lambda: GOOD, {"live": issued().leaf, "ordered": True}),
    "the running one has expired": (lambda: GOOD, {"live": issued(not_before=NOW - 100 * DAY).leaf}),
    "other names than the running one, for a shorter time": (lambda: issued(not_after=NOW + 6 * DAY).bundle, {"live": issued(["contoso.com"]).leaf}),
    "only a placeholder runs": (lambda: GOOD, {"live": issued(serial=PLACEHOLDER_SERIAL, not_after=NOW + 99 * DAY).leaf}),
    "the same key as before": (lambda: issued(key=GOOD.key, not_after=NOW + 91 * DAY).bundle, {"live": GOOD.leaf}),
    "another key type than before": (lambda: issued(key_type="rsa-2048", not_after=NOW + 91 * DAY).bundle, {"live": GOOD.leaf}),
    "it wants stapling": (lambda: issued(must_staple=True).bundle, {}),
    "another one was refused before": (lambda: GOOD, {"refused": frozenset({"ab" * 32})}),
}  # fmt: skip
