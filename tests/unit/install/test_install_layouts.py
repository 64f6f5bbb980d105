from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.config.model import Certificate
from renewd.config.targets import Target
from renewd.install import layouts

times = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
fingerprints = st.text("0123456789abcdef", min_size=64, max_size=64)


def target(*places):
    return Target("a.example", Certificate(name="a.example", install=list(places)), "rcl")


def test_a_directory_shows_its_five_files():
    (place,) = target({"directory": "/live"}).places
    assert layouts.shown(place) == (
        ("key", "/live/privkey.pem"),
        ("cert", "/live/cert.pem"),
        ("chain", "/live/chain.pem"),
        ("fullchain", "/live/fullchain.pem"),
        ("pfx", "/live/certificate.pfx"),
    )
    assert layouts.leaf(place) == ("fullchain", "/live/fullchain.pem")
    assert layouts.key(place) == ("key", "/live/privkey.pem")


def test_the_layout_of_rcl_has_the_names_of_its_daemon():
    (place,) = target({"directory": "/live", "layout": "rcl"}).places
    assert dict(layouts.shown(place)) == {
        "key": "/live/privateKey.key",
        "cert": "/live/primaryCertificate.crt",
        "chain": "/live/caBundle.crt",
        "fullchain": "/live/fullChainCertificate.crt",
        "pfx": "/live/certificate.pfx",
    }


@pytest.mark.parametrize(
    ("files", "leaf", "key"),
    [
        ({"combined": "/c"}, ("combined", "/c"), ("combined", "/c")),
        ({"pfx": "/p"}, ("pfx", "/p"), ("pfx", "/p")),
        ({"pfx": "/p", "cert": "/c"}, ("cert", "/c"), ("pfx", "/p")),
        ({"key": "/k", "chain": "/c", "cert": "/l"}, ("cert", "/l"), ("key", "/k")),
        ({"key": "/k", "cert": "/c", "fullchain": "/f"}, ("fullchain", "/f"), ("key", "/k")),
    ],
)
def test_leaf_and_key_are_read_from_the_best_file_there_is(files, leaf, key):
    (place,) = target({"files": files}).places
    assert layouts.leaf(place) == leaf
    assert layouts.key(place) == key


def test_fixed_files_are_switched_key_first_whatever_the_order_they_are_written_in():
    (place,) = target({"files": {"pfx": "/p", "fullchain": "/f", "key": "/k"}}).places
    assert [kind for kind, _ in layouts.shown(place)] == ["key", "fullchain", "pfx"]


def test_a_directory_is_its_own_store_and_fixed_files_have_theirs_in_the_state_directory():
    one = target({"directory": "/live"}, {"files": {"combined": "/a"}}, {"files": {"combined": "/b"}})
    assert list(layouts.stores("/state", one.slug, one.places)) == [
        "/live",
        "/state/store/a.example",
        "/state/store/a.example@2",
    ]


@given(times, fingerprints, st.booleans())
def test_an_identifier_tells_its_time_and_is_told_from_other_names(at, fingerprint, taken):
    name = layouts.identifier(at, fingerprint, taken=taken)
    assert layouts.is_identifier(name)
    assert layouts.created_at(name) == at.replace(microsecond=0)
    assert layouts.version_of_link(layouts.link_to_version(name)) == name


@given(st.tuples(times, times), fingerprints)
def test_identifiers_sort_by_time(pair, fingerprint):
    early, late = (at.replace(microsecond=0) for at in sorted(pair))
    if early < late:
        assert layouts.identifier(early, fingerprint) < layouts.identifier(late, fingerprint)


@pytest.mark.parametrize(
    "link",
    [
        "versions",
        "versions/",
        "versions/../x",
        "/etc/versions/20261123T085627Z-1a2b3c4d",
        "v1",
        "",
        "versions/.stage-x",
    ],
)
def test_a_link_of_somebody_else_names_no_version(link):
    assert layouts.version_of_link(link) is None


@given(st.text("abcdefghij.+", min_size=1, max_size=3000), st.text("abcdefghij.+", min_size=1, max_size=3000))
def test_a_folder_fits_into_a_file_name_and_is_no_other_names(one, other):
    assert len(f".{layouts.folder(one)}@99.json.renewd") <= 255
    assert one == other or layouts.folder(one) != layouts.folder(other)
