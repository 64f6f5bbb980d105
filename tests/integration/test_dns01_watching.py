"""Every authoritative server is watched until it shows the record; one that lags is named."""

import threading

import pytest

from renewd import challenges
from renewd.certs.order import Token
from renewd.config.model import Rfc2136
from tests.nameservers import Knot, free_address
from tests.programs import until

TOKENS = (Token("a.example.test", "dns-01", "", "one"), Token("*.a.example.test", "dns-01", "", "two"))
RECORD = "_acme-challenge.a.example.test"
RIGHT = "the right answer from all 2 authoritative servers"


@pytest.fixture
def pair(nameserver):
    """A primary and a secondary that learns of changes only when it is told."""
    second = free_address()
    primary = nameserver(Knot, address=free_address(), port=53, others=[second])
    return primary, nameserver(Knot, primary=primary, address=second, port=53)


@pytest.fixture
def made(tmp_path, pair):
    def make(stop=None, **keys):
        secret = tmp_path / "tsig-key"
        secret.write_text(pair[0].key.secret)
        secret.chmod(0o600)
        written = {
            "type": "dns-01",
            "provider": "rfc2136",
            "server": pair[0].where,
            "key_name": "renewd",
            "key": {"file": str(secret)},
            "resolver": pair[0].where,
            "wait": "30s",
            **keys,
        }
        return challenges.make(
            Rfc2136.model_validate(written), challenges.Means(stop=stop or threading.Event())
        )

    return make


def test_all_servers_are_waited_for(pair, made):
    primary, secondary = pair
    challenge = made()
    challenge.place(TOKENS)
    assert secondary.records(RECORD) == []
    seen = []
    looking = threading.Thread(target=lambda: seen.extend(challenge.look(TOKENS)))
    looking.start()
    secondary.hear()
    looking.join()
    assert [(sight.ok, sight.saw, sight.url) for sight in seen] == [(True, RIGHT, f"TXT {RECORD}")] * 2
    assert secondary.records(RECORD) == ["one", "two"]
    assert primary.records(RECORD) == ["one", "two"]


def test_a_server_that_lags_is_named_when_the_wait_is_over(pair, made):
    challenge = made(wait="0s")
    challenge.place(TOKENS)
    sights = challenge.look(TOKENS)
    assert [sight.ok for sight in sights] == [False]
    assert sights[0].saw == f"no such record on ns2.example.test ({pair[1].address})"


def test_a_server_that_shows_other_values_is_told(pair, made):
    primary, secondary = pair
    primary.write(RECORD, "old")
    secondary.hear()
    until(lambda: secondary.records(RECORD) == ["old"])
    challenge = made(wait="0s")
    challenge.place(TOKENS[:1])
    assert [sight.saw for sight in challenge.look(TOKENS[:1])] == [
        f"1 other value on ns2.example.test ({secondary.address})"
    ]


def test_a_server_that_is_away_is_told(pair, made):
    pair[1].stop()
    challenge = made(wait="0s")
    challenge.place(TOKENS[:1])
    sight = challenge.look(TOKENS[:1])[0]
    assert not sight.ok
    assert sight.saw.endswith(f" on ns2.example.test ({pair[1].address})")


def test_a_wait_ends_when_renewd_leaves(made):
    stop = threading.Event()
    challenge = made(stop, wait="1h")
    challenge.place(TOKENS)
    stop.set()
    assert not any(sight.ok for sight in challenge.look(TOKENS))


def test_who_knows_no_servers_sees_nothing_and_says_why(made):
    sight = made(zone="nowhere.test").look(TOKENS[:1])[0]
    assert not sight.ok
    assert sight.saw.startswith("nothing (")
    assert "cannot say what NS nowhere.test has: REFUSED" in sight.saw


def test_a_name_that_cannot_be_followed_any_more_is_seen_nowhere(made):
    other = Token("nowhere.invalid", "dns-01", "", "one")
    sight = made().look([other])[0]
    assert not sight.ok
    assert "cannot say what CNAME _acme-challenge.nowhere.invalid has: REFUSED" in sight.saw


def test_the_zone_may_be_another_than_the_alias_s_and_is_watched_there(nameserver, tmp_path):
    address = free_address()
    server = nameserver(
        Knot, address=address, port=53, aliases={"_acme-challenge.d.example.test": "d.acme.test"}
    )
    secret = tmp_path / "tsig-key"
    secret.write_text(server.key.secret)
    secret.chmod(0o600)
    written = {
        "type": "dns-01",
        "provider": "rfc2136",
        "server": server.where,
        "key_name": "renewd",
        "key": {"file": str(secret)},
        "resolver": server.where,
    }
    challenge = challenges.make(Rfc2136.model_validate(written))
    token = Token("d.example.test", "dns-01", "", "there")
    challenge.place([token])
    assert [(sight.ok, sight.url) for sight in challenge.look([token])] == [(True, "TXT d.acme.test")]
