"""A name that is taken out of the configuration, and what is known of it afterwards, from the command line."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from renewd.cli import remote
from renewd.config import load
from renewd.install import intents, sites, switching
from renewd.install.installer import Installer, Source
from tests.certificates import Authority
from tests.programs import LONG, renewd, running, until
from tests.world import World

A, B = "a.example", "b.example"
TRACE = "Traceback"


class Home:
    """A in a folder, B at fixed paths, both renewed; `taken_out` leaves A alone in the file."""

    def __init__(self, world: World, **keys: Any) -> None:
        self.world, self.keys = world, keys
        for name in (A, B):
            world.sandbox.seed(name, days_left=None)
        live = world.folder / "live"
        self.fullchain, self.key = live / "b.pem", live / "b.key"
        self.b = world.entry(B, install={"files": {"fullchain": str(self.fullchain), "key": str(self.key)}})
        self.path = world.write(A, self.b, **keys)
        self.state = world.folder / "sandbox" / "state"

    def renewed(self) -> "Home":
        done = renewd(self.path, "renew")
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def taken_out(self) -> "Home":
        self.world.write(A, **self.keys)
        return self

    def put_in(self) -> "Home":
        self.world.write(A, self.b, **self.keys)
        return self

    def attempts(self, *name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(renewd(self.path, "history", *name, "--json").stdout)[
            "attempts"
        ]
        return found

    def kept(self) -> list[str]:
        """What of B lies in the state directory."""
        return [path.name for path in self.state.rglob(f"*{B}*")]


@pytest.fixture
def home(world: World) -> Home:
    return Home(world)


def test_what_is_known_goes_and_the_live_files_stay_byte_for_byte(home: Home):
    home.renewed().taken_out()
    live = home.world.files()
    done = renewd(home.path, "forget", B)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{B} is forgotten:\n  1 attempt\n")
    assert str(home.state / "store" / B) in done.stdout
    assert "Live files stay as they are." in done.stdout
    assert home.world.files() == live
    assert {"b.pem", "b.key"} < live.keys()
    assert home.kept() == []
    assert [attempt["name"] for attempt in home.attempts()] == [A]
    assert B not in renewd(home.path, "status").stdout
    for command in ("history", "why", "forget"):
        again = renewd(home.path, command, B)
        assert again.returncode == 2
        assert B in again.stderr
    assert renewd(home.path, "check").returncode == 0


def test_until_then_its_history_is_told_and_what_to_do(home: Home):
    home.renewed().taken_out()
    told = renewd(home.path, "history", B)
    assert told.returncode == 0
    assert f"{B}  renewal by sandbox: renewed" in told.stdout
    assert [attempt["outcome"] for attempt in home.attempts(B)] == ["renewed"]
    for command in ("status", "why"):
        asked = renewd(home.path, command, B)
        assert asked.returncode == 2
        assert asked.stderr.splitlines() == [
            f"renewd: '{B}' is not watched any more",
            f"  what was tried: renewd history '{B}'; to drop that: renewd forget '{B}'",
        ]


def test_a_dry_run_says_what_would_go_and_changes_nothing(home: Home):
    home.renewed().taken_out()
    before = home.world.files("sandbox/state/store")
    done = renewd(home.path, "forget", B, "--dry-run")
    assert done.returncode == 0
    assert done.stdout.startswith(f"{B} would be forgotten:\n  1 attempt\n")
    assert home.world.files("sandbox/state/store") == before
    assert len(home.attempts(B)) == 1


def test_a_slip_of_the_pen_is_told_with_what_could_be_meant(home: Home):
    home.renewed().taken_out()
    wrong = renewd(home.path, "forget", "b.exmaple")
    assert wrong.returncode == 2
    assert f"did you mean {B}?" in wrong.stderr
    assert A not in wrong.stderr
    assert home.kept()


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_what_is_still_watched_is_2_and_says_what_to_do(home: Home, option: list[str]):
    home.renewed()
    refused = renewd(home.path, "forget", "B.Example", *option)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "still watched" in refused.stderr
    assert home.path in refused.stderr
    assert home.kept()


def test_the_limits_are_not_passed_by_forgetting(home: Home):
    home.renewed()
    before = renewd(home.path, "why", B).stdout
    told = renewd(home.taken_out().path, "forget", B).stdout
    assert "What was spent of the CA's limits counts until" in told
    after = renewd(home.put_in().path, "why", B).stdout
    for said in (before, after):
        assert "2 of 3 certificates left this week, 9 of 10 orders today" in said
    assert home.attempts(B) == []


def test_watched_again_it_begins_with_the_files_that_are_live(home: Home):
    home.renewed().taken_out()
    renewd(home.path, "forget", B)
    live = home.world.files()
    assert renewd(home.put_in().path, "renew").returncode == 0
    assert home.world.files() == live, "nothing is due"
    forced = renewd(home.path, "renew", "--force", B)
    assert forced.returncode == 0, forced.stdout
    assert home.fullchain.read_bytes() != live["b.pem"]
    assert renewd(home.path, "rollback", B).returncode == 0
    assert home.fullchain.read_bytes() == live["b.pem"]


def test_while_another_process_works_on_it_it_is_1_and_nothing_is_lost(home: Home):
    home.renewed()
    home.world.sandbox.fault("finalize", "delay-reply=300")
    calls = home.world.calls(B, "finalize")
    command = [sys.executable, "-m", "renewd", "--config", home.path, "renew", B, "--force"]
    busy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: home.world.calls(B, "finalize") > calls)
        refused = renewd(home.taken_out().path, "forget", B)
        assert refused.returncode == 1
        assert f"{B}: another renewd works on it: process {busy.pid}" in refused.stderr
        assert len(home.attempts(B)) == 2
    finally:
        busy.kill()
        busy.wait(LONG)
    assert renewd(home.path, "forget", B).returncode == 0, "what it left under way goes with the rest"
    assert home.kept() == []


def interrupted(home: Home) -> None:
    """As after a power cut: a later version is whole, and the switch to it was announced."""
    loaded = load.load(home.path)
    (target,) = [one for one in loaded.targets if one.name == B]
    installer = Installer(str(home.state), home.world.clock)
    version = installer.stage(target, Authority.new().issue(B).bundle, Source("sandbox"))
    intents.write(str(home.state), switching.plan(B, target.slug, sites.of(target, str(home.state)), version))
    home.key.unlink()


def test_an_interrupted_switch_is_ended_before_anything_is_forgotten(home: Home):
    interrupted(home.renewed())
    assert renewd(home.taken_out().path, "forget", B).returncode == 0
    leaf = load_pem_x509_certificate(home.fullchain.read_bytes())
    key = load_pem_private_key(home.key.read_bytes(), None)
    assert leaf.public_key() == key.public_key()
    assert home.kept() == []


def test_one_that_cannot_be_ended_is_1_and_keeps_what_could_end_it(home: Home):
    interrupted(home.renewed())
    home.key.mkdir()
    refused = renewd(home.taken_out().path, "forget", B)
    assert refused.returncode == 1
    assert "interrupted" in refused.stderr
    assert "renewd recover" in refused.stderr
    assert TRACE not in refused.stderr
    assert (home.state / "store" / B).exists()
    home.key.rmdir()
    assert renewd(home.path, "recover").returncode == 0
    assert renewd(home.path, "forget", B).returncode == 0


@pytest.fixture
def daemon(home: Home) -> Callable[..., Any]:
    """The daemon, which has renewed both; commands are run by it."""
    address = {remote.ADDRESS: str(home.world.folder / "socket")}
    return lambda: running(home.path, env=address)


def typed(home: Home, *argv: str) -> "subprocess.CompletedProcess[str]":
    return renewd(home.path, *argv, env={remote.ADDRESS: str(home.world.folder / "socket")})


def watched(home: Home) -> str:
    facts = Path(home.state / "daemon.json")
    return str(json.loads(facts.read_text())["watched"]) if facts.exists() else ""


def test_beside_a_daemon_it_is_run_by_it_once_it_has_read_the_file_again(home: Home, daemon):
    with daemon() as process:
        process.wait_for("pass.ended")
        until(lambda: watched(home))
        before = watched(home)
        home.taken_out()
        process.signal(signal.SIGHUP)
        process.wait_for("configuration.reloaded")
        until(lambda: watched(home) != before)
        live = home.world.files()
        done = typed(home, "forget", B)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{B} is forgotten" in done.stdout
        assert home.kept() == []
        assert home.world.files() == live
        assert [attempt["name"] for attempt in home.attempts()] == [A]
        assert typed(home, "renew", A, "--force").returncode == 0, "the daemon lives on"
        assert process.end() == 0
    assert B not in (home.state / "daemon.json").read_text()


def test_a_daemon_that_was_not_told_is_told_of(home: Home, daemon):
    with daemon() as process:
        process.wait_for("pass.ended")
        until(lambda: watched(home))
        home.taken_out()
        done = typed(home, "forget", B)
        assert done.returncode == 0
        assert f"the daemon (pid {process.process.pid}) still watches" in done.stderr
        assert "SIGHUP" in done.stderr
        assert process.end() == 0


@pytest.fixture
def shared(world: World, postgres) -> Home:
    """Whose journal is in a server."""
    return Home(world, state=postgres.empty())


def test_it_is_the_same_where_the_journal_is_shared(shared: Home):
    shared.renewed().taken_out()
    live = shared.world.files()
    assert renewd(shared.path, "history", B).returncode == 0
    done = renewd(shared.path, "forget", B)
    assert done.returncode == 0, done.stderr
    assert [attempt["name"] for attempt in shared.attempts()] == [A]
    assert shared.world.files() == live
    assert shared.kept() == []
    assert renewd(shared.path, "forget", B).returncode == 2
    assert "2 of 3 certificates left this week" in renewd(shared.put_in().path, "why", B).stdout
