"""What is served is looked at with every pass, some targets a tick; what changed is told, and nothing twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from renewd.confirm import Verdict
from renewd.daemon import events as own
from renewd.daemon import watch
from renewd.daemon.watch import Watch
from renewd.renewal import passes, served
from tests.clocks import FakeClock
from tests.servers import free_port
from tests.world import World

A, B = "a.example", "b.example"


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    yield world
    world.close()


def looked(world: World, looks: dict[str, str], times: int = 1) -> list[tuple[str, str]]:
    """What is told when the looks find this (identity → why, empty for well)."""
    context = world.context(
        *(world.entry(name, confirm={"connect": f"127.0.0.1:{free_port()}"}) for name in (A, B))
    )
    told: list[tuple[str, str]] = []
    watching = Watch(lambda event: told.append((event.event, event.name)))
    for _ in range(times):
        watching.passed(context)
        while watching.due:
            watching.run(context)
    return told


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> dict[str, str]:
    found: dict[str, str] = {}

    def look(_context, target):
        why = found.get(target.name)
        return None if why is None else Verdict(not why, why, "01", clock.now())

    monkeypatch.setattr(served, "look", look)
    return found


def test_what_is_wrong_is_told_when_it_begins_and_when_it_ends(world: World, looks: dict[str, str]):
    looks |= {A: "", B: "still serves 02"}
    assert looked(world, looks, times=2) == [("served.other", B)]
    looks[B] = "connection refused"
    assert looked(world, looks) == [], "it was told that it is not well"
    looks[B] = ""
    assert looked(world, looks, times=2) == [("served.well", B)]


def test_what_could_not_be_looked_at_changes_nothing(world: World, looks: dict[str, str]):
    looks[B] = "still serves 02"
    assert looked(world, looks) == [("served.other", B)]
    del looks[B]
    assert looked(world, looks) == []


def test_a_few_at_a_tick(world: World, looks: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "MOST", 1)
    looks |= {A: "x", B: "x"}
    context = world.context(*(world.entry(name, confirm={"connect": "127.0.0.1:1"}) for name in (A, B)))
    watching = Watch(world.events.append)
    watching.passed(context)
    watching.run(context)
    assert len(world.told(own.ServedOther)) == 1
    assert watching.due
    watching.run(context)
    assert len(world.told(own.ServedOther)) == 2
    assert not watching.due


def test_where_nobody_said_where_nobody_looks(world: World):
    context = world.context(A)
    watching = Watch(world.events.append)
    watching.passed(context)
    assert not watching.due


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"targets": {"a.example": {"at": "x"}}}',
        '{"targets": {"a": 1}}',
        '{"targets": {"a": {"at": "2026-11-23T12:00:00+00:00", "serial": "1", "why": "", "not_after": "x"}}}',
    ],
)
def test_a_file_of_looks_that_is_not_whole_is_none(tmp_path: Path, text: str):
    (tmp_path / served.FILE).write_text(text)
    assert served.read(str(tmp_path)) == {}


def test_a_look_that_goes_wrong_is_told_and_the_others_are_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def look(_settings, name, *_rest):
        if name == A:
            raise OverflowError("int too big to convert")
        return Verdict(True, "", "01", world.clock.now())

    monkeypatch.setattr(served.confirm, "look", look)
    for name in (A, B):
        world.sandbox.seed(name, days_left=None, validated=True)
    context = world.context(A, B)
    passes.run(context, context.loaded.targets)
    assert looked(world, {}) == [("served.other", A)]
