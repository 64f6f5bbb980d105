"""RCL orders that are proved by TXT records: from the order to the live files, by real name servers."""

import json
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from renewd.challenges import dns_lookup
from renewd.renewal import events, passes, preflight
from renewd.renewal.leftovers import Left
from renewd.renewal.outages import IssuerPaused
from tests.nameservers import Bind, Knot, free_address
from tests.programs import renewd, until
from tests.world import World, results

NAME = "example.test,*.example.test"
RECORD = "_acme-challenge.example.test"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def server(nameserver):
    return nameserver(
        Knot,
        address=free_address(),
        port=53,
        aliases={"_acme-challenge.d.example.test": "d.acme.test"},
    )


@pytest.fixture
def script(tmp_path):
    def make(name, text):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o700)
        return str(path)

    return make


def challenge(world, server, **keys):
    secret = world.folder / "tsig-key"
    secret.write_text(server.key.secret)
    secret.chmod(0o600)
    world.sandbox.validator.resolver = server.where
    return {
        "type": "dns-01",
        "provider": "rfc2136",
        "server": server.where,
        "key_name": server.key.name,
        "key": {"file": str(secret)},
        "resolver": server.where,
        "wait": "10s",
        **keys,
    }


def entry(world, server, name=NAME, **keys):
    return world.entry(name, challenge=challenge(world, server, **keys))


def test_a_wildcard_and_its_domain_are_proved_by_two_values_of_one_record(world, server):
    world.sandbox.seed(NAME, days_left=None)
    context = world.context(entry(world, server, self_check="require"))
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}
    seen = world.told(events.Seen)
    assert [event.url for event in seen] == [f"TXT {RECORD}"] * 4, "before the order, and of the order"
    assert server.records(RECORD) == []


def test_the_command_line_proves_by_records_too(world, server):
    world.sandbox.seed(NAME, days_left=None)
    path = world.write(entry(world, server))
    ran = renewd(path, "renew")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert server.records(RECORD) == []


def test_a_record_elsewhere_is_written_where_the_alias_leads(world, nameserver):
    server = nameserver(Bind, aliases={"_acme-challenge.d.example.test": "d.acme.test"})
    world.sandbox.seed("d.example.test", days_left=None, challenge="DNS")
    context = world.context(entry(world, server, "d.example.test", self_check="off"))
    assert results(passes.run(context, context.loaded.targets)) == {"d.example.test": "renewed"}
    assert server.records("d.acme.test") == []


def test_what_a_failed_order_asked_for_is_taken_away(world, server, nameserver):
    world.sandbox.seed(NAME, days_left=None)
    context = world.context(entry(world, server))
    world.sandbox.validator.resolver = nameserver(Bind).where  # which has no such record
    outcomes = passes.run(context, context.loaded.targets)
    assert results(outcomes) == {NAME: "failed"}
    assert "DNS problem" in outcomes[0].why
    assert server.records(RECORD) == []


@pytest.mark.fault(59)
def test_what_a_crash_left_is_taken_away_by_the_next_start(world, server):
    world.sandbox.seed(NAME, days_left=None)
    path = world.write(entry(world, server))
    ran = crashed(path, world.folder, "states.proof.stand = lambda work: (stand(work), die(work))")
    assert ran.returncode == 9, ran.stdout + ran.stderr
    assert len(server.records(RECORD)) == 2
    ran = renewd(path, "renew")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert server.records(RECORD) == []
    assert world.calls(NAME, "order") == 1


