"""A look at a PFX before it is opened: how often the password would be hashed."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs import pfx
from renewd.certs.bundle import Material
from renewd.certs.gate import assemble
from renewd.config.secrets import Secret
from renewd.errors import MaterialRefused
from tests.certificates import Authority
from tests.faults.hostile.asn1 import endless, octets, pieces, sequence

GOOD = Authority.new().issue("contoso.com")
PASSWORD = Secret("secret")


def written(rounds, scheme=PBES.PBESv2SHA256AndAES256CBC):
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds).key_cert_algorithm(scheme)
    how = builder.hmac_hash(hashes.SHA256()).build(b"secret")
    return pkcs12.serialize_key_and_certificates(None, GOOD.key, GOOD.leaf, GOOD.chain, how)


@pytest.mark.parametrize("scheme", list(PBES), ids=lambda scheme: scheme.name)
def test_every_key_derivation_counts(scheme):
    content = written(5000, scheme)
    assert pfx.rounds(content) - pfx.rounds(written(1000, scheme)) == 8000  # certificates and key
    assert pfx.rounds(content) > 10_000  # the checksum's too
    assert pfx.load(content, PASSWORD)[0].private_numbers() == GOOD.key.private_numbers()


@pytest.mark.fault(43)
def test_a_file_whose_opening_would_take_for_ever_is_not_opened():
    with pytest.raises(MaterialRefused, match=r"would take [0-9,]+ rounds of key derivation; 3,000,000 are"):
        assemble(Material(pfx=counted(2**31 - 1), password=PASSWORD))


def counted(rounds: int, salt: bytes = b"salt", wrap=sequence) -> bytes:
    """The bones of a PFX whose checksum takes that many rounds."""
    number = rounds.to_bytes(8)
    checksum = sequence(sequence(octets(bytes(32))), octets(salt), b"\x02\x08" + number)
    return wrap(b"\x02\x01\x03", sequence(), checksum)


@pytest.mark.fault(43)
@pytest.mark.parametrize("salt", [b"12345678", b"\x30\x03\x02\x01\x01", b"\x30\x80", b"\x1f\xff"])
@pytest.mark.parametrize("wrap", [sequence, endless])
@pytest.mark.parametrize("hide", [octets, pieces], ids=["whole", "in pieces"])
def test_a_count_is_found_wherever_it_stands(salt, wrap, hide):
    assert pfx.rounds(counted(123_456_789, salt, wrap)) == 123_456_789
    assert pfx.rounds(sequence(hide(counted(123_456_789, salt, wrap)))) == 123_456_789


@pytest.mark.fault(43)
def test_what_is_far_too_intricate_is_refused():
    with pytest.raises(ValueError, match="more parts"):
        pfx.rounds(sequence(b"\x05\x00" * 60_000))
    nested = b"\x05\x00"
    for _ in range(60):
        nested = sequence(nested)
    with pytest.raises(ValueError, match="nested deeper"):
        pfx.rounds(nested)
    assert pfx.rounds(b"\x30\x80" * 60_000) == 0  # has no end: no element at all


@given(st.binary(max_size=300))
def test_looking_never_breaks(content):
    for whole in (content, sequence(content), b"\x30\x80" + content):
        assert pfx.rounds(whole) >= 0
