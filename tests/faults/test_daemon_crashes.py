"""A daemon that is killed again and again in its first pass, as a supervisor that starts it anew sees it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.daemon import events as own
from renewd.daemon import starts
from renewd.daemon.service import Daemon
from renewd.renewal import events
from tests.clocks import FakeClock
from tests.programs import renewd, running, until
from tests.world import World

A, B = "a.example", "b.example"
CRASHES = starts.MOST


@pytest.fixture
def real(tmp_path: Path) -> Iterator[World]:
    """A sandbox on the real time."""
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox on the fake clock."""
    world = World(tmp_path, clock)
    yield world
    world.close()


@pytest.mark.fault(59, 64)
def test_after_too_many_crashes_the_network_is_left_alone_and_a_person_is_told(real: World):
    real.sandbox.seed(A, days_left=None)
    real.sandbox.fault("certificate", "delay=300", times=None)
    path = real.write(A)
    for number in range(CRASHES):
        with running(path) as daemon:
            daemon.wait_for("plan.due" if number == 0 else "attempt.resumed")
            until(lambda: real.calls(A, "certificate") > number)  # noqa: B023 - called at once
            daemon.process.kill()
    asked = real.calls(A, "certificate")
    with running(path) as daemon:
        told = daemon.wait_for("daemon.crash_loop")
        assert told["starts"] == CRASHES + 1
        daemon.wait_for("pass.ended")
        assert daemon.end() == 0
    assert real.calls(A, "certificate") == asked
    assert renewd(path, "status").returncode == 1


@pytest.mark.fault(64)
def test_a_daemon_that_was_asked_to_leave_did_not_crash(real: World):
    path = real.write(A)
    for _ in range(2):
        with running(path) as daemon:
            daemon.wait_for("pass.started")
            assert daemon.end() == 0
    assert not (real.folder / "sandbox" / "state" / starts.FILE).exists()


def looping(world: World, *names: str, **keys: object) -> Daemon:
    """A daemon at its start after as many crashes."""
    entries = [world.entry(name, **keys) for name in names]
    made = Daemon(world.write(*entries, schedule={"concurrency": 1}), world.events.append, world.clock)
    world._contexts.append(made.context)
    for _ in range(CRASHES + 1):
        made._begin()
    return made


@pytest.mark.fault(64)
def test_meanwhile_debts_are_paid_and_when_it_is_over_everything_goes_on(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=80)
    world.sandbox.seed(B, days_left=None)
    paid = world.folder / "paid"
    hooks = {"post": f"test -e {paid}"}
    first = Daemon(world.write(world.entry(A, hooks=hooks)), world.events.append, clock)
    world._contexts.append(first.context)
    first.tick()
    assert world.told(events.Owed)
    made = looping(world, A, B, hooks=hooks)
    assert len(world.told(own.CrashLoop)) == 1
    before = world.sandbox.portal.calls.copy()
    paid.touch()
    for _ in range(14):
        clock.advance(timedelta(minutes=1))
        made.tick()
    assert world.sandbox.portal.calls == before
    assert not made.context.journal.owed()
    clock.advance(starts.QUIET)
    made.tick()
    assert [event.name for event in world.told(events.Renewed)][-1] == B
    assert not (Path(made.state_directory) / starts.FILE).exists()
