"""The image, run as docs/containers.md says: without root, without privileges, on a root that nobody can write to."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from renewd.daemon.service import LEAVE_WITHIN
from tests import images
from tests.booted import come
from tests.containers import Engine

DOCS = images.ROOT / "docs" / "containers.md"
NAME = "renewd"
UNREACHABLE = {
    "issuers": {
        "rcl": {
            "type": "rcl",
            "subscription_id": "s",
            "api_key": {"file": "/run/secrets/rcl-api-key"},
            "base_url": "http://127.0.0.1:9/public",
        }
    },
    "certificates": [
        {"name": "a.example", "install": {"directory": "/certificates/a.example", "placeholder": True}}
    ],
}
Start = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the command in the documentation mounts: a configuration whose service does not answer, and a key."""
    for name in ("renewd", "secrets"):
        (tmp_path / name).mkdir()
    (tmp_path / "renewd/config.yaml").write_text(yaml.safe_dump(UNREACHABLE))
    (tmp_path / "renewd/config.yaml").chmod(0o644)
    key = tmp_path / "secrets/rcl-api-key"
    key.write_text("a-key-that-opens-nothing\n")
    key.chmod(0o400)
    os.chown(key, 10001, 10001)
    return tmp_path


@pytest.fixture
def start(engine: Engine, folder: Path) -> Start:
    """Runs the documented command, without those of its words that a test leaves out; returns when it ticks."""
    block = DOCS.read_text().partition("## Without compose")[2].partition("```sh")[2].partition("```")[0]
    words = shlex.split(block.replace("$PWD", str(folder)).replace("\\\n", " "))
    assert words[:3] == ["docker", "run", "-d"]

    def begin(without: tuple[str, ...] = ()) -> None:
        engine.podman(*[word for word in words[1:] if word not in without])
        come(lambda: "attempt.waiting" in engine.log(NAME))

    return begin


def inside(engine: Engine, *argv: str) -> subprocess.CompletedProcess[str]:
    return engine.podman("exec", NAME, *argv, check=False)


def status(engine: Engine) -> dict[str, str]:
    """What the kernel says of renewd itself, proc_pid_status(5)."""
    ((pid, _),) = [
        (pid, line) for pid, line in processes(engine) if re.search(r"bin/renewd\x00run|bin/renewd run", line)
    ]
    text = inside(engine, "cat", f"/proc/{pid}/status").stdout
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def processes(engine: Engine) -> list[tuple[str, str]]:
    """Pid and command line of each in there but the one that looks; a zombie has none."""
    code = (
        "import os, pathlib\n"
        "for pid in map(int, filter(str.isdigit, os.listdir('/proc'))):\n"
        "    if pid != os.getpid(): print(pid, pathlib.Path(f'/proc/{pid}/cmdline').read_text().replace('\\0', ' '))"
    )
    lines = inside(engine, "python3", "-c", code).stdout.splitlines()
    return [(pid, line) for pid, _, line in (line.partition(" ") for line in lines)]


