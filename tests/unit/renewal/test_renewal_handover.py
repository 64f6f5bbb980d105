"""The line of privileges: one side obtains and hands over, the other judges, installs, runs hooks and answers."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from renewd.cli import receiving
from renewd.clock import SystemClock
from renewd.config import load, sides
from renewd.config.sides import Line
from renewd.renewal import by_hand, events, handover, passes
from renewd.renewal.context import Context
from tests.world import World, results

A, B = "a.example", "b.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """In real time, which the side that installs has too."""
    world = World(tmp_path)
    yield world
    world.close()


class Machine:
    """Both sides of one machine; the one that installs works whenever the other one waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.line = Line(str(world.folder / "requests"), str(world.folder / "answers"))
        os.mkdir(self.line.answers, 0o700)
        self.there = True

    def obtaining(self, *entries) -> Context:
        loaded = load.load(self.world.write(*entries, schedule={"concurrency": 1}))
        context = Context(
            sides.obtaining(loaded, self.line), clock=_Between(self), emit=self.world.events.append
        )
        self.world._contexts.append(context)
        return context

    def install(self) -> None:
        """What renewd-deploy.service does."""
        if self.there:
            for number, content in receiving._taken(self.line.requests):
                receiving._put(self.line.answers, number, receiving._answer(self.path, content))

    @property
    def path(self) -> str:
        return str(self.world.folder / "config.yaml")

    def handed(self, name: str) -> Path:
        return self.world.folder / "sandbox" / "state" / "handed" / name


class _Between(SystemClock):
    """While this side waits for an answer the other one works."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self._machine.install()
        return super().wait(stop, seconds)


@pytest.fixture
def machine(world: World) -> Machine:
    world.sandbox.seed(A, days_left=None)
    return Machine(world)


def run(context: Context):
    return results(passes.run(context, context.loaded.targets))


def test_what_is_obtained_goes_live_on_the_other_side_with_its_hooks(machine: Machine, world: World):
    ran = world.folder / "ran"
    context = machine.obtaining(world.entry(A, hooks={"check": f"touch {ran}"}))
    assert run(context) == {A: "renewed"}
    assert ran.exists()
    assert world.live(A) == context.live_leaf(context.loaded.targets[0])
    assert os.listdir(machine.line.requests) == []
    assert (world.folder / "live" / A / "privkey.pem").stat().st_mode & 0o777 == 0o600
