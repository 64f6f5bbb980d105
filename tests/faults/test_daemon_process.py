"""The daemon as a process among others: the first of a container, and one whose configuration is changed under it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import LONG, running, until
from tests.world import World

A, B = "a.example", "b.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A sandbox on the real time."""
    world = World(tmp_path)
    yield world
    world.close()


@pytest.mark.fault(66)
def test_as_the_first_process_of_a_container_it_ends_by_sigterm_and_leaves_no_zombies(world: World):
    world.sandbox.seed(A, days_left=80)
    orphan = world.folder / "orphan"
    script = world.folder / "hook"
    script.write_text(f"#!/bin/sh\n(setsid sh -c 'sleep 0.1; echo gone >{orphan}' &)\n")
    script.chmod(0o700)
    path = world.write(world.entry(A, hooks={"post": str(script)}))
    log = world.folder / "log"
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with log.open("w") as out:
        outside = subprocess.Popen(
            [*command, sys.executable, "-m", "renewd", "--config", path, "run"],
            stdin=subprocess.DEVNULL,
            stderr=out,
        )
    try:
        until(lambda: "attempt.renewed" in log.read_text() and orphan.exists())
        inside = int(_children(outside.pid)[0])

        def none_left() -> bool:
            os.kill(inside, signal.SIGHUP)  # wakes it before a minute is over
            return not [child for child in _children(inside) if _state(child) == "Z"]

        until(none_left)
        os.kill(inside, signal.SIGTERM)
        assert outside.wait(LONG) == 0
    finally:
        if outside.poll() is None:
            outside.kill()
        outside.wait(LONG)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _state(pid: str) -> str:
    """The letter of proc_pid_stat(5); empty for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@pytest.mark.fault(80)
def test_a_certificate_that_a_reload_removes_in_flight_is_finished_and_its_files_stay(world: World):
    for name in (A, B):
        world.sandbox.seed(name, days_left=None)
    world.sandbox.fault("finalize", "delay-reply=2")
    with running(world.write(A)) as daemon:
        daemon.wait_for("order.finalizing")
        world.write(B)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration.reloaded")
        assert daemon.wait_for("attempt.renewed")["name"] == A
        assert daemon.wait_for("attempt.renewed")["name"] == B
        daemon.wait_for("pass.ended")
        assert daemon.end() == 0
    assert world.live(A).serial_number
    assert (world.calls(A, "order"), world.calls(A, "finalize")) == (1, 1)


@pytest.mark.fault(61)
def test_two_wishes_to_leave_in_the_first_moments_end_it_at_once_with_0(world: World):
    world.sandbox.seed(A, days_left=None)
    world.sandbox.fault("certificate", "delay=300", times=None)
    with running(world.write(A)) as daemon:
        daemon.wait_for("plan.due")
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGINT)
        assert daemon.process.wait(LONG) == 0