@pytest.mark.fault(59)
def test_a_name_server_that_is_away_when_renewd_starts_again_costs_no_order(world, server, monkeypatch):
    monkeypatch.setattr(dns_lookup, "_SECONDS", 0.5)
    world.sandbox.seed(NAME, days_left=None)
    mine = entry(world, server)
    ran = crashed(world.write(mine), world.folder, "states.STATES[states.State.READY] = die")
    assert ran.returncode == 9, ran.stdout + ran.stderr
    server.stop()
    context = world.context(mine, patience=timedelta(0))
    outcome = passes.run(context, context.loaded.targets)[0]
    assert str(outcome.result) == "parked"
    assert f"{server.where} cannot" in outcome.why
    server.start()
    until(lambda: results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"})
    assert world.calls(NAME, "order") == 1
    assert server.records(RECORD) == []


def crashed(path, folder, where):
    """A renewal whose process is gone at once where the line says."""
    script = folder / "crash.py"
    script.write_text(
        "import os\nfrom renewd.renewal import states\nstand = states.proof.stand\n"
        f"def die(work):\n    os._exit(9)\n{where}\n"
        "from renewd.cli.main import main\nmain()\n"
    )
    return subprocess.run(
        [sys.executable, str(script), "--config", path, "renew"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def lagging(world, nameserver):
    """A primary, and a second authoritative server that never learns of a change."""
    second = free_address()
    primary = nameserver(Knot, address=free_address(), port=53, others=[second])
    nameserver(Knot, primary=primary, address=second, port=53)
    world.sandbox.seed(NAME, days_left=None)
    return primary, f"no such record on ns2.example.test ({second})"


def test_a_server_that_lags_is_told_and_the_ca_is_asked_all_the_same(world, lagging):
    primary, lacks = lagging
    context = world.context(entry(world, primary, wait="1s"))
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}
    assert [event.saw for event in world.told(events.Unseen)] == [lacks]


def test_a_server_that_lags_ends_the_try_where_that_is_asked_for(world, lagging):
    primary, lacks = lagging
    context = world.context(entry(world, primary, wait="1s", self_check="require"))
    outcome = passes.run(context, context.loaded.targets)[0]
    assert str(outcome.result) == "failed"
    assert outcome.why == f"renewd itself sees {lacks} at TXT {RECORD}"
    assert world.calls(NAME, "order") == 0
    assert primary.records(RECORD) == []


def test_who_is_asked_to_stop_while_waiting_for_servers_leaves_and_goes_on_later(world, lagging):
    primary, _ = lagging
    context = world.context(entry(world, primary, wait="1h"))
    leaving = threading.Thread(target=lambda: (until(lambda: world.told(events.Placed)), context.stop.set()))
    leaving.start()
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "parked"}
    leaving.join()
    assert len(primary.records(RECORD)) == 2
    context = world.context(entry(world, primary, self_check="off"))
    until(lambda: results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"})
    assert world.calls(NAME, "order") == 1
    assert primary.records(RECORD) == []


def test_preflight_writes_a_record_sees_it_and_takes_it_away(world, server):
    world.sandbox.seed(NAME, days_left=None)
    ran = renewd(world.write(entry(world, server)), "preflight", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = [finding["what"] for finding in json.loads(ran.stdout)["findings"]]
    assert "challenge records can be written, and taken away again" in said
    assert f"a challenge record is seen: TXT {RECORD}, the right answer from the authoritative server" in said
    assert server.records(RECORD) == []


def test_a_wrong_key_is_told_at_preflight_and_costs_no_order(world, server, nameserver):
    world.sandbox.seed(NAME, days_left=None)
    mine = entry(world, server)
    other = nameserver(Knot)
    (world.folder / "tsig-key").write_text(other.key.secret)
    context = world.context(mine)
    target = context.loaded.targets[0]
    found = [each for each in preflight.look(context, target) if each.level == "blocks"]
    assert [each.what for each in found] == [
        f"the challenge cannot be placed: the name server {server.where} has another secret for the TSIG key renewd"
    ]
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "failed"}
    assert world.calls(NAME, "order") == 0


@pytest.mark.fault(29)
def test_a_key_that_the_name_server_does_not_take_is_no_reason_to_leave_the_ca_alone(
    world, server, nameserver
):
    names = [f"{number}.example.test" for number in range(6)]
    for name in names:
        world.sandbox.seed(name, days_left=None)
    mine = [entry(world, server, name) for name in names]
    (world.folder / "tsig-key").write_text(nameserver(Knot).key.secret)
    context = world.context(*mine, world.entry("z.example.test"))
    world.sandbox.seed("z.example.test", days_left=None)
    found = results(passes.run(context, context.loaded.targets))
    assert found == dict.fromkeys(names, "failed") | {"z.example.test": "renewed"}
    assert not world.told(IssuerPaused)
    assert [context.journal.last(name).failure.kind for name in names] == ["NotPlaced"] * len(names)


def test_a_name_server_that_is_away_when_a_record_is_to_go_costs_no_certificate_and_is_told_and_tried_again(
    world, server, monkeypatch
):
    monkeypatch.setattr(dns_lookup, "_SECONDS", 0.5)
    world.sandbox.seed(NAME, days_left=None)
    context = world.context(entry(world, server))
    context.emit = lambda event: (
        world.events.append(event),
        server.stop() if isinstance(event, events.Issued) else None,
    )
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}
    (left,) = world.told(Left)
    assert left.what.count(f"TXT {RECORD} = ") == 2
    assert f"{server.where} cannot" in left.why
    why = " ".join(renewd(str(world.folder / "config.yaml"), "why", NAME).stdout.split())
    assert "still stands" in why
    server.start()
    assert len(server.records(RECORD)) == 2
    passes.run(context, context.loaded.targets)
    assert server.records(RECORD) == []
    assert "still stands" not in renewd(str(world.folder / "config.yaml"), "why", NAME).stdout
    assert len(world.told(Left)) == 1


def test_a_hook_that_does_not_clean_up_costs_no_certificate(world, server, script):
    """Many come from certbot with one that fails: certbot only notes it."""
    world.sandbox.seed(NAME, days_left=None, validated=True)
    present = script("present", "printf %s \"$CERTBOT_VALIDATION\" | grep -qE '^[A-Za-z0-9_-]{43}$'")
    commands = {"present": present, "cleanup": "/bin/false", "resolver": server.where, "self_check": "off"}
    context = world.context(world.entry(NAME, challenge={"type": "dns-01", **commands}))
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}
    (left,) = world.told(Left)
    assert "/bin/false` ended with 1" in left.why
    found = preflight.look(context, context.loaded.targets[0])
    assert [each.level for each in found if "cannot be taken away again" in each.what] == ["warns"]
    assert not preflight.blocks(found)


def test_an_order_for_records_where_files_are_configured_is_told_with_them(world):
    world.sandbox.seed("a.example.test", days_left=None, challenge="DNS")
    context = world.context("a.example.test")
    outcome = passes.run(context, context.loaded.targets)[0]
    assert "a TXT record _acme-challenge.a" in outcome.why
