"""What comes over the wire: every kind of wrong material is refused in words, every good one is taken."""

from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs import assembly, bundle
from renewd.certs.bundle import Material
from renewd.certs.gate import assemble
from renewd.config.secrets import Secret
from renewd.errors import MaterialRefused
from tests.certificates import Authority, pem
from tests.faults.hostile.malformed import (
    CA,
    FULL,
    GOOD,
    KEY,
    LEAF,
    RIGHT,
    RSA,
    WRONG,
    pfx,
    texts,
    traditional,
)


@pytest.mark.fault(32, 36, 38, 40, 41, 42)
@pytest.mark.parametrize(("material", "problem"), WRONG.values(), ids=WRONG)
def test_wrong_material_is_refused_in_words(material, problem):
    with pytest.raises(MaterialRefused) as refused:
        assemble(material())
    assert refused.value.problems == (problem,)
    assert str(refused.value) == f"what was issued cannot be used: {problem}"


@pytest.mark.parametrize("material", RIGHT.values(), ids=RIGHT)
def test_good_material_is_taken_whatever_its_form(material):
    found = assemble(material())
    assert (found.leaf, found.chain) == (GOOD.leaf, GOOD.chain)
    assert found.key.private_numbers() == GOOD.key.private_numbers()


def test_an_rsa_key_is_taken_in_both_forms():
    for key in (RSA.key_pem, traditional(RSA)):
        assert assemble(texts(key, RSA.fullchain_pem)).leaf == RSA.leaf


def test_a_longer_chain_is_put_in_order():
    top = CA.root_signer.certify("Upper", path_length=1)
    below = top.certify("Lower")
    issued = CA.issue("deep.example", signer=below)
    found = assemble(texts(issued.key_pem, pem(top.certificate, CA.root, issued.leaf, below.certificate)))
    assert found.chain == (below.certificate, top.certificate)


def test_a_root_right_above_the_leaf_stays_since_nothing_else_is_there():
    issued = CA.issue("flat.example", intermediate=False)
    assert assemble(texts(issued.key_pem, issued.leaf_pem, CA.root_pem)).chain == (CA.root,)


def test_a_missing_chain_is_left_for_the_judge():
    assert assemble(texts(KEY, LEAF)).chain == ()


def test_a_root_beside_its_cross_signed_twin_is_left_out():
    old = Authority.new("Old")
    new = old.root_signer.certify("New", path_length=1)
    root = (
        x509.CertificateBuilder()
        .subject_name(new.certificate.subject)
        .issuer_name(new.certificate.subject)
        .public_key(new.key.public_key())
        .serial_number(9)
        .not_valid_before(new.certificate.not_valid_before_utc)
        .not_valid_after(new.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(new.key, hashes.SHA256())
    )
    below = new.certify("New Intermediate")
    issued = CA.issue("x.example", signer=below)
    found = assemble(texts(issued.key_pem, issued.fullchain_pem, pem(root, new.certificate)))
    assert found.chain == (below.certificate, new.certificate)


WHOLE = KEY + FULL


@pytest.mark.fault(41)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=3))
def test_material_that_is_damaged_anywhere_is_refused_unless_nothing_changed(at, damage):
    text = WHOLE[:at] + damage + WHOLE[at + len(damage) :]
    with suppress(MaterialRefused):
        assert assemble(texts(text)).leaf == GOOD.leaf


@given(st.binary(max_size=2000))
def test_random_bytes_are_refused(content):
    for material in (texts(content), Material(pfx=content)):
        with pytest.raises(MaterialRefused):
            assemble(material)


class PanicException(BaseException):
    pass


@pytest.mark.fault(43)
def test_a_parsers_panic_is_refused(monkeypatch):
    def panicking(der):
        raise PanicException

    monkeypatch.setattr(assembly, "_certificate", panicking)
    with pytest.raises(MaterialRefused, match="the parser gave up on it"):
        assemble(GOOD.material)


def test_the_material_and_the_bundle_show_no_secret():
    shown = (
        repr(GOOD.material)
        + repr(Material(pfx=pfx(), password=Secret("hunter2")))
        + repr(assemble(GOOD.material))
    )
    assert "PRIVATE" not in shown
    assert "hunter2" not in shown
    assert "MII" not in shown


def test_what_is_written_is_encoded_anew_and_can_be_taken_again():
    found = assemble(Material(pfx=pfx(password=b"secret"), password=Secret("secret")))
    files = bundle.files(found)
    assert set(files) == set(bundle.KINDS)
    assert files["fullchain"] == FULL
    assert files["cert"] + files["chain"] == FULL
    assert files["combined"] == FULL + files["key"]
    assert assemble(texts(files["combined"])).leaf == GOOD.leaf
    assert assemble(Material(pfx=files["pfx"], password=Secret("secret"))).chain == GOOD.chain
    with pytest.raises(MaterialRefused):
        assemble(Material(pfx=files["pfx"]))


def test_only_the_files_asked_for_are_made():
    assert list(bundle.files(GOOD.bundle, ["key"])) == ["key"]
    assert Material(pfx=bundle.files(GOOD.bundle, ["pfx"])["pfx"]).pfx != b""


def test_the_fingerprint_is_the_sha256_in_hex():
    assert bundle.fingerprint(GOOD.leaf) == GOOD.leaf.fingerprint(hashes.SHA256()).hex()
