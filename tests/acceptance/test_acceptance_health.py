"""`renewd health`, as a container's health check runs it."""

import signal
import subprocess
import sys

import pytest

from renewd.daemon import health
from tests.programs import LONG, Running, renewd, running
from tests.world import World

A = "a.example"


def started(world: World, daemon: Running) -> None:
    """It ticks; the certificate itself may fare as it likes."""
    daemon.wait_for("pass.ended")


def test_it_is_well_while_the_daemon_runs_says_nothing_and_is_1_before_and_after(world: World):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    assert renewd(path, "health").returncode == 1
    with running(path) as daemon:
        started(world, daemon)
        asked = renewd(path, "health")
        assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", "")
        assert daemon.end() == 0
    gone = renewd(path, "health")
    assert gone.returncode == 1
    assert "no daemon runs with the state directory" in gone.stderr
    assert "renewd run" in gone.stderr


def test_it_is_not_about_certificates_nor_about_the_service(world: World):
    world.sandbox.fault("certificate", "status=500", None)
    path = world.write(A)
    with running(path) as daemon:
        daemon.wait_for("attempt.waiting", lambda line: line["name"] == A)
        assert renewd(path, "check").returncode == 1
        assert renewd(path, "health").returncode == 0


def test_it_is_well_in_a_pass_that_takes_its_time(world: World):
    world.sandbox.seed(A, days_left=None)
    world.sandbox.fault("finalize", "delay-reply=300")
    path = world.write(A)
    with running(path) as daemon:
        daemon.wait_for("order.finalizing")
        assert renewd(path, "health").returncode == 0
        assert daemon.end() == 0


@pytest.mark.fault(63)
def test_a_stopped_daemon_is_not_well_and_is_again_when_it_goes_on(world: World):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    with running(path) as daemon:
        started(world, daemon)
        daemon.signal(signal.SIGSTOP)
        stopped = renewd(path, "health")
        assert stopped.returncode == 1
        assert f"(pid {daemon.process.pid}) does not answer" in stopped.stderr
        daemon.signal(signal.SIGCONT)
        assert renewd(path, "health").returncode == 0


def test_a_killed_daemon_is_not_well(world: World):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    with running(path) as daemon:
        started(world, daemon)
        daemon.signal(signal.SIGKILL)
        daemon.process.wait(LONG)
        assert renewd(path, "health").returncode == 1


def test_another_container_that_shares_the_state_is_told_the_same(world: World):
    """There every pid means another process, and the wall may show another time."""
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    elsewhere = ["unshare", "--pid", "--ipc", "--uts", "--time", "--boottime", "864000", "--fork"]
    ask = [*elsewhere, "--mount-proc", sys.executable, "-m", "renewd", "--config", path, "health"]

    def told() -> int:
        return subprocess.run(ask, stdin=subprocess.DEVNULL, timeout=LONG, check=False).returncode

    with running(path) as daemon:
        started(world, daemon)
        assert told() == 0
        daemon.signal(signal.SIGSTOP)
        assert told() == 1
        daemon.signal(signal.SIGKILL)
        daemon.process.wait(LONG)
        assert told() == 1


def test_a_configuration_that_became_wrong_under_a_running_daemon_is_no_matter(world: World):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    with running(path) as daemon:
        started(world, daemon)
        world.write(world.entry(A, renew_befor="30d"))
        assert renewd(path, "health").returncode == 0
        assert daemon.end() == 0
    wrong = renewd(path, "health")
    assert wrong.returncode == 2
    assert "renew_before" in wrong.stderr


@pytest.mark.parametrize("args", [("health", "everything"), ("health", "--json")])
def test_a_wrong_command_line_is_2(world: World, args: tuple[str, ...]):
    assert renewd(world.write(A), *args).returncode == 2


def test_a_daemon_that_cannot_be_asked_works_and_says_so(world: World):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    (world.folder / "sandbox" / "state" / health.SOCKET).mkdir(parents=True)
    (world.folder / "sandbox" / "state").chmod(0o700)
    with running(path) as daemon:
        daemon.wait_for("daemon.unasked")
        daemon.wait_for("attempt.renewed")
        asked = renewd(path, "health")
        assert asked.returncode == 1
        assert "takes no questions" in asked.stderr
        assert daemon.end() == 0
