"""V8 orders that are proved by TXT records: they stand until the CA has looked, which is some time after it was asked."""

from datetime import timedelta

import pytest

from renewd.renewal import passes
from tests.nameservers import Bind
from tests.world import World

NAME = "example.test,*.example.test"
RECORD = "_acme-challenge.example.test"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, v8=True)
    yield made
    made.close()


def test_two_values_of_one_record_stand_until_it_was_issued_and_then_go(world, nameserver):
    server = nameserver(Bind)
    secret = world.folder / "tsig-key"
    secret.write_text(server.key.secret)
    secret.chmod(0o600)
    world.sandbox.validator.resolver = server.where
    challenge = {
        "type": "dns-01",
        "provider": "rfc2136",
        "server": server.where,
        "key_name": server.key.name,
        "key": {"file": str(secret)},
        "resolver": server.where,
        "self_check": "off",
    }
    world.sandbox.seed(NAME, days_left=None, challenge="HTTP")
    context = world.context(world.entry(NAME, challenge=challenge), patience=timedelta())
    (outcome,) = passes.run(context, context.loaded.targets)
    assert outcome.result == "renewed", outcome.why
    assert world.calls(NAME, "schedule") == 1
    assert [job["ended"] for job in world.sandbox.state()["scheduled"]] == ["issued"]
    assert server.records(RECORD) == []
