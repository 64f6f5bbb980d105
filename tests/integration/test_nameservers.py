"""The name servers that other tests build on do what those tests expect of them."""

import shlex
import subprocess

import dns.message
import dns.query
import pytest

from tests.nameservers import Bind, Key, Knot, free_address
from tests.programs import until

RECORD = "_acme-challenge.a.example.test"


@pytest.fixture(params=[Bind, Knot])
def either(request, nameserver):
    return nameserver(request.param)


def addresses(server, name):
    query = dns.message.make_query(f"{name}.", "A")
    found = dns.query.udp(query, server.address, timeout=5, port=server.port).answer
    return [record.address for each in found for record in each]


def test_every_name_of_its_zones_is_this_machine(either):
    assert addresses(either, "any.example.test") == addresses(either, "acme.test") == ["127.0.0.1"]


def test_records_are_written_and_taken_away_by_signed_updates(either):
    either.write(RECORD, "one", "two")
    assert either.records(RECORD) == ["one", "two"]
    either.write(RECORD)
    assert either.records(RECORD) == []


def test_a_name_below_which_a_record_stands_keeps_its_address_where_that_is_asked_for(nameserver):
    server = nameserver(Bind, hosts=["a.example.test"])
    server.write(RECORD, "one")
    assert addresses(server, "a.example.test") == ["127.0.0.1"]


def test_its_configuration_is_one_that_the_server_itself_finds_right(either):
    subprocess.run(shlex.split(either.check_command), check=True, stdin=subprocess.DEVNULL, timeout=30)


def test_another_key_is_refused(either):
    either.key = Key()
    with pytest.raises(Exception, match=r"TSIG|BADSIG|signature|peer"):
        either.write(RECORD, "one")


def test_bind_follows_an_alias_into_another_zone(nameserver):
    server = nameserver(Bind, aliases={"_acme-challenge.d.example.test": "d.acme.test"})
    server.write("d.acme.test", "there")
    assert server.records("_acme-challenge.d.example.test") == ["there"]


@pytest.mark.parametrize("kind", [Bind, Knot])
def test_a_secondary_learns_of_a_change_only_when_it_is_told(nameserver, kind):
    primary = nameserver(kind)
    lagging = nameserver(kind, primary=primary)
    primary.write(RECORD, "new")
    assert lagging.records(RECORD) == []
    lagging.hear()
    until(lambda: lagging.records(RECORD) == ["new"])


@pytest.mark.parametrize("kind", [Bind, Knot])
def test_a_primary_tells_its_secondary(nameserver, kind):
    following = nameserver(kind, start=False)
    primary = nameserver(kind, tells=[following])
    secondary = nameserver(kind, primary=primary, port=following.port)
    primary.write(RECORD, "new")
    until(lambda: secondary.records(RECORD) == ["new"])


def test_servers_stand_on_port_53_of_addresses_of_their_own_and_name_each_other(nameserver):
    second = free_address()
    primary = nameserver(Knot, address=free_address(), port=53, others=[second])
    secondary = nameserver(Knot, primary=primary, address=second, port=53)
    assert addresses(secondary, "ns1.example.test") == [primary.address]
    assert addresses(primary, "ns2.example.test") == [secondary.address]
