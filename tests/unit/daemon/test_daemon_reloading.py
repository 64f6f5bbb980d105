"""A configuration that is read again holds from the next tick on, whole and the newest; what needs a restart is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from renewd.config.model import Configuration
from renewd.daemon import events as own
from renewd.daemon.service import Daemon
from tests.clocks import FakeClock
from tests.world import World

A, B, C = "a.example", "b.example", "c.example"


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    for name in (A, B, C):
        world.sandbox.seed(name, days_left=80)
    yield world
    world.close()


def watched(made: Daemon) -> list[str]:
    return [target.name for target in made.context.loaded.targets]


def test_of_several_the_newest_is_taken(world: World):
    made = Daemon(world.write(A), world.events.append, world.clock)
    for names in ((A, B), (C,)):
        world.write(*names)
        assert made.reload()
    made.tick()
    assert watched(made) == [C]
    made.context.close()


def test_one_that_is_read_while_another_is_taken_is_the_next_ticks(world: World):
    made: list[Daemon] = []

    def taken(configuration: Configuration) -> None:
        if made and len(configuration.certificates) == 2:
            world.write(C)
            assert made[0].reload()

    made.append(Daemon(world.write(A), world.events.append, world.clock, taken=taken))
    world.write(A, B)
    assert made[0].reload()
    made[0].tick()
    assert watched(made[0]) == [A, B]
    assert made[0].next_tick(world.clock.now()) == world.clock.now()
    made[0].tick()
    assert watched(made[0]) == [C]
    assert made[0].next_tick(world.clock.now()) > world.clock.now()
    made[0].context.close()


def test_an_old_one_that_cannot_be_closed_is_left_behind(world: World, monkeypatch: pytest.MonkeyPatch):
    made = Daemon(world.write(A), world.events.append, world.clock)
    before = made.context
    with monkeypatch.context() as patch:
        patch.setattr(before, "close", lambda: 1 / 0)
        world.write(B)
        assert made.reload()
        made.tick()
        assert "ZeroDivisionError" in world.told(own.TickFailed)[0].message
    assert made.next_tick(world.clock.now()) > world.clock.now()
    made.tick()
    assert watched(made) == [B]
    assert len(world.told(own.TickFailed)) == 1
    for context in (before, made.context):
        context.close()


@pytest.mark.parametrize(
    ("key", "value"), [("state_directory", "/var/lib/elsewhere"), ("state", "sqlite:////srv/elsewhere.db")]
)
def test_where_the_state_is_a_reload_does_not_change(world: World, key: str, value: str):
    made = Daemon(world.write(A), world.events.append, world.clock)
    world.write(A, B, **{key: value})
    assert not made.reload()
    (refused,) = world.told(own.NotReloaded)
    assert refused.why == f"{key} changed: that needs a restart"
    made.tick()
    assert watched(made) == [A]
    made.context.close()
