"""`renewd run`, driven by signals and read by its log."""

import signal
import threading
import time

import pytest

from tests.programs import renewd, running, until
from tests.world import World

A, B = "a.example", "b.example"


def test_it_renews_at_once_tells_each_step_in_a_line_and_leaves_with_0(world: World):
    world.sandbox.seed(A, days_left=None)
    with running(world.write(A)) as daemon:
        daemon.wait_for("attempt.renewed", lambda line: line["name"] == A)
        daemon.wait_for("pass.ended")
        told = [line["event"] for line in daemon.lines]
        assert told.index("order.created") < told.index("order.issued") < told.index("gate.accepted")
        assert daemon.end() == 0
    assert renewd(world.write(A), "check").returncode == 0


def test_it_comes_back_when_a_pass_is_due(world: World):
    world.sandbox.seed(A, days_left=None)
    with running(world.write(A, schedule={"every": "5s", "jitter": "0s"})) as daemon:
        daemon.wait_for("pass.ended")
        daemon.wait_for("pass.ended", lambda line: line["renewed"] == 0)
    assert world.calls(A, "order") == 1


def test_status_knows_the_daemon_its_pid_and_its_passes(world: World):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    with running(path) as daemon:
        daemon.wait_for("pass.ended")
        deadline = time.monotonic() + 20
        while '"next_pass": null' in (out := renewd(path, "status", "--json").stdout):
            assert time.monotonic() < deadline
        assert f'"running": true, "pid": {daemon.process.pid}' in out
        daemon.end()
    assert '"running": false' in renewd(path, "status", "--json").stdout


@pytest.mark.fault(89)
def test_a_second_one_on_the_same_state_is_refused_with_the_pid_of_the_first(world: World):
    path = world.write(A)
    world.sandbox.seed(A, days_left=None)
    with running(path) as daemon:
        daemon.wait_for("pass.ended")
        second = renewd(path, "run")
        assert second.returncode == 1
        assert f"pid {daemon.process.pid}" in second.stderr
        assert "Traceback" not in second.stderr


def test_sighup_takes_a_new_file(world: World):
    for name in (A, B):
        world.sandbox.seed(name, days_left=None)
    with running(world.write(A)) as daemon:
        daemon.wait_for("pass.ended")
        world.write(A, B)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration.reloaded")
        daemon.wait_for("attempt.renewed", lambda line: line["name"] == B)


@pytest.mark.fault(74)
def test_sighup_keeps_the_old_configuration_where_the_new_one_is_wrong_and_says_why(world: World):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    with running(path) as daemon:
        daemon.wait_for("pass.ended")
        world.write(world.entry(A, renew_befor="30d"))
        daemon.signal(signal.SIGHUP)
        refused = daemon.wait_for("configuration.refused")
        assert "renew_before" in refused["why"]
        world.write(world.entry(A, hooks={"reload": "no-such-program-anywhere"}))
        daemon.signal(signal.SIGHUP)
        assert "no-such-program-anywhere" in daemon.wait_for("configuration.refused")["why"]
        assert daemon.end() == 0


def test_a_program_that_is_absent_at_start_holds_that_target_only(world: World):
    for name in (A, B):
        world.sandbox.seed(name, days_left=None)
    path = world.write(world.entry(A, hooks={"reload": "no-such-program-anywhere"}), B)
    with running(path) as daemon:
        assert daemon.wait_for("target.held")["name"] == A
        daemon.wait_for("attempt.renewed", lambda line: line["name"] == B)
        daemon.wait_for("pass.ended")
        until(lambda: "held: " in renewd(path, "status", A).stdout)
    assert world.calls(A, "order") == 0
    alone = renewd(path, "status")
    assert (alone.returncode, alone.stdout.count("no-such-program-anywhere: no such program")) == (1, 1)
    assert "do          put that right, then:" in renewd(path, "why", A).stdout


@pytest.mark.fault(60, 103)
def test_sigterm_leaves_while_finalize_hangs_and_the_next_start_reconciles(world: World):
    world.sandbox.seed(A, days_left=None)
    world.sandbox.fault("finalize", "delay-reply=300")
    path = world.write(A)
    with running(path) as daemon:
        daemon.wait_for("order.finalizing")
        until(lambda: world.calls(A, "finalize"))
        assert daemon.end() == 0
    with running(path) as daemon:
        daemon.wait_for("attempt.renewed")
    assert world.calls(A, "order") == 1
    assert world.calls(A, "finalize") == 1


@pytest.mark.fault(103)
def test_sigterm_leaves_while_a_hook_hangs(world: World):
    world.sandbox.seed(A, days_left=None)
    with running(
        world.write(world.entry(A, hooks={"reload": f"sh -c 'touch {world.folder}/reloading; sleep 300'"}))
    ) as daemon:
        daemon.wait_for("install.switched")
        until((world.folder / "reloading").exists)
        assert daemon.end() == 0


def test_a_wrong_configuration_at_start_is_told_in_a_line_a_fault_with_2(world: World):
    refused = renewd(world.write(world.entry(A, renew_befor="30d")), "run")
    assert refused.returncode == 2
    assert "renew_before" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_sighup_changes_what_is_logged_too(world: World):
    world.sandbox.seed(A, days_left=None)
    path = world.write(A)
    with running(path) as daemon:
        daemon.wait_for("pass.ended")
        world.write(A, log={"level": "warning"})
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration.reloaded")
        until(lambda: '"next_pass": null' not in renewd(path, "status", "--json").stdout)
        world.write(A, state_directory=str(world.folder / "elsewhere"))
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration.refused")
        assert daemon.end() == 0
    assert "daemon.leaving" not in [line["event"] for line in daemon.lines]


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("after", [0.0, 0.05, 0.15, 0.3, 0.6])
def test_sigterm_in_the_first_moments_is_no_failure(world: World, after: float):
    """From when on they are heard, which is before anything slow is loaded."""
    world.sandbox.seed(A, days_left=80)
    with running(world.write(A)) as daemon:
        heard = f"/proc/{daemon.process.pid}/status"
        until(lambda: _catches(heard, signal.SIGTERM))
        threading.Event().wait(after)
        assert daemon.end() == 0
    assert world.calls(A, "order") == 0


def _catches(status: str, number: signal.Signals) -> bool:
    """Whether a process handles the signal, proc_pid_status(5)."""
    with open(status) as file:
        mask = next(line for line in file if line.startswith("SigCgt:")).split()[1]
    return bool(int(mask, 16) & 1 << (number - 1))
