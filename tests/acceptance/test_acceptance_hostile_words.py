"""What a service says is shown as what it is, and never obeyed by a terminal or taken for a line of ours."""

import json

import pytest

from tests.programs import renewd
from tests.world import World

NAME = "contoso.com"
EVIL = "no\r\nrenewed  contoso.com\x1b[2J\x1b]0;x\x07 \u202egnorw\u2066 \x9b31m \u2028 \ufeff" + "x" * 5000
COMMANDS = (
    ("renew", NAME), ("status",), ("status", "--json"), ("history",), ("history", "--json"), ("history", NAME),
    ("why", NAME), ("why", NAME, "--json"), ("check",), ("check", "--json"),
)  # fmt: skip


@pytest.mark.fault(100)
@pytest.mark.parametrize("call", ["certificate", "order"])
def test_nothing_that_a_service_says_is_obeyed(world: World, call: str):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault(call, f"text-400={EVIL}", None)
    path = world.write(NAME)
    told = 0
    for command in COMMANDS:
        ran = renewd(path, *command)
        for line in (ran.stdout + ran.stderr).split("\n"):
            assert line.isprintable(), (command, line)
            assert not line.startswith("renewed"), command
            assert len(line) < 3000, command
        if "--json" in command and ran.stdout:
            json.loads(ran.stdout)
        told += "x" * 100 in ran.stdout + ran.stderr
    assert told
