"""Commands that act, typed in a shell beside a daemon that listens: only the daemon knows the secret."""

import json
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from renewd.cli import remote, serving
from tests.programs import LONG, Running, renewd, until
from tests.world import World

A = "a.example"
KEY = "ONLY_THE_DAEMON_HAS_IT"


class Shell:
    """A world with a daemon that listens; the commands are typed beside it."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.address = str(folder / "socket")
        self.world.sandbox.seed(A, days_left=80)
        path = Path(self.world.write(A))
        file = self.world.sandbox.api_key_path
        text = path.read_text()
        assert f"file: {file}" in text
        path.write_text(text.replace(f"file: {file}", f"env: {KEY}"))
        self.path = str(path)
        secret = Path(file).read_text().strip()
        self.daemon = Running(self.path, env={remote.ADDRESS: self.address, KEY: secret})
        self.daemon.wait_for("pass.ended")

    def typed(self, *argv: str, path: str = "", address: str = "") -> subprocess.CompletedProcess[str]:
        """A command, to its end."""
        return renewd(path or self.path, *argv, env={remote.ADDRESS: address or self.address})

    def finalizing(self, **streams: Any) -> "subprocess.Popen[str]":
        """A renewal that was typed, and whose finalize call takes for ever."""
        self.world.sandbox.fault("finalize", "delay-reply=300")
        command = [sys.executable, "-m", "renewd", "--config", self.path, "renew", A, "--force"]
        environment = {**os.environ, remote.ADDRESS: self.address}
        caller = subprocess.Popen(command, env=environment, text=True, **streams)
        until(lambda: self.world.calls(A, "finalize"))
        return caller

    def children(self) -> list[str]:
        """The processes that the daemon started and that have not ended."""
        tasks = Path(f"/proc/{self.daemon.process.pid}/task").iterdir()
        return [child for task in tasks for child in (task / "children").read_text().split()]

    def close(self) -> None:
        self.daemon.end()
        if self.daemon.process.stderr is not None:
            self.daemon.process.stderr.close()
        self.world.close()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """One for all tests that leave nothing under way."""
    shell = Shell(tmp_path_factory.mktemp("shell"))
    yield shell
    shell.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def test_the_daemon_runs_it_with_its_secrets_and_its_words_and_codes_come_back(shell: Shell):
    before = shell.world.calls(A, "order")
    renewed = shell.typed("renew", A, "--force")
    assert (renewed.returncode, renewed.stderr) == (0, "")
    assert "installed" in renewed.stdout
    assert "1 renewed" in renewed.stdout
    assert shell.world.calls(A, "order") == before + 1


def test_json_alone_is_on_standard_output(shell: Shell):
    found = shell.typed("preflight", "--json")
    assert json.loads(found.stdout)["findings"]
    assert found.returncode == 0


def test_a_wrong_name_is_2_on_standard_error(shell: Shell):
    wrong = shell.typed("deploy", "b.example")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert "did you mean a.example" in wrong.stderr


def test_on_a_terminal_it_looks_as_it_does_without_a_daemon(shell: Shell):
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
    command = [sys.executable, "-m", "renewd", "--config", shell.path, "deploy", A]
    environment = {**os.environ, remote.ADDRESS: shell.address, "TERM": "xterm"}
    ran = subprocess.run(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, timeout=LONG, check=False
    )
    os.close(theirs)
    reader.join()
    assert ran.returncode == 0, shown
    assert b"\x1b[2K" in shown  # lines are rewritten
    assert "1 deployed" in shown.decode()


def test_ctrl_c_parks_what_is_under_way_and_the_daemon_lives_on(own: Shell):
    caller = own.finalizing(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    caller.send_signal(signal.SIGINT)
    out, err = caller.communicate(timeout=LONG)
    assert caller.returncode == 1
    assert "parked" in out + err
    assert own.daemon.process.poll() is None


def test_a_caller_that_is_killed_takes_its_command_along(own: Shell):
    caller = own.finalizing(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert own.children()
    caller.kill()
    caller.wait(LONG)
    until(lambda: not own.children())


def test_when_the_daemon_is_killed_the_caller_is_told(own: Shell):
    caller = own.finalizing(stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    (child,) = own.children()
    own.daemon.process.kill()
    os.kill(int(child), signal.SIGKILL)  # as systemd does with the whole unit
    _, err = caller.communicate(timeout=LONG)
    assert caller.returncode == 1
    assert "the daemon went away" in err


def test_a_moment_without_a_free_descriptor_costs_the_command_of_that_moment_and_no_other(own: Shell):
    pid = own.daemon.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    refused = own.typed("deploy", A)
    assert refused.returncode == 1
    assert "open files" in refused.stderr
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert own.typed("deploy", A).returncode == 0


IMPATIENT = """
import sys
from renewd.cli import main, remote
remote._TAKEN_WITHIN = 0.2
main.main(sys.argv[1:])
"""


def impatient(shell: Shell, address: str) -> subprocess.CompletedProcess[str]:
    """A command that does not wait long until it is taken."""
    command = [sys.executable, "-c", IMPATIENT, "--config", shell.path, "deploy", A]
    environment = {**os.environ, remote.ADDRESS: address}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG, check=False)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[socket.socket]:
    """Something that listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(str(tmp_path / "socket"))
        door.listen()
        yield door


