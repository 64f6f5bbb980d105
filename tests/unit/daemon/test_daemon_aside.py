"""A look beside the passes that goes wrong stops nothing, is told, and is left alone for an hour."""

from datetime import timedelta

import pytest

from renewd.daemon import events as own
from renewd.daemon.aside import AGAIN, Aside
from renewd.errors import StateUnusable
from renewd.renewal.events import Event
from tests.clocks import FakeClock


class Looks:
    """Looks that fail as they are told; `seen` are those that were made."""

    def __init__(self, clock: FakeClock) -> None:
        self.told: list[Event] = []
        self.seen: list[str] = []
        self.fail: dict[str, Exception] = {}
        self.aside = Aside(clock, self.told.append)

    def __call__(self, *names: str) -> list[str]:
        self.seen.clear()
        for name in names:
            self.aside.look(name, lambda name=name: self._look(name))
        return list(self.seen)

    def _look(self, name: str) -> None:
        self.seen.append(name)
        if name in self.fail:
            raise self.fail[name]


@pytest.fixture
def looks(clock: FakeClock) -> Looks:
    return Looks(clock)


def test_the_others_go_on_and_it_is_tried_again_after_an_hour(looks: Looks, clock: FakeClock):
    looks.fail["one"] = ValueError("odd")
    assert looks("one", "two") == ["one", "two"]
    clock.advance(AGAIN - timedelta(seconds=1))
    assert looks("one", "two") == ["two"]
    clock.advance(timedelta(seconds=1))
    assert looks("one", "two") == ["one", "two"]
    assert (
        looks.told
        == [
            own.LookFailed(
                look="one",
                message="unexpected ValueError: odd",
                remedy="this is a defect of renewd: please report it with the log",
            )
        ]
        * 2
    )


def test_it_is_taken_back_when_all_of_them_are_well(looks: Looks, clock: FakeClock):
    looks.fail = {"one": ValueError("odd"), "two": StateUnusable("the disk is full", remedy="make room")}
    looks("one", "two")
    assert (looks.told[1].message, looks.told[1].remedy) == ("the disk is full", "make room")
    for name in ("one", "two"):
        del looks.fail[name]
        looks.told.clear()
        clock.advance(AGAIN)
        looks(name)
    assert looks.told == [own.LookWell()]


def test_a_clock_that_was_set_back_does_not_lengthen_the_pause(looks: Looks, clock: FakeClock):
    looks.fail["one"] = ValueError("odd")
    looks("one")
    clock.step(timedelta(days=-300))
    looks.aside.forget()
    assert looks("one") == ["one"]
