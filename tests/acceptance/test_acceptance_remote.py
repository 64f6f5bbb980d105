"""Commands that act, typed in a shell beside a daemon that listens: only the daemon knows the secret."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from renewd.cli import remote, serving
from tests.programs import LONG, Running, renewd, running, until
from tests.world import World

A = "a.example"
KEY = "ONLY_THE_DAEMON_HAS_IT"


@pytest.fixture
def path(world: World) -> str:
    """A configuration whose API key comes out of an environment variable."""
    world.sandbox.seed(A, days_left=None)
    path = Path(world.write(A))
    file = world.sandbox.api_key_path
    text = path.read_text()
    assert f"file: {file}" in text
    path.write_text(text.replace(f"file: {file}", f"env: {KEY}"))
    return str(path)


@pytest.fixture
def address(world: World) -> str:
    return str(world.folder / "socket")


@pytest.fixture
def daemon(world: World, path: str, address: str) -> Iterator[Running]:
    """It listens, and has done its first pass."""
    secret = Path(world.sandbox.api_key_path).read_text().strip()
    with running(path, env={remote.ADDRESS: address, KEY: secret}) as daemon:
        daemon.wait_for("pass.ended")
        yield daemon


def typed(path: str, address: str, *argv: str):
    return renewd(path, *argv, env={remote.ADDRESS: address})


@pytest.mark.usefixtures("daemon")
def test_the_daemon_runs_it_with_its_secrets_and_its_words_and_codes_come_back(world: World, path, address):
    renewed = typed(path, address, "renew", A, "--force")
    assert (renewed.returncode, renewed.stderr) == (0, "")
    assert "installed" in renewed.stdout
    assert "1 renewed" in renewed.stdout
    assert world.calls(A, "order") == 2


@pytest.mark.usefixtures("daemon")
def test_json_alone_is_on_standard_output(path, address):
    found = typed(path, address, "preflight", "--json")
    assert json.loads(found.stdout)["findings"]
    assert found.returncode == 0


@pytest.mark.usefixtures("daemon")
def test_a_wrong_name_is_2_on_standard_error(path, address):
    wrong = typed(path, address, "deploy", "b.example")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert "did you mean a.example" in wrong.stderr


@pytest.mark.usefixtures("daemon")
def test_on_a_terminal_it_looks_as_it_does_without_a_daemon(path, address):
    ours, theirs = pty.openpty()
    shown = bytearray()

    def read() -> None:
        with open(ours, "rb", buffering=0) as terminal:
            try:
                while piece := terminal.read(65536):
                    shown.extend(piece)
            except OSError:  # how a terminal ends
                return

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, "-m", "renewd", "--config", path, "renew", A, "--force"]
    environment = {**os.environ, remote.ADDRESS: address, "TERM": "xterm"}
    ran = subprocess.run(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, timeout=LONG, check=False
    )
    os.close(theirs)
    reader.join()
    assert ran.returncode == 0
    assert b"\x1b[2K" in shown  # lines are rewritten
    assert "installed" in shown.decode()


@pytest.mark.usefixtures("daemon")
def test_ctrl_c_parks_what_is_under_way_and_the_daemon_lives_on(world: World, path, address, daemon):
    world.sandbox.fault("finalize", "delay-reply=300")
    before = world.calls(A, "finalize")
    command = [sys.executable, "-m", "renewd", "--config", path, "renew", A, "--force"]
    caller = subprocess.Popen(
        command,
        env={**os.environ, remote.ADDRESS: address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: world.calls(A, "finalize") > before)
    caller.send_signal(signal.SIGINT)
    out, err = caller.communicate(timeout=LONG)
    assert caller.returncode == 1
    assert "parked" in out + err
    assert daemon.process.poll() is None


def test_a_caller_that_is_killed_takes_its_command_along(world: World, path, address, daemon):
    world.sandbox.fault("finalize", "delay-reply=300")
    before = world.calls(A, "finalize")
    command = [sys.executable, "-m", "renewd", "--config", path, "renew", A, "--force"]
    caller = subprocess.Popen(
        command,
        env={**os.environ, remote.ADDRESS: address},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: world.calls(A, "finalize") > before)
    assert children(daemon.process.pid)
    caller.kill()
    caller.wait(LONG)
    until(lambda: not children(daemon.process.pid))


def children(pid: int) -> list[str]:
    """The processes that a process started and that have not ended, of all its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [child for task in tasks for child in (task / "children").read_text().split()]


