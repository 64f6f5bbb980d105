"""The daemon is asked whether its tick is alive; whatever is not a clear yes is a no that says why."""

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from renewd.daemon import health, presence
from renewd.daemon.service import Daemon
from renewd.daemon.systemd import BUSY, IDLE, Supervisor
from renewd.renewal import passes
from tests.clocks import FakeClock
from tests.world import World


@pytest.fixture
def state(tmp_path: Path) -> str:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return str(folder)


@pytest.fixture
def supervisor(clock: FakeClock) -> Supervisor:
    return Supervisor(clock)


@pytest.fixture
def answered(state: str, supervisor: Supervisor) -> Iterator[str]:
    """The state directory of a daemon that answers by its supervisor."""
    with presence.hold(state), health.answering(state, supervisor.stuck, pytest.fail):
        yield state


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    yield world
    world.close()


def complaint(state: str) -> str:
    unwell = health.ask(state)
    assert unwell is not None
    assert unwell.remedy
    return unwell.why


def test_a_daemon_that_ticks_is_alive(answered: str, clock: FakeClock, supervisor: Supervisor):
    for _ in range(3):
        clock.advance(IDLE - 1)
        assert health.ask(answered) is None
        supervisor.began()
        supervisor.ended()


@pytest.mark.fault(63)
def test_one_whose_tick_does_not_come_is_not(answered: str, clock: FakeClock):
    clock.advance(IDLE + 60)
    assert complaint(answered) == "nothing was heard of the daemon's tick for 6 minutes"


@pytest.mark.fault(63)
def test_one_whose_tick_hangs_is_not(world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    hangs, end = threading.Event(), threading.Event()

    def hang(*_: object) -> list[object]:
        hangs.set()
        end.wait()
        return []

    monkeypatch.setattr(passes, "run", hang)
    world.sandbox.seed("a.example", days_left=80)
    daemon = Daemon(world.write("a.example"), world.events.append, clock)
    os.makedirs(daemon.state_directory, exist_ok=True)
    ticking = threading.Thread(target=daemon.tick, daemon=True)
    with health.answering(daemon.state_directory, daemon.supervisor.stuck, pytest.fail):
        ticking.start()
        hangs.wait()
        clock.advance(IDLE * 2)
        assert health.ask(daemon.state_directory) is None, "a pass may take long"
        clock.advance(BUSY)
        assert "tick" in complaint(daemon.state_directory)
    end.set()
    ticking.join()
    daemon.context.close()


def test_a_step_of_the_wall_clock_changes_nothing(answered: str, clock: FakeClock):
    for days in (400, -800):
        clock.step(passes.HANGS_AFTER * 48 * days)
        assert health.ask(answered) is None


def test_where_none_runs_that_is_what_is_said(state: str):
    assert complaint(state) == f"no daemon runs with the state directory {state}"
    assert complaint(f"{state}/no/such/folder").startswith("no daemon runs")


def test_what_a_killed_one_left_behind_is_no_sign_of_life(state: str):
    code = (
        "import os; from renewd.daemon import health, presence\n"
        f"with presence.hold({state!r}), health.answering({state!r}, str, print): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert Path(state, health.SOCKET).is_socket()
    Path(state, presence.LOCK).write_text(f"{os.getpid()}\n")  # a pid says nothing: others get it again
    assert complaint(state).startswith("no daemon runs")
    with presence.hold(state), health.answering(state, str, pytest.fail):
        assert health.ask(state) is None
    assert not Path(state, health.SOCKET).exists()


def test_one_that_does_not_answer_was_stopped_or_hangs(state: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "WITHIN", 0.05)
    with presence.hold(state), socket.socket(socket.AF_UNIX) as door:
        door.bind(str(Path(state, health.SOCKET)))
        door.listen(1)
        for _ in range(4):  # until no more may wait
            assert f"(pid {os.getpid()}) does not answer" in complaint(state)


def test_one_that_holds_the_state_but_cannot_be_asked_is_not_called_alive(state: str):
    with presence.hold(state):
        assert "takes no questions" in complaint(state)


def test_an_answer_that_is_none_is_no_yes(state: str, supervisor: Supervisor):
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(Path(state, health.SOCKET)))
        door.listen()

        def hang_up() -> None:
            door.accept()[0].close()

        answering = threading.Thread(target=hang_up)
        answering.start()
        assert "ended while it was asked" in complaint(state)
        answering.join()


def test_a_path_longer_than_addresses_can_be_is_no_obstacle(tmp_path: Path):
    state = tmp_path / ("long-" * 30)
    state.mkdir()
    with health.answering(str(state), str, pytest.fail):
        assert health.ask(str(state)) is None


def test_only_the_daemon_s_own_user_is_answered(answered: str):
    assert Path(answered, health.SOCKET).stat().st_mode & 0o777 == 0o600


def test_who_may_not_enter_the_folder_is_told_so(answered: str):
    os.chmod(answered, 0)
    if os.geteuid() == 0:  # which no mode binds
        os.seteuid(65534)
        try:
            said = complaint(answered)
        finally:
            os.seteuid(0)
    else:
        said = complaint(answered)
    assert "is closed to this user" in said


def test_where_there_can_be_no_socket_it_is_told_and_nothing_else_is_lost(state: str):
    Path(state, health.SOCKET).mkdir()  # nothing of renewd's
    told: list[str] = []
    with presence.hold(state), health.answering(state, str, told.append) as door:
        assert "takes no questions" in complaint(state)
        door.insist()
    (why,) = told
    assert state in why


def test_one_whose_state_was_taken_away_is_asked_in_the_new_one(state: str):
    with presence.hold(state), health.answering(state, str, pytest.fail) as door:
        os.rename(state, f"{state}.gone")
        os.mkdir(state, 0o700)
        door.insist()
        assert health.ask(state) is None


@pytest.mark.fault(104)
def test_one_without_free_descriptors_is_asked_again_when_there_are_some(
    answered: str, monkeypatch: pytest.MonkeyPatch
):
    accept, refused = socket.socket.accept, threading.Event()

    def without(door: socket.socket) -> object:
        connection = accept(door)
        if not refused.is_set():
            refused.set()
            connection[0].close()
            raise OSError(errno.EMFILE, "Too many open files")
        return connection

    monkeypatch.setattr(socket.socket, "accept", without)
    assert health.ask(answered) is None, "the accept under way was the old one"
    assert "ended while it was asked" in complaint(answered)
    assert health.ask(answered) is None
