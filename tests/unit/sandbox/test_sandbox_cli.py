"""`renewd sandbox` and its subcommands."""

import json
import os
import signal
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from renewd.cli import sandbox as commands
from renewd.config.model import Configuration
from renewd.errors import RenewdError, UsageError


def run(*words):
    return CliRunner().invoke(commands.sandbox, words, catch_exceptions=False).output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_a_configuration_and_runs_until_it_is_stopped(tmp_path, number):
    directory = tmp_path / "sandbox"
    program = "from renewd.cli.sandbox import sandbox; sandbox()"
    words = ["--directory", str(directory), "--name", "a.example", "--name", "*.b.example", "--ready"]
    arguments = [sys.executable, "-c", program, *words, "--slow", "0.01", "--fault", "order:status=500"]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr
        said = list(iter(process.stderr.readline, "Ctrl-C stops it.\n"))
        url = said[0].split()[4].strip(";")
        state = json.loads(run("state", "--url", url))
        armed = run("fault", "--url", url, "certificate:drip=1:always")
        process.send_signal(number)
        printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [held["name"] for held in state["certificates"]] == ["a.example", "*.b.example"]
    assert "armed  order:status=500:1\n" in armed
    assert "armed  finalize:delay=0.01:always\n" in armed
    assert "armed  schedule:delay=0.01:always\n" in armed
    assert [line.split()[-1] for line in said[1:3]] == [f"{url}/public", f"{url}/prod/v3"]
    assert "armed  certificate:drip=1:always\n" in armed
    assert (directory / "config.yaml").read_text() == printed
    Configuration.model_validate(yaml.safe_load(printed))


def test_certificates_are_seeded_by_command(sandbox):
    said = run("seed", "--url", sandbox.origin, "a.example", "b.example", "--days-left", "10", "--ready")
    assert "a.example  expires 2026-12-03" in said
    assert [held["name"] for held in sandbox.state()["certificates"]] == ["a.example", "b.example"]
    assert sandbox.portal.order("b.example").status == "ready"


def test_faults_are_listed_with_what_they_do_and_cleared(sandbox):
    run("fault", "--url", sandbox.origin, "finalize:lose-reply:2")
    said = run("fault", "--url", sandbox.origin)
    assert said.startswith("armed  finalize:lose-reply:2\n")
    assert "lose-reply         does it, then closes without a byte\n" in said
    assert run("fault", "--url", sandbox.origin, "--clear") == ""
    assert sandbox.faults.armed() == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--fault", "nonsense"], "CALL:FAULT"),
        (["--fault", "order:milk"], "'milk' is no fault"),
        (["--name", "a b.example"], "'a b.example' cannot be in the portal"),
    ],
)
def test_a_wish_that_makes_no_sense_is_told_before_anything_runs(tmp_path, words, says):
    with pytest.raises(UsageError) as caught:
        run("--directory", str(tmp_path), *words)
    assert says in str(caught.value)


def test_a_taken_port_is_told(sandbox):
    with pytest.raises(RenewdError, match="cannot start") as caught:
        run("--port", sandbox.origin.rpartition(":")[2])
    assert "another port" in caught.value.remedy


def test_the_demo_wants_a_folder_of_its_own(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        CliRunner().invoke(commands.demo, ["--directory", str(tmp_path)], catch_exceptions=False)
    assert os.listdir(tmp_path) == ["mine"]
