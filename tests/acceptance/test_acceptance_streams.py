"""Standard output and error as callers leave them: closed, full, a pipe nobody reads, or without our characters."""

import json
import os
import subprocess
import sys

import pytest

from tests.programs import LONG, renewd
from tests.world import World

A = "a.example"
READING = (
    ["check"],
    ["check", "--json"],
    ["status"],
    ["history"],
    ["history", "--json"],
    ["why", A],
    ["preflight"],
    ["validate"],
    ["renew"],
    ["--help"],
)
PLAIN = [
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"COLUMNS": "1"},
    {"COLUMNS": "many"},
    {"NO_COLOR": "1", "TERM": "dumb"},
]


def seeded(world: World, **wishes: object) -> str:
    world.sandbox.seed(A, **{"days_left": 80, **wishes})
    path = world.write(A)
    renewd(path, "renew")
    return path


def shell(path: str, *args: str, redirected: str) -> subprocess.CompletedProcess[str]:
    line = " ".join([sys.executable, "-m", "renewd", *args, redirected])
    return subprocess.run(
        ["bash", "-c", "set -o pipefail; " + line],
        env={**os.environ, "RENEWD_CONFIG": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


@pytest.mark.parametrize("environment", PLAIN, ids=str)
def test_every_command_speaks_wherever_it_is(world: World, environment: dict[str, str]):
    path = seeded(world)
    for args in READING:
        said = renewd(path, *args, env=environment)
        assert said.returncode == 0, (args, said.stderr)
        if "--json" in args:
            json.loads(said.stdout)


@pytest.mark.parametrize(
    ("redirected", "code"), [(">&-", 0), ("2>&-", 0), (">&- 2>&-", 0), ("2>/dev/full", 0), (">/dev/full", 1)]
)
def test_what_cannot_be_printed_is_no_traceback(world: World, redirected: str, code: int):
    path = seeded(world)
    for args in READING:
        said = shell(path, *args, redirected=redirected)
        assert said.returncode == code, (args, said.stderr)
        assert len(said.stderr.splitlines()) <= 1
        assert "Traceback" not in said.stderr


@pytest.mark.parametrize("redirected", [">/dev/full", "| true", ">&-"])
def test_a_renewal_does_not_depend_on_who_listens(world: World, redirected: str):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    shell(path, "renew", redirected=redirected)
    assert renewd(path, "check").returncode == 0
    assert world.calls(A, "order") == world.calls(A, "finalize") == 1


def test_a_failure_is_told_by_the_exit_code_though_nobody_reads(world: World):
    assert shell(world.write(A), "renew", redirected="| true").returncode == 1


def test_a_state_directory_that_is_a_file_is_told_in_a_line_or_two(world: World):
    path = world.write(A)
    state = world.folder / "sandbox" / "state"
    if state.exists():
        state.rmdir()
    state.write_text("")
    for command in ("renew", "preflight", "deploy", "recover", "run"):
        said = renewd(path, command)
        assert said.returncode == 1
        assert "defect" not in said.stderr
        assert str(state) in said.stderr