@pytest.mark.usefixtures("daemon")
def test_another_configuration_is_none_of_the_daemons_business(world: World, path, address):
    other = world.folder / "other.yaml"
    other.write_text(
        Path(path).read_text().replace(str(world.folder / "live"), str(world.folder / "elsewhere"))
    )
    found = typed(str(other), address, "renew")
    assert KEY in found.stdout + found.stderr  # which only the daemon has: it ran here
    assert found.returncode == 1


@pytest.mark.usefixtures("daemon")
def test_what_is_no_command_of_ours_is_answered_and_nothing_is_run(path, address, daemon):
    for packet in (
        b"{}",
        b"not json",
        b"[]",
        json.dumps({"config": path, "argv": ["run"]}).encode(),
        b"\xff" * 100,
    ):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller:
            caller.settimeout(LONG)
            caller.connect(address)
            socket.send_fds(caller, [packet], [0, 1])
            answer = caller.recv(remote.PACKET)
            assert answer in {b"", b'{"another": true}'}
    assert daemon.process.poll() is None


def test_when_the_daemon_is_killed_the_caller_is_told(world: World, path, address, daemon):
    world.sandbox.fault("finalize", "delay-reply=300")
    before = world.calls(A, "finalize")
    command = [sys.executable, "-m", "renewd", "--config", path, "renew", A, "--force"]
    caller = subprocess.Popen(
        command,
        env={**os.environ, remote.ADDRESS: address},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: world.calls(A, "finalize") > before)
    (child,) = children(daemon.process.pid)
    daemon.process.kill()
    os.kill(int(child), signal.SIGKILL)  # as systemd does with the whole unit
    _, err = caller.communicate(timeout=LONG)
    assert caller.returncode == 1
    assert "the daemon went away" in err


def test_where_nobody_listens_it_runs_here(world: World):
    world.sandbox.seed(A, days_left=None)
    assert typed(world.write(A), str(world.folder / "no-socket"), "renew").returncode == 0


def test_a_socket_that_a_crash_left_is_taken_over_and_one_that_answers_is_not(tmp_path):
    address = str(tmp_path / "socket")
    left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left.bind(address)
    left.close()
    with serving.listening(address, "/etc/none.yaml"):
        assert os.stat(address).st_mode & 0o777 == 0o660
        with serving.listening(address, "/etc/other.yaml"):
            pass
        assert os.path.exists(address)
    assert not os.path.exists(address)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"plain\r\n", b"plain\r\n"),
        (b"\x1b[31mred\x1b[0m", b"\x1b[31mred\x1b[0m"),
        (b"\x1b]0;title\x07x", b"0;title\x07x"),
        (b"\x1b]52;c;ZXZpbA==\x07", b"52;c;ZXZpbA==\x07"),
        (b"\x1b[6nask", b"ask"),
        (b"\x1bcreset", b"reset"),
    ],
)
def test_only_colours_and_movements_reach_the_terminal(text, shown):
    assert remote.harmless(text + b" " * 40) == (shown + b" " * 40, b"")


def test_what_is_cut_in_the_middle_is_put_together_first():
    shown, pending = remote.harmless(b"a\x1b[3")
    assert (shown, pending) == (b"a", b"\x1b[3")
    assert remote.harmless(pending + b"1mb") == (b"\x1b[31mb", b"")
