"""What a CA may certify, as OpenSSL reads RFC 5280 §4.2.1.10."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from renewd.certs import constraints
from tests.certificates import Authority, Signer

CA = Authority.new()


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def limited(permitted=None, excluded=None):
    """A CA with these limits below the root."""
    limits = x509.NameConstraints(permitted, excluded)
    made = CA.issue("Limited", signer=CA.root_signer, ca=True, san=False, extra=[(limits, True)])
    return Signer(made.leaf, made.key)


def dns(*limits):
    return [x509.DNSName(limit) for limit in limits]


WITHIN = {
    "no limit": ({}, ["contoso.com"]),
    "the name itself": ({"permitted": dns("contoso.com")}, ["contoso.com"]),
    "whatever its case": ({"permitted": dns("Contoso.COM")}, ["WWW.contoso.com"]),
    "names below it": ({"permitted": dns("contoso.com")}, ["a.b.contoso.com", "*.contoso.com"]),
    "names below a dot": ({"permitted": dns(".contoso.com")}, ["www.contoso.com"]),
    "one of several": ({"permitted": dns("other.example", "contoso.com")}, ["contoso.com"]),
    "every name": ({"permitted": dns("")}, ["contoso.com"]),
    "another name is banned": ({"excluded": dns("oso.com", "www.contoso.com")}, ["contoso.com"]),
    "only other kinds are limited": ({"permitted": [x509.RFC822Name("contoso.com")]}, ["contoso.com"]),
    "the subject is as allowed": (
        {"permitted": [x509.DirectoryName(name("contoso.com"))]},
        ["contoso.com"],
    ),
}
BEYOND = {
    "another name": ({"permitted": dns("contoso.com")}, ["contoso.com", "evil.example"], "evil.example"),
    "a name that only ends alike": ({"permitted": dns("oso.com")}, ["contoso.com"], "contoso.com"),
    "the name above the dot": ({"permitted": dns(".contoso.com")}, ["contoso.com"], "contoso.com"),
    "a banned name": ({"excluded": dns("contoso.com")}, ["contoso.com"], "contoso.com"),
    "below a banned name": ({"excluded": dns("contoso.com")}, ["www.contoso.com"], "www.contoso.com"),
    "banned within what is allowed": (
        {"permitted": dns("com"), "excluded": dns("contoso.com")},
        ["contoso.com"],
        "contoso.com",
    ),
    "every name is banned": ({"excluded": dns("")}, ["contoso.com"], "contoso.com"),
    "another subject": (
        {"permitted": [x509.DirectoryName(name("Other"))]},
        ["contoso.com"],
        "the subject contoso.com",
    ),
    "a banned subject": (
        {"excluded": [x509.DirectoryName(name("contoso.com"))]},
        ["contoso.com"],
        "the subject contoso.com",
    ),
}


@pytest.mark.parametrize(("limits", "names"), WITHIN.values(), ids=WITHIN)
def test_what_is_within_the_limits_is_fine(limits, names):
    signer = limited(**limits) if limits else CA.intermediate_signer
    assert constraints.overstepped(CA.issue(names, signer=signer).leaf, signer.certificate) is None


@pytest.mark.fault(36)
@pytest.mark.parametrize(("limits", "names", "which"), BEYOND.values(), ids=BEYOND)
def test_what_is_beyond_the_limits_is_told(limits, names, which):
    signer = limited(**limits)
    told = constraints.overstepped(CA.issue(names, signer=signer).leaf, signer.certificate)
    assert told == f"may not certify {which}"


def test_a_certificate_without_a_subject_keeps_every_limit_on_subjects():
    signer = limited(permitted=[x509.DirectoryName(name("Other"))])
    leaf = CA.issue("contoso.com", signer=signer, common_name=None).leaf
    assert constraints.overstepped(leaf, signer.certificate) is None
