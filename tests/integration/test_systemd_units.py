"""The units as systemd itself judges them, and what install-systemd makes of a machine."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from renewd.cli import main
from renewd.daemon import units
from tests.programs import LONG
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(path.name for path in (ROOT / "systemd").iterdir() if path.suffix in (".service", ".path"))
EXPOSED = {
    "renewd.service": 1.5,
    "renewd-recover.service": 1.5,
    "renewd-deploy.service": 3.0,
}  # of 10, at most
A = "a.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with a program that is there."""
    folder = tmp_path_factory.mktemp("units")
    for name in TEMPLATES:
        text = (ROOT / "systemd" / name).read_text()
        (folder / name).write_text(text.replace(units.PROGRAM, str(Path(sys.executable).with_name("renewd"))))
    return folder


def analyze(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *argv], capture_output=True, text=True, timeout=LONG, check=False
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_systemd_has_nothing_to_say_against_a_unit(folder: Path, name: str):
    """What it does not know it only warns of, with exit code 0."""
    found = analyze("verify", "--man=no", str(folder / name))
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("name", EXPOSED)
def test_a_side_is_exposed_as_little_as_can_be(folder: Path, name: str):
    limit = f"--threshold={EXPOSED[name] * 10:g}"
    found = analyze("security", "--offline=true", limit, "--no-pager", str(folder / name))
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("name", EXPOSED)
def test_every_hole_says_what_it_is_for(folder: Path, name: str):
    """What the analysis holds against a unit is named in a comment of it; the simple one is open by what it is."""
    found = analyze("security", "--offline=true", "--json=short", "--no-pager", str(folder / name))
    held = [each["name"] for each in json.loads(found.stdout) if not each["set"] and each.get("exposure")]
    words = {word for each in held for word in re.findall(r"^\w+=|@[\w-]+", each.replace("=/", "=~/"))}
    comments = "\n".join(line for line in (folder / name).read_text().splitlines() if line.startswith("#"))
    assert {word for word in words - {"SystemCallFilter="} if word not in comments} == set()


def test_what_goes_live_is_root_s_and_needs_no_network():
    text = (ROOT / "systemd/renewd-deploy.service").read_text()
    assert "PrivateNetwork=yes" in text
    assert not re.search("^(User|LoadCredential)=", text, re.MULTILINE)


# install-systemd


class Done(NamedTuple):
    """How the command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def config(world: World) -> Path:
    """One certificate, whose secrets are a credential and a file."""
    webroot = world.folder / "www"
    webroot.mkdir()
    entry = world.entry(A, challenge={"type": "http-01", "webroot": str(webroot)})
    path = Path(world.write(entry))
    path.write_text(
        path.read_text().replace(f"file: {world.sandbox.api_key_path}", "credential: rcl-api-key")
    )
    return path


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def install(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command, in this process."""

    def run(config: Path, root: Path, *argv: str) -> Done:
        code = main.run(["--config", str(config), "install-systemd", "--root", str(root), *argv])
        return Done(code, *capsys.readouterr())

    return run


def tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_it_puts_the_units_in_place_and_says_what_is_next(config: Path, tmp_path: Path, install):
    done = install(config, tmp_path / "root")
    assert done.returncode == 0, done.stderr
    assert "systemctl enable --now renewd-recover.service renewd.service renewd-deploy.path" in done.stdout
    found = tree(tmp_path / "root")
    assert set(found) >= {f"etc/systemd/system/{name}" for name in TEMPLATES if "simple" not in name}
    own = found["etc/systemd/system/renewd.service.d/10-renewd.conf"]
    assert "LoadCredential=rcl-api-key:/etc/renewd/credentials/rcl-api-key\n" in own
    assert f"ReadWritePaths=-{config.parent}/www\n" in own
    assert (
        f"d {config.parent}/www/.well-known/acme-challenge 0775 root renewd -\n"
        in found["etc/tmpfiles.d/renewd-webroots.conf"]
    )
    program = Path(sys.executable).with_name("renewd")
    assert f"ExecStart={program} run\n" in found["etc/systemd/system/renewd.service"]
    for name in found:
        assert (tmp_path / "root" / name).stat().st_mode & 0o777 == 0o644


def test_a_dry_run_shows_what_would_be_written_and_writes_nothing(config: Path, tmp_path: Path, install):
    shown = install(config, tmp_path / "root", "--dry-run")
    assert shown.returncode == 0
    assert "new        /etc/systemd/system/renewd.service\n" in shown.stdout
    assert "    Type=notify\n" in shown.stdout
    assert not (tmp_path / "root").exists()


def test_twice_is_no_harm(config: Path, tmp_path: Path, install):
    install(config, tmp_path / "root")
    before = tree(tmp_path / "root")
    again = install(config, tmp_path / "root")
    assert again.returncode == 0
    assert set(re.findall(r"^(\S.*?)  +/etc", again.stdout, re.MULTILINE)) == {"as it is"}
    assert tree(tmp_path / "root") == before


