"""The daemon's tick: when it comes back to what, and that nothing which goes wrong in it stops it or floods the log."""

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.daemon import events as own
from renewd.daemon import presence, watch
from renewd.daemon.service import Daemon
from renewd.errors import AlreadyRunning
from renewd.renewal import events, passes, preflight, served
from renewd.renewal.asking import Asker
from tests.clocks import FakeClock
from tests.servers import free_port
from tests.world import World, results

A, B = "a.example", "b.example"


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox and a folder, on the fake clock."""
    world = World(tmp_path, clock)
    yield world
    world.close()


def daemon(world: World, *entries: Any, **keys: Any) -> Daemon:
    made = Daemon(world.write(*(entries or (A,)), **keys), world.events.append, world.clock)
    world._contexts.append(made.context)
    return made


def passes_told(world: World) -> int:
    return len(world.told(events.PassStarted))


def test_what_somebody_else_did_meanwhile_is_not_asked_for_every_second(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=80)
    entry = world.entry(A, hooks={"post": "false"})
    ticking = daemon(world, entry)
    ticking.tick()
    (wanted,) = ticking.agenda.asked.values()
    context = world.context(world.entry(A), by_hand=True)
    assert results(passes.run(context, context.loaded.targets)) == {A: "deployed"}
    clock.advance(wanted - clock.now())
    ticking.tick()
    before = passes_told(world)
    for _ in range(5):
        assert ticking.agenda.next_tick(clock.now()) - clock.now() > timedelta(seconds=30)
        clock.advance(timedelta(minutes=1))
        ticking.tick()
    assert passes_told(world) == before


def test_a_target_that_cannot_be_tried_is_not_told_every_second(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=80)
    program = world.folder / "hook"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o700)
    ticking = daemon(world, world.entry(A, hooks={"post": str(program)}))
    ticking.tick()
    program.unlink()
    for _ in range(5):
        clock.advance(timedelta(minutes=1))
        ticking.tick()
    assert len(world.told(own.Held)) <= 1
    assert ticking.agenda.next_tick(clock.now()) - clock.now() > timedelta(seconds=30)


def test_a_journal_that_cannot_be_used_is_told_each_minute_and_no_oftener(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=None)
    ticking = daemon(world, schedule={"every": "5s"})
    database = Path(ticking.state_directory) / "renewd.db"
    database.mkdir(parents=True)
    for _ in range(3):
        ticking.tick()
        assert ticking.agenda.next_tick(clock.now()) - clock.now() >= timedelta(seconds=60)
        clock.advance(timedelta(seconds=60))
    database.rmdir()
    ticking.tick()
    assert world.told(events.Renewed)


def test_a_defect_in_a_tick_is_told_and_the_next_one_tries_again(
    world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    world.sandbox.seed(A, days_left=None)
    ticking = daemon(world)
    with monkeypatch.context() as patch:
        patch.setattr(passes, "run", lambda *_: 1 / 0)
        ticking.tick()
    (failed,) = world.told(own.TickFailed)
    assert "ZeroDivisionError" in failed.message
    assert ticking.agenda.next_tick(clock.now()) - clock.now() >= timedelta(seconds=60)
    clock.advance(timedelta(seconds=60))
    ticking.tick()
    assert world.told(events.Renewed)


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_is_set_by_a_year_is_answered_with_one_pass(world: World, clock: FakeClock, years: int):
    world.sandbox.seed(A, days_left=80)
    ticking = daemon(world)
    ticking.tick()
    before = passes_told(world)
    clock.step(timedelta(days=365 * years))
    ticking.tick()
    assert passes_told(world) == before + 1
    assert timedelta() < ticking.agenda.next_tick(clock.now()) - clock.now() <= timedelta(minutes=1)


@pytest.mark.parametrize("broken", ["watch", "suggestions", "preflights"])
def test_a_look_that_fails_stops_neither_the_others_nor_the_passes(
    world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, broken: str
):
    """A defect in any of them is one more, and none of them is what the daemon is for."""
    world.sandbox.seed(A, days_left=80)
    ticking = daemon(world, world.entry(A, confirm={"connect": f"127.0.0.1:{free_port()}"}))
    ticking.tick()
    steps = {"watch": served.look, "suggestions": Asker.due, "preflights": preflight.looks}
    made = []
    for name, (place, step) in {
        "watch": (served, "look"),
        "suggestions": (Asker, "due"),
        "preflights": (preflight, "looks"),
    }.items():

        def look(*args: Any, _name: str = name, **options: Any) -> Any:
            made.append(_name)
            return 1 / 0 if _name == broken else steps[_name](*args, **options)

        monkeypatch.setattr(place, step, look)
    for _ in range(4):
        clock.advance(timedelta(minutes=1))
        ticking.tick()
    assert set(made) == {"watch", "suggestions", "preflights"}
    assert made.count(broken) == 1
    assert "ZeroDivisionError" in world.told(own.LookFailed)[0].message
    assert not world.told(own.TickFailed)
    assert ticking.supervisor.alive()


def test_looks_at_servers_that_fail_do_not_come_every_second(
    world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch, "MOST", 1)
    monkeypatch.setattr(served, "look", lambda *_: 1 / 0)
    for name in (A, B):
        world.sandbox.seed(name, days_left=80)
    daemon(world, *(world.entry(name) for name in (A, B))).tick()  # so that nothing else asks for a tick
    confirm = {"connect": f"127.0.0.1:{free_port()}"}
    ticking = daemon(world, *(world.entry(name, confirm=confirm) for name in (A, B)))
    while not world.told(own.LookFailed):
        ticking.tick()
        clock.advance(timedelta(seconds=30))
    assert ticking.next_tick(clock.now()) - clock.now() > timedelta(seconds=20)


@pytest.mark.fault(89)
def test_a_state_directory_that_is_taken_away_is_made_again_and_orders_wait(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=80)
    ticking = daemon(world)
    with presence.hold(ticking.state_directory) as ticking._lock:
        ticking.tick()
        world.sandbox.seed(A, days_left=1)
        shutil.rmtree(ticking.state_directory)
        clock.advance(timedelta(days=70))
        for _ in range(3):
            ticking.tick()
            clock.advance(timedelta(minutes=1))
        assert world.told(events.JournalBegunAnew)
        assert presence.ask(ticking.state_directory).pid == os.getpid()
        assert world.calls(A, "order") == 0
        with pytest.raises(AlreadyRunning), presence.hold(ticking.state_directory):
            pass
        clock.advance(timedelta(hours=1))
        ticking.tick()
        assert world.calls(A, "order") == 1


@pytest.mark.fault(89)
def test_beside_another_daemon_that_took_the_state_nothing_is_done(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=80)
    ticking = daemon(world)
    with presence.hold(ticking.state_directory) as ticking._lock:
        shutil.rmtree(ticking.state_directory)
        with presence.hold(ticking.state_directory):
            ticking.tick()
            (failed,) = world.told(own.TickFailed)
            assert failed.message.startswith("another renewd (pid ")
            assert not world.told(events.PassStarted)
        clock.advance(timedelta(minutes=1))
        ticking.tick()
    assert world.told(events.PassStarted)


def test_a_new_configuration_is_taken_by_the_next_tick_which_is_at_once(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=80)
    world.sandbox.seed(B, days_left=80)
    ticking = daemon(world)
    ticking.tick()
    world.write(A, B)
    assert ticking.reload()
    assert ticking.reload(), "twice is no harm"
    assert ticking.next_tick(clock.now()) == clock.now()
    ticking.tick()
    assert {event.name for event in world.told(events.Renewed)} == {A, B}
    assert ticking.next_tick(clock.now()) > clock.now()


def test_a_stop_before_the_first_tick_makes_it_do_nothing(world: World):
    world.sandbox.seed(A, days_left=None)
    ticking = daemon(world)
    ticking.stop.set()
    ticking.tick()
    assert world.calls(A, "order") == 0


def test_threads_of_a_pass_end_with_it(world: World):
    world.sandbox.seed(A, days_left=80)
    ticking = daemon(world)
    before = threading.active_count()
    ticking.tick()
    assert threading.active_count() <= before + 1


def test_who_watches_is_told_of_every_tick_and_what_fails_there_stops_nothing(world: World):
    world.sandbox.seed(A, days_left=80)
    told = []

    def ticked(daemon: Daemon) -> None:
        told.append(daemon.last_pass)
        raise RuntimeError("a display that is broken")

    ticking = Daemon(world.write(A), world.events.append, world.clock, ticked=ticked)
    world._contexts.append(ticking.context)
    ticking.tick()
    ticking.tick()
    assert len(told) == 2
    assert ticking.last_pass is not None
    assert "broken" in world.told(own.TickFailed)[0].message
