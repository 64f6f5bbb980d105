"""What this machine lacks for a target is told when it changes, and taken back when it is there."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.daemon.service import Daemon
from renewd.renewal import events
from renewd.report.troubles import Troubles
from tests.clocks import FakeClock
from tests.world import World

A, B = "a.example", "b.example"
KINDS = {"target.held", "target.able"}


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    for name in (A, B):
        world.sandbox.seed(name, days_left=80)
    yield world
    world.close()


@pytest.fixture
def webroot(world: World) -> Path:
    return world.folder / "www"


@pytest.fixture
def made(world: World, webroot: Path) -> Daemon:
    """One that lacks a web root, with a debt that brings it back to the other target ever again."""
    lacking = world.entry(A, challenge={"type": "http-01", "webroot": str(webroot), "self_check": "off"})
    path = world.write(lacking, world.entry(B, hooks={"reload": "/bin/false"}))
    made = Daemon(path, world.events.append, world.clock)
    world._contexts.append(made.context)
    return made


def told(world: World) -> list[tuple[str, str]]:
    """What was said of this since it was asked last."""
    found = [(event.event, getattr(event, "why", "")) for event in world.events if event.event in KINDS]
    world.events.clear()
    return found


def until_the_next_pass(made: Daemon, clock: FakeClock) -> None:
    """All ticks before it, in which B is looked at by itself."""
    while made.agenda.next_pass is not None and clock.now() < made.agenda.next_pass - timedelta(minutes=2):
        clock.advance(max(made.next_tick(clock.now()) - clock.now(), timedelta(seconds=1)))
        made.tick()


def test_it_is_told_once_however_often_it_is_looked_for(
    world: World, made: Daemon, clock: FakeClock, webroot: Path
):
    made.tick()
    ((event, why),) = told(world)
    assert (event, str(webroot) in why) == ("target.held", True)
    until_the_next_pass(made, clock)
    assert len(world.told(events.Owed)) > 1, "the other one was looked at"
    assert told(world) == []
    clock.advance(timedelta(minutes=10))
    made.tick()
    assert told(world) == []


def test_what_is_mended_is_taken_back_and_renewed(
    world: World, made: Daemon, clock: FakeClock, webroot: Path
):
    troubles = Troubles()
    made.tick()
    webroot.mkdir()
    for event in world.events:
        troubles(event)
    assert [each.cause for each in troubles.now({A})] == ["machine"]
    world.events.clear()
    clock.advance(timedelta(hours=14))
    made.tick()
    for event in world.events:
        troubles(event)
    assert "target.able" in [event for event, _ in told(world)]
    assert troubles.now({A}) == []
    assert made.held == {}


def test_what_is_lacked_anew_is_told_by_the_next_look_at_anybody(
    world: World, made: Daemon, clock: FakeClock, webroot: Path
):
    webroot.mkdir()
    made.tick()
    told(world)
    for path in (webroot / ".well-known" / "acme-challenge", webroot / ".well-known", webroot):
        if path.exists():
            path.rmdir()
    until_the_next_pass(made, clock)
    assert [event for event, _ in told(world)] == ["target.held"]
