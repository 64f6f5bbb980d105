"""What is known of CAA records where no name server can be asked, and of what a CA says that is of no use."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from renewd.challenges import caa_records
from renewd.config import load
from renewd.renewal import permission
from renewd.renewal.context import Context
from renewd.renewal.findings import Finding
from tests.hostile_ca import Ca, hostile_ca
from tests.servers import free_port
from tests.world import World

A = "a.example"


@pytest.fixture
def ca() -> Iterator[Ca]:
    with hostile_ca() as found:
        yield found


def context_at(world: World, ca: Ca, **keys: Any) -> Context:
    """Nobody listens at its name server."""
    unheard = f"127.0.0.1:{free_port()}"
    records = {"type": "dns-01", "present": "true", "resolver": unheard, "self_check": "off"}
    issuer = {"type": "acme", "directory": ca.url, "agree_terms": True, "trust": "none"}
    path = world.write(world.entry(A, **{"challenge": records, **keys}), issuers={"ca": issuer})
    made = Context(load.load(path), clock=world.clock, emit=world.events.append)
    world._contexts.append(made)
    return made


def look(context: Context) -> list[Finding]:
    return list(permission.look(context, context.loaded.targets[0], "ca"))


def test_without_dnspython_that_is_told_and_nothing_is_stopped(
    world: World, ca: Ca, monkeypatch: pytest.MonkeyPatch
):
    ca.meta = {"caaIdentities": ["ca.example"]}
    context = context_at(world, ca)
    monkeypatch.setitem(sys.modules, "dns", None)
    (found,) = look(context)
    assert found.level == "ok"
    assert "pip install 'renewd[dns]'" in found.what
    permission.insist(context, context.loaded.targets[0], "ca")


def test_a_name_server_that_is_away_warns_of_a_few_names_and_stops_nothing(
    world: World, ca: Ca, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(caa_records, "_SECONDS", 0.2)
    ca.meta = {"caaIdentities": ["ca.example"]}
    names = [A, *(f"{number}.example" for number in range(5))]
    context = context_at(world, ca, domains=names)
    (found,) = look(context)
    assert (found.level, found.passing) == ("warns", True)
    assert found.what.endswith(", and 3 names more")
    permission.insist(context, context.loaded.targets[0], "ca")
    assert [told.issuer for told in world.told(permission.Unread)] == ["ca"]


def test_an_address_has_no_records_that_could_be_asked_for(world: World, ca: Ca):
    ca.meta = {"caaIdentities": ["ca.example"]}
    file = {"type": "http-01", "listen": "127.0.0.1:8402"}
    assert look(context_at(world, ca, challenge=file, domains=["192.0.2.1", "2001:db8::1"])) == []


@pytest.mark.parametrize("named", [None, [], "ca.example", {"a": 1}, [1, None, ""]], ids=str)
def test_what_a_ca_says_that_is_no_list_of_names_is_no_name(world: World, ca: Ca, named: Any):
    ca.meta = {"caaIdentities": named}
    assert look(context_at(world, ca)) == []
