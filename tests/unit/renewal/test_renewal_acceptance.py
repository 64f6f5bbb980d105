"""What the issuer holds already is taken where it can be had; where it cannot, no certificate runs out over it."""

from datetime import timedelta

import pytest

from renewd.renewal import passes
from tests.clocks import FakeClock
from tests.world import World, put_live, results

A = "a.example"


def held_but_broken(world: World, *, days_left: float) -> None:
    """Live is a certificate with so many days left; the portal holds a newer one, of which a file is empty."""
    world.sandbox.seed(A, days_left=days_left, validated=True)
    context = world.context(A)
    put_live(context)
    context.close()
    world.sandbox.seed(A, days_left=80, validated=True, spoil="empty-chain")


def tried(world: World, clock: FakeClock) -> dict[str, str]:
    """A pass, and the clock moved to when the target is to be tried again."""
    context = world.context(A)
    outcomes = passes.run(context, context.loaded.targets)
    context.close()
    for outcome in outcomes:
        clock.advance((outcome.next_try_at or clock.now()) - clock.now())
    return results(outcomes)


@pytest.mark.fault(27)
def test_one_is_ordered_before_the_running_one_ends_if_what_the_issuer_holds_cannot_be_fetched(
    world: World, clock: FakeClock
):
    held_but_broken(world, days_left=20)
    assert [tried(world, clock) for _ in range(3)] == [{A: "failed"}, {A: "failed"}, {A: "renewed"}]
    assert world.calls(A, "order") == 1


@pytest.mark.fault(27)
def test_nothing_is_ordered_for_that_while_the_running_one_lasts(world: World, clock: FakeClock):
    held_but_broken(world, days_left=29)
    assert [tried(world, clock) for _ in range(4)] == [{A: "failed"}] * 4
    assert world.calls(A, "order") == 0
    assert world.live(A).not_valid_after_utc - clock.now() > timedelta(days=27)


def test_storage_that_comes_back_is_waited_for_before_one_is_ordered(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=20, validated=True)
    context = world.context(A)
    put_live(context)
    context.close()
    world.sandbox.seed(A, days_left=80, validated=True)
    world.sandbox.fault("download", "empty-200", None)
    assert tried(world, clock) == {A: "failed"}
    assert tried(world, clock) == {A: "failed"}
    world.sandbox.faults.clear()
    world.sandbox.fault("download", "status=500", 1)
    assert tried(world, clock) == {A: "adopted"}
    assert world.calls(A, "order") == 0


@pytest.mark.fault(26)
def test_a_storage_that_is_down_for_hours_is_waited_for_with_days_left(world: World, clock: FakeClock):
    world.sandbox.seed(A, days_left=15, validated=True)
    context = world.context(A)
    put_live(context)
    context.close()
    world.sandbox.seed(A, days_left=80, validated=True)
    world.sandbox.fault("download", "status=500", None)
    began = clock.now()
    while clock.now() - began < timedelta(hours=6):
        tried(world, clock)
    assert world.calls(A, "order") == 0
    world.sandbox.faults.clear()
    clock.advance(timedelta(days=1))
    assert tried(world, clock) == {A: "adopted"}