def test_the_dockerfile_has_nothing_that_a_linter_finds():
    linter = Path(sys.prefix, "bin", "hadolint")
    found = subprocess.run(
        [linter, "Dockerfile"], cwd=images.ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_runs_renewd_itself_as_a_user_without_a_name_on_the_host(engine: Engine):
    def shown(key: str) -> str:
        return engine.podman(
            "image", "inspect", "--format", f"{{{{json .Config.{key}}}}}", images.IMAGE
        ).stdout

    assert shown("User").strip() == '"10001:10001"'
    assert shown("Entrypoint").strip() == '["renewd"]'
    assert shown("Cmd").strip() == '["run"]'
    assert '["CMD","renewd","health"]' in shown("Healthcheck")


def test_neither_the_clone_nor_what_built_it_is_in_the_image(engine: Engine):
    look = "ls /src /etc/pip.conf; ls /opt/renewd/bin; find / -xdev -name .git -o -xdev -name '*.lock' -path '*renewd*'"
    options = ["--rm", "--network", "none", "--user", "0", "--entrypoint", "sh"]
    said = engine.podman("run", *options, images.IMAGE, "-c", look)
    assert said.stderr.count("No such file") == 2
    assert "renewd" in said.stdout.split()
    assert not [word for word in said.stdout.split() if "pip" in word or "/" in word]


def test_what_was_packaged_and_installed_has_units_and_manual_with_it(engine: Engine):
    shown = engine.podman(
        "run", "--rm", "--network", "none", images.IMAGE, "install-systemd", "--dry-run"
    ).stdout
    for path in (images.ROOT / "systemd").glob("renewd*.service"):
        assert f"new        /etc/systemd/system/{path.name}\n" in shown or "simple" in path.name
    assert "    ExecStart=/opt/renewd/bin/renewd run\n" in shown
    assert "new        /usr/local/share/man/man1/renewd*.1\n" in shown


def test_it_runs_without_root_without_privileges_on_a_root_that_is_read_only(engine: Engine, start: Start):
    start()
    found = status(engine)
    assert found["Uid"].split() == ["10001"] * 4
    assert found["Gid"].split() == ["10001"] * 4
    assert {found[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert found["NoNewPrivs"] == "1"
    refused = inside(engine, "touch", "/opt/renewd/a", "/etc/renewd/a", "/run/secrets/a")
    assert refused.stderr.count("Read-only file system") == 3
    placed = inside(engine, "ls", "-nL", "/certificates/a.example/privkey.pem").stdout.split()
    assert (placed[0], placed[2]) == ("-rw-------", "10001")
    assert "1 watched" in inside(engine, "renewd", "check").stdout


@pytest.mark.fault(63)
def test_its_health_is_the_tick_and_not_the_service_that_does_not_answer(engine: Engine, start: Start):
    start()

    def check() -> int:
        return engine.podman("healthcheck", "run", NAME, check=False).returncode

    pid = engine.state(NAME, "State.Pid")
    family = [pid, *engine.run("ps", "-o", "pid=", "--ppid", pid).stdout.split()]
    assert check() == 0
    engine.run("kill", "-STOP", *family)
    assert check() == 1
    engine.run("kill", "-CONT", *family)
    assert check() == 0


@pytest.mark.fault(66)
@pytest.mark.parametrize("without", [(), ("--init",)], ids=["with an init", "as process 1"])
def test_sigterm_ends_it_in_time_and_with_0(engine: Engine, start: Start, without: tuple[str, ...]):
    start(without)
    engine.podman("stop", "--time", f"{LEAVE_WITHIN + 1:.0f}", NAME)  # then it would be killed
    assert engine.state(NAME, "State.ExitCode") == "0"
    assert '"event": "daemon.leaving", "signal": "SIGTERM"' in engine.log(NAME)


@pytest.mark.fault(66)
def test_as_process_1_it_takes_orphans_off_the_table(engine: Engine, start: Start):
    start(("--init",))
    assert "renewd run" in dict(processes(engine))["1"]
    inside(engine, "sh", "-c", "(sh -c 'exit 3' & exec sleep 0.3) & exit 0")
    inside(engine, "sh", "-c", "setsid sh -c 'setsid sleep 0.1 & exit 0'")

    def alone() -> bool:
        engine.podman("kill", "--signal", "HUP", NAME)  # wakes it before a minute is over
        return [pid for pid, _ in processes(engine)] == ["1"]

    come(alone)


def test_a_changed_configuration_is_taken_and_a_wrong_one_refused(engine: Engine, start: Start, folder: Path):
    start()
    path = folder / "renewd/config.yaml"
    good = path.read_text()
    path.write_text(good.replace("certificates:", "certificats:"))
    engine.podman("kill", "--signal", "HUP", NAME)
    come(lambda: "configuration.refused" in engine.log(NAME))
    path.write_text(good)
    engine.podman("kill", "--signal", "HUP", NAME)
    come(lambda: "configuration.reloaded" in engine.log(NAME))


def test_without_volumes_it_says_what_it_lacks(engine: Engine, folder: Path):
    said = engine.podman(
        "run",
        "--rm",
        "--read-only",
        "--network",
        "none",
        "-v",
        f"{folder}/renewd:/etc/renewd:ro",
        images.IMAGE,
        check=False,
    )
    assert said.returncode == 1
    assert "the state directory /var/lib/renewd cannot be used: Read-only file system" in said.stderr
    assert "Traceback" not in said.stderr
