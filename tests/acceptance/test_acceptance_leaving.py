"""Ctrl-C and SIGTERM in the middle: everything ends soon, and the next run finds out what became of it."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.programs import LONG, renewd, running
from tests.world import World

A = "a.example"


def interrupted(path: str, *args: str, when: Callable[[], bool], signals: int = 1) -> tuple[int, str]:
    """Exit code and everything said by a command that is interrupted as soon as `when` says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "renewd", "--config", path, *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        while not when():
            assert process.poll() is None
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=LONG)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return process.returncode, said


@pytest.mark.fault(60, 61, 103)
@pytest.mark.parametrize("signals", [1, 2])
@pytest.mark.parametrize("command", ["renew", "finalize"])
def test_a_command_whose_finalize_hangs_leaves_and_the_next_one_reconciles(
    world: World, command: str, signals: int
):
    world.sandbox.seed(A, days_left=None, validated=True)
    args = ["renew"]
    if command == "finalize":
        args = ["finalize", A, "--order-uri", world.sandbox.portal.order(A).uri]
    world.sandbox.fault("finalize", "delay-reply=300")
    path = world.write(A)
    code, said = interrupted(path, *args, when=lambda: world.calls(A, "finalize") > 0, signals=signals)
    assert code in (1, 130)
    assert "Traceback" not in said
    done = renewd(path, "renew")
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.calls(A, "order") == (command == "renew")
    assert world.calls(A, "finalize") == 1


def test_a_command_whose_hook_hangs_leaves_it_to_the_next_one(world: World):
    world.sandbox.seed(A, days_left=80)
    started = world.folder / "started"
    script = world.folder / "hook.sh"
    script.write_text(f"#!/bin/sh\ntest -e {started} && exit 0\ntouch {started}\nsleep 300\n")
    script.chmod(0o700)
    path = world.write(world.entry(A, hooks={"reload": str(script)}))
    code, said = interrupted(path, "renew", when=started.exists)
    assert code == 1
    assert "parked" in said
    assert renewd(path, "status").returncode in (0, 1)
    assert renewd(path, "renew").returncode == 0
    assert renewd(path, "status").returncode == 0


@pytest.mark.fault(61)
def test_a_daemon_that_is_asked_twice_leaves_at_once_with_0(world: World):
    world.sandbox.seed(A, days_left=None)
    world.sandbox.fault("finalize", "delay-reply=300")
    with running(world.write(A)) as daemon:
        daemon.wait_for("order.finalizing")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("daemon.leaving")
        assert daemon.end() == 0
