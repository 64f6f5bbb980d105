"""Certificates of a real ACME server that reads the records where any CA would: at the zone's own name server."""

import shlex

import pytest

from renewd.config import load
from renewd.renewal import events, passes
from renewd.renewal.context import Context
from tests.nameservers import Bind
from tests.powerdns import PowerDns
from tests.world import World, results

NAME = "example.test"
WILD = [NAME, "*.example.test"]
RECORD = "_acme-challenge.example.test"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def secret(world):
    path = world.folder / "secret"
    path.touch(mode=0o600)
    return path


@pytest.fixture
def renewed(world, pebble):
    """A certificate whose records are written so, and read by Pebble at a name server."""

    def renew(challenge, dns, *domains):
        server = pebble(dns=dns, certificateValidityPeriod=90 * 86400)
        roots = world.folder / "roots.pem"
        roots.write_bytes(server.roots())
        issuer = {
            "type": "acme",
            "directory": server.directory_url,
            "agree_terms": True,
            "ca_file": str(server.ca_file),
            "trust": {"file": str(roots)},
        }
        entry = world.entry(NAME, challenge={"type": "dns-01", **challenge}, domains=list(domains))
        context = Context(load.load(world.write(entry, issuers={"ca": issuer})), emit=world.events.append)
        try:
            outcomes = passes.run(context, context.loaded.targets)
            assert results(outcomes) == {NAME: "renewed"}, outcomes
        finally:
            context.close()

    return renew


def test_a_wildcard_is_issued_by_a_provider_s_api(world, tmp_path_factory, _servers, secret, renewed):  # noqa: PT019
    server = PowerDns(tmp_path_factory.mktemp("powerdns"))
    _servers.append(server)
    server.start()
    secret.write_text(server.token)
    challenge = {
        "provider": "powerdns",
        "pdns_server": server.api,
        "auth_token": {"file": str(secret)},
        "resolver": server.where,
        "self_check": "require",
    }
    renewed(challenge, server.where, *WILD)
    assert len(world.told(events.Seen)) == 4, "before the order, and of the order"
    assert server.records(RECORD) == []


def test_records_elsewhere_prove_names_that_lead_there(nameserver, secret, renewed):
    aliases = {RECORD: "d.acme.test", "_acme-challenge.www.example.test": "d.acme.test"}
    server = nameserver(Bind, aliases=aliases)
    secret.write_text(server.key.secret)
    challenge = {
        "provider": "rfc2136",
        "server": server.where,
        "key_name": server.key.name,
        "key": {"file": str(secret)},
        "resolver": server.where,
        "self_check": "off",
    }
    renewed(challenge, server.where, *WILD, "www.example.test")
    assert server.records("d.acme.test") == []


def test_commands_of_one_s_own_prove_a_wildcard(nameserver, world, secret, renewed):
    server = nameserver(Bind)
    update = (
        f"printf 'server {server.address} {server.port}\\nzone example.test\\nupdate %s\\nsend\\n' "
        '"$1 $RENEWD_CHALLENGE_NAME. $2 TXT $RENEWD_CHALLENGE_VALUE" | '
        f"knsupdate -y {server.key.algorithm}:{server.key.name}:{server.key.secret}\n"
    )
    script = secret.with_name("update")
    script.write_text(f"#!/bin/sh\nset -e\n{update}")
    script.chmod(0o700)
    challenge = {
        "present": shlex.join([str(script), "add", "60"]),
        "cleanup": shlex.join([str(script), "delete", ""]),
        "resolver": server.where,
        "self_check": "off",
    }
    renewed(challenge, server.where, *WILD)
    assert server.records(RECORD) == []
