from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.config.model import Install
from renewd.config.secrets import Secret
from renewd.errors import InstallFailed
from renewd.install import contents, staging
from tests.certificates import Authority

AUTHORITY = Authority.new()
ONE, OTHER = AUTHORITY.issue("a.example"), AUTHORITY.issue("a.example")
KINDS = ("fullchain", "key", "cert", "chain", "combined", "pfx")


@given(st.sets(st.sampled_from(KINDS), min_size=1))
def test_whatever_kinds_there_are_a_bundle_comes_back_or_a_reason(kinds):
    files = {kind: data for kind, data in contents.made(ONE.bundle, None).items() if kind in kinds}
    readable = "pfx" in kinds and not {"key", "combined"} & kinds
    if readable or ("combined" in kinds) or ("key" in kinds and {"fullchain", "cert"} & kinds):
        assert contents.parse(files).leaf == ONE.leaf
        assert contents.completed(files).keys() == set(KINDS)
    else:
        with pytest.raises(ValueError):
            contents.parse(files)
        assert contents.completed(files) == files


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"key": ONE.key_pem}, "there is no certificate"),
        ({"cert": ONE.leaf_pem}, "there is no private key"),
        ({"cert": ONE.leaf_pem, "key": OTHER.key_pem}, "do not belong together"),
        ({"cert": ONE.leaf_pem, "key": b"junk"}, "holds no private key"),
        ({"cert": b"junk", "key": ONE.key_pem}, "PEM"),
    ],
)
def test_what_is_no_bundle_says_why(files, said):
    with pytest.raises(ValueError, match=said):
        contents.parse(files)


def test_a_leaf_is_found_without_its_key_and_nothing_in_junk():
    assert contents.leaf({"cert": ONE.leaf_pem}) == ONE.leaf
    assert contents.leaf({"combined": ONE.key_pem + ONE.fullchain_pem}) == ONE.leaf
    assert contents.leaf({"fullchain": b"junk"}) is None
    assert contents.leaf({"pfx": b"junk"}) is None
    assert contents.leaf({}) is None


def test_a_pfx_opens_with_its_password_only():
    pfx = contents.made(ONE.bundle, Secret("word"))["pfx"]
    assert contents.leaf({"pfx": pfx}, Secret("word")) == ONE.leaf
    assert contents.leaf({"pfx": pfx}, Secret("other")) is None
    assert contents.leaf({"pfx": pfx}) is None


@pytest.mark.parametrize("wrong", ["pair", "order"])
def test_a_bundle_that_would_not_read_back_as_itself_is_not_staged(wrong, monkeypatch, tmp_path):
    bundle = replace(ONE.bundle, key=OTHER.key) if wrong == "pair" else replace(ONE.bundle, chain=(ONE.root,))
    if wrong == "order":  # an encoder gone wrong
        monkeypatch.setattr(staging.contents, "parse", lambda _: ONE.bundle)
    with pytest.raises(InstallFailed, match="what is to be installed"):
        staging.files(bundle, Install(directory="/live"))
