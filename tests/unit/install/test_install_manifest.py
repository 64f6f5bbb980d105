import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs.facts import PLACEHOLDER_SERIAL
from renewd.install import intents, manifest
from renewd.install.intents import Intent, Move
from renewd.install.manifest import Manifest, Source, Version
from renewd.install.sites import Site
from tests.certificates import Authority

AUTHORITY = Authority.new()
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
times = st.datetimes(min_value=EPOCH, timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0))
texts = st.none() | st.text(max_size=20)


@given(
    times,
    st.none() | times,
    st.none() | st.integers(-(2**160), 2**160),
    st.text(max_size=20),
    texts,
    st.booleans(),
)
def test_a_manifest_reads_back_as_it_was_written(created_at, not_after, serial, name, text, flag):
    version = Version(
        id="20261123T085627Z-1a2b3c4d",
        created_at=created_at,
        not_after=not_after,
        serial=serial,
        fingerprint=None,
        issuer="rcl",
        order_uri=text,
        placeholder=flag,
        taken=not flag,
        replaces=text,
    )
    one = Manifest(name, version, {"key": "00"})
    assert manifest.load(manifest.dump(one)) == one


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"null", b'{"version": 1}', b"\xff", b'{"files": 1', b"[" * 100_000]
)
def test_anything_else_is_no_manifest(text):
    with pytest.raises(ValueError):
        manifest.load(text)


def test_what_is_accepted_is_neither_a_placeholder_nor_found_on_the_disk():
    now = datetime(2026, 11, 23, tzinfo=UTC)
    leaf = AUTHORITY.issue("a.example").leaf
    empty = AUTHORITY.issue("a.example", serial=PLACEHOLDER_SERIAL).leaf
    assert manifest.describe("20261123T085627Z-1a2b3c4d", leaf, Source("rcl"), now).accepted
    assert not manifest.describe("20261123T085627Z-1a2b3c4d-taken", leaf, Source(""), now).accepted
    assert not manifest.describe("20261123T085627Z-1a2b3c4d", empty, Source(""), now).accepted


def test_a_manifest_of_an_earlier_renewd_says_nothing_of_an_order():
    version = manifest.describe("20261123T085627Z-1a2b3c4d", None, Source("rcl"), datetime.now(UTC))
    written = json.loads(manifest.dump(Manifest("a.example", version, {})))
    del written["replaces"]
    assert manifest.load(json.dumps(written).encode()).version.replaces is None


def made(day: int, *, days: int, replaces: str | None = None) -> Version:
    """One that was made on a day and ends so many days later; its fingerprint is the day."""
    at = datetime(2026, 11, day, tzinfo=UTC)
    end = at + timedelta(days=days)
    return Version(f"{at:%Y%m%d}T000000Z-1a2b3c4d", at, end, day, str(day), "rcl", None, replaces=replaces)


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        ([made(1, days=90), made(2, days=90)], 2),
        ([made(1, days=90), made(2, days=6)], 1),
        ([made(1, days=90), made(2, days=6, replaces="1")], 2),
        ([made(1, days=90), made(2, days=6, replaces="1"), made(3, days=30)], 3),
        ([made(1, days=90), made(2, days=6, replaces="1"), made(5, days=6, replaces="2")], 5),
        ([made(1, days=90), made(2, days=6, replaces="0")], 1),
    ],
)
def test_the_newest_ends_last_or_was_ordered_in_the_place_of_the_one_before(versions, newest):
    found = manifest.newest(reversed(versions))
    assert found is not None
    assert found.serial == newest


def test_an_intent_reads_back_as_it_was_written_and_is_gone_when_removed(tmp_path):
    site = Site("/root", linked=False, files=(("key", "/a"), ("cert", "/b")), mode=0o640, uid=-1, gid=7)
    one = Intent("A.example", "a.example", "20261123T085627Z-1a2b3c4d", (Move(site, None, {"key": "00"}),))
    intents.write(str(tmp_path), one)
    (path,) = intents.under_way(str(tmp_path))
    assert intents.load(path) == one
    intents.remove(str(tmp_path), one)
    assert intents.under_way(str(tmp_path)) == []


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"moves": [1]}', '{"moves": [{"site": {}}]}', '{"moves": 5}']
)
def test_anything_else_is_no_intent(text, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError):
        intents.load(str(path))


def test_without_a_state_directory_nothing_is_under_way(tmp_path):
    assert intents.under_way(str(tmp_path / "none")) == []
