"""The names on a certificate, by a quick scan and by a full parse alike."""

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from renewd.certs import san, traits
from renewd.config import targets
from tests.certificates import make_key

START = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("critical", [False, True])
def test_addresses_are_names_as_well(critical):
    names = [
        x509.DNSName("B.example"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
    ]
    key = make_key()
    subject = x509.Name([])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, START, START + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical)
        .sign(key, SHA256())
    )
    found = san.dns_names(certificate.public_bytes(Encoding.DER), certificate)
    assert found == ("192.0.2.1", "2001:db8::1", "b.example")
    assert san.dns_names(b"", certificate) == found
    assert traits.names(certificate) == found


def test_an_address_has_one_form():
    assert targets.parts("2001:DB8:0::1, 192.0.2.1,A.example") == ("2001:db8::1", "192.0.2.1", "a.example")
