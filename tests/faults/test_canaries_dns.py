"""The secrets of DNS challenges are planted, things go well and wrong, and nothing of them is found anywhere."""

import traceback

import pytest

from renewd.renewal import passes
from renewd.report import log
from tests.clocks import FakeClock
from tests.faults.hostile.canaries import Canaries
from tests.nameservers import Key, Knot, free_address
from tests.powerdns import PowerDns
from tests.programs import renewd
from tests.world import World

KEEPERS = ("privkey", "combined", "material", ".pfx", "api-key", "secret-")  # files that hold one, and are to


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, FakeClock())
    yield made
    made.close()


@pytest.fixture
def provider(tmp_path_factory, _servers):
    made = PowerDns(tmp_path_factory.mktemp("powerdns"))
    _servers.append(made)
    made.start()
    return made


def hidden(world, name, text):
    path = world.folder / f"secret-{name}"
    path.write_text(text)
    path.chmod(0o600)
    return {"file": str(path)}


def updates(world, server, secret):
    return {
        "type": "dns-01",
        "provider": "rfc2136",
        "server": server.where,
        "key_name": "renewd",
        "key": secret,
        "resolver": server.where,
        "wait": "2s",
    }


def api(provider, secret, **keys):
    return {
        "type": "dns-01",
        "provider": "powerdns",
        "auth_token": secret,
        "pdns_server": provider.api,
        "resolver": provider.where,
        "wait": "2s",
        **keys,
    }


@pytest.mark.fault(98)
def test_no_secret_of_a_challenge_is_told(world, nameserver, provider, logged):
    server = nameserver(Knot, address=free_address(), port=53)
    wrong = Key().secret
    canaries = Canaries()
    canaries.add("TSIG key", server.key.secret)
    canaries.add("wrong TSIG key", wrong)
    canaries.add("token", provider.token)
    right = hidden(world, "tsig", server.key.secret)
    token = hidden(world, "token", provider.token)
    challenges = {
        "a.example.test": updates(world, server, right),
        "b.example.test": updates(world, server, hidden(world, "wrong", wrong)),
        "c.example.test": api(provider, token, self_check="require"),
    }
    challenges |= {
        "d.example.test": api(provider, token, pdns_server="http://127.0.0.1:1"),
        "e.example.test": api(provider, token, zone="other.test"),
    }
    entries = [world.entry(name, challenge=challenge) for name, challenge in challenges.items()]
    for name in challenges:
        world.sandbox.seed(name, days_left=None, challenge="DNS")
    world.sandbox.validator.resolver = server.where
    write = log.subscriber()
    context = world.context(*entries)
    outcomes = passes.run(context, context.loaded.targets)
    shown = [repr(outcomes), repr(context.loaded)]
    assert [outcome.result for outcome in outcomes].count("renewed") == 1
    for event in world.events:
        write(event)
        shown.append(repr(event))
    for target in context.loaded.targets:
        try:
            context.challenge(target).place([])
            shown.append(repr(vars(context.challenge(target))))
        except Exception as error:  # noqa: BLE001 - its words are what is looked at
            shown.append("".join(traceback.format_exception(error)))
    context.close()
    path = world.write(*entries)
    for command in (["preflight", "--json"], ["renew", "a.example.test", "b.example.test"]):
        ran = renewd(path, *command, env={"RENEWD_DEBUG": "1"})
        shown += [ran.stdout, ran.stderr]
    assert "has another secret for the TSIG key renewd" in "".join(shown)
    assert canaries.found(*shown, logged.getvalue()) == set()
    kept = [
        each
        for each in world.folder.rglob("*")
        if each.is_file() and not any(keeper in each.name for keeper in KEEPERS)
    ]
    assert {each.name for each in kept if canaries.found(each.read_bytes())} == set()