def test_what_somebody_edited_is_kept_and_told_unless_forced(config: Path, tmp_path: Path, install):
    root = tmp_path / "root"
    install(config, root)
    unit = root / "etc/systemd/system/renewd.service"
    edited = unit.read_text().replace("WatchdogSec=5min", "WatchdogSec=1h")
    unit.write_text(edited)
    kept = install(config, root)
    assert kept.returncode == 1
    assert "edited" in kept.stdout
    assert "--force" in kept.stderr
    assert unit.read_text() == edited
    assert install(config, root, "--force").returncode == 0
    assert "WatchdogSec=5min" in unit.read_text()


def test_what_an_earlier_renewd_wrote_is_updated(config: Path, tmp_path: Path, install):
    root = tmp_path / "root"
    install(config, root)
    unit = root / "etc/systemd/system/renewd.service"
    earlier = units.Piece("/etc/systemd/system/renewd.service", "[Service]\nExecStart=/old/renewd run\n")
    unit.write_text(earlier.content)
    done = install(config, root)
    assert done.returncode == 0
    assert "updated    /etc/systemd/system/renewd.service" in done.stdout
    assert "/old/" not in unit.read_text()


def test_a_secret_that_the_other_user_could_not_read_is_told_with_what_to_do(
    world: World, tmp_path: Path, install
):
    told = install(Path(world.write(A)), tmp_path / "root")
    assert f"renewd cannot read {world.sandbox.api_key_path}" in told.stdout
    assert "write {credential: api-key}" in told.stdout


def test_a_wrong_configuration_writes_nothing(world: World, tmp_path: Path, install):
    wrong = install(Path(world.write(world.entry(A, renew_befor="1d"))), tmp_path / "root")
    assert wrong.returncode == 2
    assert not (tmp_path / "root").exists()


def test_where_nothing_may_be_written_it_says_so(config: Path, tmp_path: Path, install):
    (tmp_path / "root").write_text("no folder")
    refused = install(config, tmp_path / "root")
    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_simple_unit_comes_alone(config: Path, tmp_path: Path, install):
    done = install(config, tmp_path / "root", "--simple")
    assert done.returncode == 0
    assert {Path(name).name for name in tree(tmp_path / "root") if name.startswith("etc")} == {
        "renewd-simple.service", "renewd-recover.service", "renewd.conf", "10-renewd.conf"
    }  # fmt: skip


def test_who_changes_from_one_to_the_other_is_told_to_leave_the_first(config: Path, tmp_path: Path, install):
    root = tmp_path / "root"
    assert "disable" not in install(config, root).stdout
    assert install(config, root, "--simple").stdout.splitlines()[-3:] == [
        "  systemctl disable --now renewd.service renewd-deploy.path",
        "  systemctl enable --now renewd-recover.service renewd-simple.service",
        "  systemctl status renewd-simple.service; renewd status",
    ]
    assert "systemctl disable --now renewd-simple.service\n" in install(config, root).stdout


def challenged(world: World, tmp_path: Path, install, **challenge: object) -> dict[str, str]:
    """What is put in place for a certificate with this HTTP-01 challenge."""
    install(Path(world.write(world.entry(A, challenge={"type": "http-01", **challenge}))), tmp_path / "root")
    return tree(tmp_path / "root")


def test_a_web_root_in_somebody_s_home_is_brought_behind_the_wall(world: World, tmp_path: Path, install):
    found = challenged(world, tmp_path, install, webroot="/home/u/www")
    own = found["etc/systemd/system/renewd.service.d/10-renewd.conf"]
    assert "ProtectHome=tmpfs\nBindPaths=-/home/u/www\nReadWritePaths=-/home/u/www\n" in own


def test_the_folders_for_challenges_are_their_web_root_s_owner_s(world: World, tmp_path: Path, install):
    webroot = tmp_path / "www"
    webroot.mkdir()
    shutil.chown(webroot, "nobody")
    found = challenged(world, tmp_path, install, webroot=str(webroot))
    assert found["etc/tmpfiles.d/renewd-webroots.conf"].splitlines()[1:3] == [
        f"d {webroot}/.well-known 0755 nobody - -",
        f"d {webroot}/.well-known/acme-challenge 0775 nobody renewd -",
    ]


@pytest.mark.parametrize(("port", "allowed"), [(80, True), (8402, False)])
def test_a_port_of_root_s_is_allowed_where_challenges_are_answered_there(
    world: World, tmp_path: Path, install, port: int, *, allowed: bool
):
    found = challenged(world, tmp_path, install, listen=f"0.0.0.0:{port}")
    own = found.get("etc/systemd/system/renewd.service.d/10-renewd.conf", "")
    both = "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"
    assert (both in own) is allowed


def test_the_manual_is_put_where_man_looks_for_it(config: Path, tmp_path: Path, install):
    root = tmp_path / "root"
    assert "new        /usr/local/share/man/man1/renewd*.1\n" in install(config, root).stdout
    put = root / "usr/local/share/man/man1"
    assert {path.name: path.read_text() for path in put.iterdir()} == {
        path.name: path.read_text() for path in (ROOT / "man").iterdir()
    }
    (put / "renewd.1").write_text("an earlier one")
    assert "updated    /usr/local/share/man/man1/renewd*.1\n" in install(config, root).stdout
    assert "as it is   /usr/local/share/man/man1/renewd*.1\n" in install(config, root).stdout