def test_a_daemon_that_takes_no_commands_is_told_instead_of_waited_for(shell: Shell, door: socket.socket):
    refused = impatient(shell, door.getsockname())
    assert refused.returncode == 1
    assert "the daemon listens and takes no commands" in refused.stderr
    assert "systemctl restart renewd" in refused.stderr


def test_one_that_took_it_is_waited_for_however_long_nothing_comes(shell: Shell, door: socket.socket):
    def answer() -> None:
        caller, _ = door.accept()
        _, outputs, _, _ = socket.recv_fds(caller, remote.PACKET, 2)
        threading.Event().wait(1.0)
        caller.send(b'{"exit": 3}')
        for output in outputs:
            os.close(output)
        caller.close()

    answering = threading.Thread(target=answer)
    answering.start()
    assert impatient(shell, door.getsockname()).returncode == 3
    answering.join()


def test_who_gave_up_before_its_turn_came_gets_nothing_done(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    begun: list[object] = []
    monkeypatch.setattr(serving, "_start", lambda *args: begun.append(args))
    caller, daemon = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    wish = {"config": os.path.realpath(shell.path), "argv": ["revoke", A]}
    socket.send_fds(caller, [json.dumps(wish).encode()], [0, 1])
    caller.close()
    serving._answer(daemon, shell.path)
    assert begun == []


def test_another_configuration_is_none_of_the_daemons_business(shell: Shell):
    other = shell.world.folder / "other.yaml"
    live = str(shell.world.folder / "live")
    other.write_text(Path(shell.path).read_text().replace(live, str(shell.world.folder / "elsewhere")))
    found = shell.typed("preflight", path=str(other))
    assert KEY in found.stdout + found.stderr  # which only the daemon has: it ran here
    assert found.returncode == 1


def test_what_is_no_command_of_ours_is_answered_and_nothing_is_run(shell: Shell):
    run = json.dumps({"config": shell.path, "argv": ["run"]}).encode()
    for packet in (b"{}", b"not json", b"[]", run, b"\xff" * 100):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller:
            caller.settimeout(LONG)
            caller.connect(shell.address)
            socket.send_fds(caller, [packet], [0, 1])
            assert caller.recv(remote.PACKET) in {b"", b'{"another": true}'}
    assert shell.daemon.process.poll() is None


def test_where_nobody_listens_it_runs_here(shell: Shell):
    here = shell.typed("preflight", address=str(shell.world.folder / "no-socket"))
    assert here.returncode == 1
    assert KEY in here.stdout  # which nobody has here


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
