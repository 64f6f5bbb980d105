"""`renewd recover`, before a web server starts: among a thousand targets it ends what was interrupted, and nothing else."""

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from renewd.config.model import Certificate
from renewd.config.targets import Target
from renewd.install import fixed, intents, live, sites, switching
from renewd.install.installer import Installer, Source
from tests.certificates import Authority
from tests.clocks import FakeClock
from tests.faults import figures
from tests.programs import renewd

ALL = os.environ.get("RENEWD_SWEEP") == "all"
TARGETS = 1000
INTERRUPTED = 1000 if ALL else 25
MODEL = "a.example"
AUTHORITY = Authority.new()


def target(folder: Path, name: str) -> Target:
    files = {"key": f"{folder}/etc/{name}/key.pem", "fullchain": f"{folder}/etc/{name}/chain.pem"}
    return Target(name, Certificate(name=name, install={"files": files}), "rcl")


def interrupted(folder: Path) -> None:
    """One target whose key was replaced and whose certificate was not when the power went."""
    one, clock = target(folder, MODEL), FakeClock()
    (folder / "state").mkdir(mode=0o700)
    installer = Installer(f"{folder}/state", clock)
    installer.switch(one, installer.stage(one, AUTHORITY.issue(MODEL).bundle, Source("rcl")))
    clock.advance(timedelta(days=60))
    version = installer.stage(one, AUTHORITY.issue(MODEL).bundle, Source("rcl"))
    (site,) = sites.of(one, f"{folder}/state")
    intents.write(f"{folder}/state", switching.plan(one.name, one.slug, [site], version))
    fixed.prepare(site, version)
    os.rename(f"{folder}/etc/{MODEL}/.key.pem.renewd", f"{folder}/etc/{MODEL}/key.pem")


def multiplied(folder: Path, names: list[str]) -> None:
    """The same for each name, as copies."""
    text = Path(intents.path(f"{folder}/state", MODEL)).read_text()
    for name in names:
        shutil.copytree(folder / "etc" / MODEL, folder / "etc" / name)
        shutil.copytree(folder / "state/store" / MODEL, folder / "state/store" / name, symlinks=True)
        Path(intents.path(f"{folder}/state", name)).write_text(text.replace(MODEL, name))


def configured(folder: Path, names: list[str]) -> str:
    """A configuration whose secret is not there: nothing of it is needed."""
    files = {"key": f"{folder}/etc/{{name}}/key.pem", "fullchain": f"{folder}/etc/{{name}}/chain.pem"}
    whole = {
        "issuers": {"rcl": {"type": "rcl", "subscription_id": "s", "api_key": {"file": f"{folder}/absent"}}},
        "certificates": [{"names": names, "install": {"files": files}}],
        "state_directory": f"{folder}/state",
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(whole))
    path.chmod(0o600)
    return str(path)


@pytest.mark.fault(50, 59)
def test_recover_ends_all_that_was_interrupted_among_a_thousand_targets(tmp_path: Path) -> None:
    interrupted(tmp_path)
    names = [MODEL, *(f"shop-{turn}.example" for turn in range(TARGETS - 1))]
    multiplied(tmp_path, names[1:INTERRUPTED])
    path = configured(tmp_path, names)
    began = time.monotonic()
    done = renewd(path, "recover")
    seconds = time.monotonic() - began
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("was completed") == INTERRUPTED
    for name in names[:INTERRUPTED]:
        assert live.look_closely(target(tmp_path, name), f"{tmp_path}/state").state == "present"
    again = renewd(path, "recover")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    figures.record("start to consistent", targets=TARGETS, interrupted=INTERRUPTED, seconds=round(seconds, 3))


@pytest.mark.fault(50)
def test_one_that_cannot_be_ended_is_named_and_keeps_no_other_from_it(tmp_path: Path) -> None:
    interrupted(tmp_path)
    multiplied(tmp_path, ["b.example"])
    for version in (tmp_path / "state/store" / MODEL / "versions").iterdir():
        (version / "fullchain.pem").write_bytes(b"")
    done = renewd(configured(tmp_path, [MODEL, "b.example"]), "recover")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{MODEL}: the switch to version ")
    assert "stays half-done" in done.stderr
    assert done.stdout.startswith("b.example: ")
    assert done.stdout.count("\n") == 1


@pytest.mark.fault(50)
def test_a_configuration_with_faults_keeps_nothing_from_being_ended(tmp_path: Path) -> None:
    interrupted(tmp_path)
    path = Path(configured(tmp_path, [MODEL]))
    path.write_text(path.read_text() + "certificats: []\n")
    done = renewd(str(path), "recover")
    assert done.returncode == 2
    assert "certificats" in done.stderr
    assert "was completed" in done.stdout
    assert live.look_closely(target(tmp_path, MODEL), f"{tmp_path}/state").state == "present"


@pytest.mark.usefixtures("uncounted")
def test_recover_needs_no_network_no_journal_and_no_library_for_them(tmp_path: Path) -> None:
    """In a name space without a network, and with what is loaded listed."""
    interrupted(tmp_path)
    path = configured(tmp_path, [MODEL])
    command = [
        "unshare",
        "-n",
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "renewd",
        "--config",
        path,
        "recover",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not {"httpx", "sqlalchemy", "sqlite3", "apscheduler", "asyncio"} & loaded
    assert not os.path.exists(f"{tmp_path}/state/renewd.db")
    assert json.dumps(sorted(os.listdir(f"{tmp_path}/state"))) == '["intents", "store"]'
