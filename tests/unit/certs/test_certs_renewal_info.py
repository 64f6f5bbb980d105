from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs.renewal_info import certificate_id
from tests.clocks import START

KEY = ec.generate_private_key(ec.SECP256R1())


def leaf(serial: int, key: bytes | None, *, named: bool = True) -> x509.Certificate:
    """A certificate whose authority's key has this identifier."""
    name = x509.Name([])
    made = x509.CertificateBuilder(name, name, KEY.public_key(), serial, START, START.replace(year=2027))
    if named:
        issuer = [x509.DNSName("ca.example")] if key is None else None
        number = 1 if key is None else None
        made = made.add_extension(x509.AuthorityKeyIdentifier(key, issuer, number), critical=False)
    return made.sign(KEY, hashes.SHA256())


def test_the_example_of_the_standard():
    key = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")
    assert certificate_id(leaf(0x87654321, key)) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


@pytest.mark.parametrize(
    ("key", "named"), [(None, True), (b"k", False)], ids=["no key identifier", "no extension"]
)
def test_what_names_no_key_of_its_authority_has_none(key: bytes | None, named: bool):
    assert certificate_id(leaf(7, key, named=named)) is None


@given(serial=st.integers(1, 2**159 - 1), key=st.binary(min_size=1, max_size=64))
def test_the_serial_is_encoded_as_in_the_certificate(serial: int, key: bytes):
    first, second = (certificate_id(leaf(serial, key)) or "").split(".")
    encoded = urlsafe_b64decode(second + "=" * (-len(second) % 4))
    assert urlsafe_b64encode(key).decode().rstrip("=") == first
    assert int.from_bytes(encoded) == serial
    assert encoded[0] < 0x80, "a first bit that is set would make it negative"
    assert len(encoded) == 1 or encoded[0] or encoded[1] >= 0x80, "and none is there for nothing"
