"""The judge: a bundle that is well formed, and still not what was wanted."""

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from renewd.certs import checks, gate
from renewd.certs.bundle import Bundle, Material
from renewd.certs.facts import PLACEHOLDER_SERIAL
from renewd.certs.gate import assemble, differences
from tests.certificates import Authority, Signer, key_pem, pem
from tests.faults.hostile.unwanted import (
    ACCEPTED,
    CA,
    DAY,
    GOOD,
    NOW,
    REFUSED,
    STAPLES,
    below,
    issued,
    problems,
    signed_with_sha1,
)


@pytest.mark.fault(32, 33, 34, 35, 36, 37, 38, 39)
@pytest.mark.parametrize(("bundle", "wants", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_wanted_is_refused_in_words(bundle, wants, expected):
    assert problems(bundle(), **wants) == expected


def test_a_self_signed_certificate_is_refused():
    root = Authority.new("Self")
    bundle = Bundle(root.root, (), root.root_signer.key)
    assert "it is self-signed" in problems(bundle)


def test_an_intermediate_that_may_not_sign_is_refused():
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = issued(signer=CA.root_signer, common_name="Odd", ca=True, key_usage=False, extra=[(usage, True)])
    assert "Odd in the chain may not sign certificates" in problems(below(Signer(made.leaf, made.key)))


def test_everything_that_is_wrong_is_told_at_once():
    bundle = issued(["x.example"], key_type="rsa-1024", ca=True, ca_=Authority.new("Staging")).bundle
    assert len(problems(bundle)) == 4


@pytest.mark.parametrize(("bundle", "wants"), ACCEPTED.values(), ids=ACCEPTED)
def test_good_bundles_are_accepted(bundle, wants):
    assert problems(bundle(), **wants) == []


def test_material_signed_with_sha1_is_refused_for_just_that():
    bundle = signed_with_sha1()
    material = Material(pem=(pem(bundle.leaf, *bundle.chain), key_pem(bundle.key)))
    assert problems(assemble(material), roots=None)[0] == "contoso.com is signed with SHA1, which is broken"


class PanicException(BaseException):
    pass


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "error",
    [ValueError(), UnsupportedAlgorithm(""), PanicException()],
    ids=lambda error: type(error).__name__,
)
def test_a_check_that_cannot_be_made_is_not_passed(monkeypatch, error):
    def is_fine(bundle, wanted, now):
        raise error

    monkeypatch.setattr(gate, "CHECKS", (is_fine,))
    assert problems(GOOD) == ["whether it is fine cannot be told: it is damaged or of an unknown kind"]


def test_every_check_has_its_line():
    written = {
        name
        for module in (checks, gate.comparisons)
        for name in vars(module)
        if name.startswith(("is_", "has_", "leads_"))
    }
    assert written == {check.__name__ for check in gate.CHECKS}


def test_differences_from_the_running_one_are_told():
    live = issued(ca_=Authority.new("Old")).leaf
    new = issued(["contoso.com"], key_type="rsa-2048", not_after=NOW + 6 * DAY, must_staple=True, eku=[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]).bundle  # fmt: skip
    assert differences(new, live) == (
        STAPLES,
        "issuer: Old Intermediate before, Test Intermediate now",
        "names: contoso.com, www.contoso.com before, contoso.com now",
        "key: ecdsa-p256 before, rsa-2048 now",
        "extended key usage: serverAuth before, clientAuth, serverAuth now",
        "lifetime: 90 days before, 6 days now",
    )


def test_a_chain_that_is_another_one_is_told():
    live = issued(not_before=NOW - 60 * DAY).leaf
    other = Authority.new("Old").intermediate
    assert differences(GOOD, live, [*GOOD.chain, other]) == (
        "chain: Test Intermediate, Old Intermediate before, Test Intermediate now",
    )
    assert differences(GOOD, live, []) == ("chain: none before, Test Intermediate now",)


def test_nothing_differs_where_nothing_ran_or_all_is_alike():
    assert differences(GOOD, None) == ()
    assert differences(GOOD, issued(serial=PLACEHOLDER_SERIAL, not_after=NOW + DAY).leaf) == ()
    assert differences(GOOD, issued(not_before=NOW - 60 * DAY).leaf) == ()
    assert differences(GOOD, issued(not_before=NOW - 60 * DAY).leaf, GOOD.chain) == ()
    assert differences(issued(must_staple=True).bundle, None) == (STAPLES,)
