"""A challenge that could not be taken away is told, and tried again until it is gone."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.renewal import events, leftovers, passes
from renewd.renewal.context import Context
from renewd.renewal.leftovers import Left
from tests.world import World, results

NAME = "a.example"


class Standing:
    """A try whose folder was exchanged for a link before its challenge was to go."""

    def __init__(self, world: World) -> None:
        self.world, self.root = world, world.folder / "www"
        self.root.mkdir()
        world.sandbox.seed(NAME, days_left=None)
        self.context = self.process()
        self.context.emit = self._emit
        assert results(self.look()) == {NAME: "failed"}, "nobody serves the folder"
        world.clock.advance(1)

    def _emit(self, event: events.Event) -> None:
        self.world.events.append(event)
        if isinstance(event, events.Placed) and not (self.root / "aside").exists():
            os.rename(self.root / ".well-known", self.root / "aside")
            (self.root / ".well-known").symlink_to("aside")

    def process(self) -> Context:
        challenge = {"type": "http-01", "webroot": str(self.root), "self_check": "off"}
        return self.world.context(self.world.entry(NAME, challenge=challenge))

    def look(self) -> list[passes.Outcome]:
        return passes.run(self.context, self.context.loaded.targets)

    def mend(self) -> None:
        (self.root / ".well-known").unlink()
        os.rename(self.root / "aside", self.root / ".well-known")
        self.context.emit = self.world.events.append

    @property
    def files(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file()]

    def why(self) -> list[str]:
        now = self.context.clock.now()
        return leftovers.standing(self.context.journal, self.context.loaded.targets[0], now)


@pytest.fixture
def left(world: World) -> Standing:
    return Standing(world)


def test_it_is_told_once_with_where_it_stands(left: Standing):
    left.look()
    (told,) = left.world.told(Left)
    (file,) = left.files
    assert told.what == f"http://{NAME}/.well-known/acme-challenge/{file.name}"
    assert "cannot be taken out of" in told.why
    assert told.remedy
    (why,) = left.why()
    assert file.name in why


def test_it_is_gone_with_the_first_pass_that_can(left: Standing):
    left.mend()
    left.look()
    assert left.files == []
    assert left.why() == []


def test_after_a_try_in_vain_it_rests_a_while(left: Standing):
    left.look()
    left.mend()
    left.look()
    assert len(left.files) == 1
    left.world.clock.advance(leftovers.PAUSE)
    left.look()
    assert left.files == []


def test_while_somebody_else_works_on_the_target_it_stands(left: Standing):
    left.mend()
    journal = left.context.journal
    fence = journal.take(NAME, "elsewhere/boot/1/1")
    left.look()
    assert len(left.files) == 1
    journal.release(NAME, fence)
    left.look()
    assert left.files == []


@pytest.mark.parametrize(("days", "stand"), [(6, 0), (8, 1)])
def test_after_a_week_it_is_for_a_person(left: Standing, days: int, stand: int):
    left.mend()
    left.world.clock.advance(timedelta(days=days))
    leftovers.sweep(left.context, left.context.clock.now())
    assert len(left.files) == stand
    assert left.why() == []


def test_another_process_takes_it_up(left: Standing):
    left.mend()
    left.context.close()
    left.context = left.process()
    left.look()
    assert left.files == []
