"""A configuration that could not be taken is told before anybody reloads it, once, and taken back when it is put right."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from renewd.daemon import events as own
from renewd.daemon.service import Daemon
from tests.clocks import FakeClock
from tests.world import World

A = "a.example"


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    world.sandbox.seed(A, days_left=80)
    yield world
    world.close()


@pytest.fixture
def daemon(world: World) -> Daemon:
    daemon = Daemon(world.write(A), world.events.append, world.clock)
    world._contexts.append(daemon.context)
    daemon.tick()
    return daemon


def told(world: World) -> list[str]:
    return [each.event for each in world.events if each.event.startswith("configuration.")]


def test_a_fault_is_told_once_and_taken_back_when_it_is_put_right(world: World, daemon: Daemon):
    world.write(world.entry(A, renew_befor="30d"))
    for _ in range(4):
        daemon.tick()
    (refused,) = world.told(own.NotReloaded)
    assert "did you mean renew_before" in refused.why
    world.write(A)
    for _ in range(4):
        daemon.tick()
    assert told(world) == ["configuration.refused", "configuration.well"]


def test_a_file_that_somebody_is_writing_is_not_judged(world: World, daemon: Daemon):
    for number in range(4):
        path = Path(world.write(world.entry(A, renew_befor="30d")))
        os.utime(path, ns=(number, number))
        daemon.tick()
    assert told(world) == []


def test_a_good_one_is_not_taken_unasked(world: World, daemon: Daemon):
    world.write(A, "b.example")
    for _ in range(3):
        daemon.tick()
    assert told(world) == []
    assert len(daemon.context.loaded.targets) == 1


def test_what_a_reload_refused_is_not_told_again(world: World, daemon: Daemon):
    world.write(world.entry(A, renew_befor="30d"))
    assert not daemon.reload()
    for _ in range(3):
        daemon.tick()
    assert told(world) == ["configuration.refused"]


def test_a_file_that_is_gone_is_a_fault(world: World, daemon: Daemon):
    Path(daemon.path).unlink()
    for _ in range(3):
        daemon.tick()
    assert "no such file" in world.told(own.NotReloaded)[0].why


def test_so_is_a_new_one_beside_it(world: World, clock: FakeClock):
    beside = world.folder / "conf.d"
    beside.mkdir()
    (beside / "a.yaml").write_text("certificates: []\n")
    daemon = Daemon(world.write(A, include=["conf.d/*.yaml"]), world.events.append, clock)
    world._contexts.append(daemon.context)
    daemon.tick()
    (beside / "b.yaml").write_text("certificates: 7\n")
    for _ in range(3):
        daemon.tick()
    assert "conf.d/b.yaml" in world.told(own.NotReloaded)[0].why
