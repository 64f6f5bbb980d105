"""The journal and the quarantine stay small by themselves, and nothing that is still needed goes."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.certs.bundle import Material
from renewd.install import layouts
from renewd.journal.forgetting import ALIKE
from renewd.renewal import by_hand, passes, tidying
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.world import World, results

A, B = "a.example", "b.example"


def failures(context: Context, count: int, name: str = B) -> None:
    """Attempts at a target that is not watched."""
    journal = context.journal
    for _ in range(count):
        fence = journal.take(name)
        journal.end(journal.begin(name, name, "renewal", issuer="sandbox", fence=fence), "failed")
        journal.release(name, fence)


def due(world: World, **options: object) -> Context:
    world.sandbox.seed(A, days_left=80)
    return world.context(A, **options)


def known(context: Context) -> int:
    return len(context.journal.history(B))


def test_a_pass_that_did_something_drops_what_nobody_asks_for(world: World):
    context = due(world)
    failures(context, ALIKE + 3)
    assert results(passes.run(context, context.loaded.targets)) == {A: "adopted"}
    assert known(context) == ALIKE


def test_so_does_what_a_person_asked_for(world: World):
    context = due(world, by_hand=True)
    passes.run(context, context.loaded.targets)
    failures(context, ALIKE + 3)
    context.tidied = None
    by_hand.deploy(context, context.loaded.targets)
    assert known(context) == ALIKE


def test_where_there_is_nothing_to_do_the_journal_is_left_alone(world: World):
    context = due(world)
    passes.run(context, context.loaded.targets)
    failures(context, ALIKE + 3)
    context.tidied = None
    assert passes.run(context, context.loaded.targets) == []
    assert known(context) == ALIKE + 3


def test_once_a_day_is_enough(world: World, clock: FakeClock):
    context = due(world)
    failures(context, ALIKE)
    tidying.tidy(context)
    failures(context, 3)
    tidying.tidy(context)
    assert known(context) == ALIKE + 3
    clock.advance(timedelta(days=1))
    tidying.tidy(context)
    assert known(context) == ALIKE


@pytest.mark.parametrize(("by_hand", "left"), [(False, 0), (True, 1)])
def test_what_is_old_goes_by_the_daemons_clock_alone(
    world: World, clock: FakeClock, by_hand: bool, left: int
):
    context = due(world, by_hand=by_hand)
    failures(context, 1)
    clock.advance(timedelta(days=401))
    tidying.tidy(context)
    assert known(context) == left


def test_what_was_refused_for_a_target_that_is_gone_goes_after_a_week(world: World, clock: FakeClock):
    context = due(world)
    failures(context, 1)
    (other,) = world.context(B).loaded.targets
    kept = context.installer.quarantine(other, Material(pem=(b"junk",)), ["it is junk"])
    clock.advance(timedelta(days=8))
    tidying.tidy(context)
    assert not Path(kept).exists()


def test_what_cannot_be_tidied_is_told_and_stops_nothing(world: World):
    context = due(world)
    state = context.loaded.configuration.state_directory
    folder = Path(state, layouts.QUARANTINE, B, "20200101T000000Z-00000000")
    folder.parent.mkdir(parents=True)
    os.symlink(world.folder, folder)
    assert results(passes.run(context, context.loaded.targets)) == {A: "adopted"}
    (told,) = world.told(tidying.NotTidied)
    assert "cannot clean up" in told.why
    assert world.folder.exists()
