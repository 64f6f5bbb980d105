"""TXT records by dynamic updates of real name servers, and what their refusals mean."""

import dns.query
import pytest

from renewd import challenges
from renewd.certs.order import Token
from renewd.config.model import Rfc2136
from renewd.errors import ChallengeFailed, SecretUnusable, TargetError, Temporary
from tests.nameservers import Bind, Key, Knot
from tests.servers import free_port

ALIASES = {
    "*.w.example.test": "balancer.acme.test",
    "_acme-challenge.d.example.test": "d.acme.test",
    "_acme-challenge.one.example.test": "_acme-challenge.two.example.test",
    "_acme-challenge.two.example.test": "_acme-challenge.one.example.test",
    **{f"_acme-challenge.h{number}.example.test": f"_acme-challenge.h{number + 1}.example.test" for number in range(12)},
}  # fmt: skip
RECORD = "_acme-challenge.example.test"
TOKENS = (
    Token("example.test", "dns-01", "_acme-challenge", "first"),
    Token("*.example.test", "dns-01", "_acme-challenge", "second"),
)


def token(domain, value="value"):
    return Token(domain, "dns-01", "_acme-challenge", value)


@pytest.fixture(params=[Bind, Knot])
def server(request, nameserver):
    return nameserver(request.param, aliases=ALIASES)


@pytest.fixture
def secret(tmp_path, server):
    path = tmp_path / "tsig-key"
    path.write_text(server.key.secret)
    path.chmod(0o600)
    return path


@pytest.fixture
def made(server, secret):
    def make(**keys):
        written = {
            "type": "dns-01",
            "provider": "rfc2136",
            "server": server.where,
            "key_name": server.key.name,
            "key": {"file": str(secret)},
            "resolver": server.where,
            **keys,
        }
        return challenges.make(Rfc2136.model_validate(written))

    return make


def test_two_values_stand_on_one_name_and_only_ours_are_taken_away(server, made):
    server.write(RECORD, "somebody else's")
    made().place(TOKENS)
    assert server.records(RECORD) == ["first", "second", "somebody else's"]
    made().remove(TOKENS[:1])
    assert server.records(RECORD) == ["second", "somebody else's"]
    made().remove(TOKENS)
    assert server.records(RECORD) == ["somebody else's"]


def test_placing_and_removing_may_be_repeated(server, made):
    for _ in range(2):
        made().place(TOKENS)
        assert server.records(RECORD) == ["first", "second"]
    for _ in range(2):
        made().remove(TOKENS)
        assert server.records(RECORD) == []


def test_a_name_with_many_values_and_names_of_several_zones_are_one_call(server, made):
    tokens = [token(f"n{number}.example.test", f"v{number}") for number in range(120)]
    tokens.append(token("acme.test", "other zone"))
    made().place(tokens)
    assert server.records("_acme-challenge.n119.example.test") == ["v119"]
    assert server.records("_acme-challenge.acme.test") == ["other zone"]
    made().remove(tokens)
    assert server.records("_acme-challenge.n0.example.test") == []
    assert server.records("_acme-challenge.acme.test") == []


def test_a_value_of_any_characters_is_written_as_it_is(server, made):
    odd = [token("q.example.test", 'a"b\\c; $ORIGIN x')]
    made().place(odd)
    assert server.records("_acme-challenge.q.example.test") == ['a"b\\c; $ORIGIN x']
    made().remove(odd)
    assert server.records("_acme-challenge.q.example.test") == []


def test_an_alias_leads_to_where_the_record_is_written(server, made):
    made().place([token("d.example.test")])
    assert server.records("d.acme.test") == ["value"]
    made().remove([token("d.example.test")])
    assert server.records("d.acme.test") == []


def test_a_wildcard_s_alias_is_no_place_for_records(server, made):
    """It leads to whom the names are served by, and gives way to the record that is written."""
    wild = [token("w.example.test")]
    made().place(wild)
    assert server.records("_acme-challenge.w.example.test") == ["value"]
    assert server.records("balancer.acme.test") == []
    made().place(wild)
    made().remove(wild)
    assert server.records("_acme-challenge.w.example.test") == []


REFUSALS = {
    "another secret": ({}, "has another secret for the TSIG key renewd"),
    "another name of the key": ({"key_name": "nobody"}, "knows no TSIG key nobody with hmac-sha256"),
    "another algorithm": ({"algorithm": "hmac-sha512"}, "knows no TSIG key renewd with hmac-sha512"),
    "another zone": ({"zone": "acme.test"}, "says that a record's name is not in the zone acme.test"),
    "a zone that is not served": ({"zone": "other.test"}, "other.test"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_told_by_what_it_means(server, made, secret, case):
    keys, words = REFUSALS[case]
    if case == "another secret":
        secret.write_text(Key().secret)
    with pytest.raises(ChallengeFailed) as caught:
        made(**keys).place(TOKENS)
    assert words in str(caught.value)
    assert server.where in str(caught.value)
    assert caught.value.remedy
    assert server.records(RECORD) == []


@pytest.mark.fault(98)
def test_no_refusal_tells_the_key(made, secret):
    key = Key().secret
    secret.write_text(key)
    with pytest.raises(TargetError) as caught:
        made().place(TOKENS)
    assert key[:12] not in f"{caught.value!r} {caught.value} {caught.value.remedy} {caught.value.__cause__!r}"


@pytest.mark.parametrize("text", ["not/base64!", "====", "x1z"])
def test_a_key_that_is_none_is_told_without_it(made, secret, text):
    secret.write_text(text)
    with pytest.raises(SecretUnusable, match="the TSIG key renewd is not written in base64") as caught:
        made().place(TOKENS)
    assert text not in str(caught.value)


def test_a_server_that_does_not_answer_is_asked_again_later(made):
    with pytest.raises(Temporary, match=r"127\.0\.0\.1:\d+ cannot be asked: connection refused"):
        made(server=f"127.0.0.1:{free_port()}", zone="example.test").place(TOKENS)


def test_aliases_in_a_circle_are_told_with_their_way(made):
    with pytest.raises(ChallengeFailed, match=r"lead in a circle: _acme-challenge.one.* → .*two.* → .*one"):
        made().place([token("one.example.test")])


def test_too_many_aliases_are_told(made):
    with pytest.raises(ChallengeFailed, match=r"more than 8 aliases \(CNAME\) one after the other"):
        made().place([token("h0.example.test")])


def test_what_fails_for_one_leaves_no_other_behind_and_keeps_none_from_being_removed(server, made):
    tokens = [*TOKENS, token("one.example.test")]
    with pytest.raises(ChallengeFailed):
        made().place(tokens)
    assert server.records(RECORD) == []
    made().place(TOKENS)
    with pytest.raises(ChallengeFailed):
        made().remove(tokens)
    assert server.records(RECORD) == []


def test_updates_that_change_nothing_else_and_live_as_long_as_asked(server, made):
    made(ttl="7m").place(TOKENS)
    query = dns.message.make_query(f"{RECORD}.", "TXT")
    answer = dns.query.tcp(query, server.address, port=server.port, timeout=5)
    assert answer.answer[0].ttl == 420


def test_a_domain_in_no_zone_is_told(nameserver, made, server):
    if isinstance(server, Knot):
        with pytest.raises(
            Temporary, match=r"cannot say what CNAME _acme-challenge.nowhere.invalid has: REFUSED"
        ):
            made().place([token("nowhere.invalid")])
    else:
        with pytest.raises(ChallengeFailed, match=r"no zone was found that _acme-challenge.nowhere.invalid"):
            made().place([token("nowhere.invalid")])
