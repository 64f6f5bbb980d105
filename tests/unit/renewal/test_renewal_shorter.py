"""What renewd ordered in the place of what runs goes live, and stays, though it ends before it: another profile, another CA."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from renewd.renewal import by_hand, events, passes
from renewd.renewal.outcome import Result
from tests.clocks import FakeClock
from tests.world import World, put_by_hand, results

NAME = "a.example"


@pytest.fixture
def long(world: World, clock: FakeClock) -> x509.Certificate:
    """The live certificate, which has eighty days left; from now on the CA issues for six."""
    world.sandbox.seed(NAME, days_left=80, validated=True)
    assert results(run(world)) == {NAME: "adopted"}
    world.sandbox.portal.holdings[NAME].lifetime = timedelta(days=6)
    clock.advance(60)
    return world.live(NAME)


def run(world: World, *, forced: bool = False, **keys: Any) -> list[passes.Outcome]:
    context = world.context(world.entry(NAME, **keys))
    outcomes = passes.run(context, context.loaded.targets, forced={NAME} if forced else ())
    context.close()
    return outcomes


def deploy(world: World) -> list[passes.Outcome]:
    context = world.context(NAME)
    return by_hand.deploy(context, context.loaded.targets)


def is_short(world: World) -> bool:
    return world.live(NAME).not_valid_after_utc < world.clock.now() + timedelta(days=7)


def test_a_shorter_life_is_told_and_taken_and_stays(world: World, long: x509.Certificate):
    assert results(run(world, forced=True)) == {NAME: "renewed"}
    assert is_short(world)
    (accepted,) = world.told(events.Accepted)[1:]
    assert "lifetime: 90 days before, 6 days now" in accepted.differences
    assert run(world) == []
    (again,) = deploy(world)
    assert again.result is Result.DEPLOYED
    assert is_short(world), "the newest is what was ordered last, whatever ends later"
    assert world.calls(NAME, "order") == 1


def test_it_is_renewed_in_its_own_time(world: World, long: x509.Certificate, clock: FakeClock):
    run(world, forced=True)
    clock.advance(timedelta(days=3, hours=1))
    assert results(run(world)) == {NAME: "renewed"}
    assert is_short(world)
    assert world.calls(NAME, "order") == 2


def test_put_back_by_a_failing_reload_it_goes_live_with_the_next_try(
    world: World, long: x509.Certificate, clock: FakeClock
):
    assert results(run(world, forced=True, hooks={"reload": "false"})) == {NAME: "put_back"}
    assert world.live(NAME) == long
    clock.advance(timedelta(hours=1, minutes=1))
    assert results(run(world)) == {NAME: "deployed"}
    assert is_short(world)
    assert world.calls(NAME, "order") == 1


@pytest.mark.fault(35)
def test_what_somebody_put_there_meanwhile_and_ends_later_stays(
    world: World, long: x509.Certificate, clock: FakeClock
):
    """It was ordered in the place of another one than that."""
    run(world, forced=True, hooks={"reload": "false"})
    theirs = put_by_hand(world, world.folder / "live" / NAME)
    clock.advance(timedelta(hours=1, minutes=1))
    run(world)
    assert world.live(NAME) == theirs
    (outcome,) = deploy(world)
    assert outcome.result is Result.FAILED
    assert world.live(NAME) == theirs


def test_an_order_in_the_place_of_somebody_elses_is_what_they_asked_for(
    world: World, long: x509.Certificate, clock: FakeClock
):
    put_by_hand(world, world.folder / "live" / NAME)
    assert results(run(world, forced=True)) == {NAME: "renewed"}
    assert is_short(world)


class Killed(BaseException):
    """The process ends here, as it were."""


def test_a_process_that_ends_before_the_switch_is_followed_by_one_that_lets_it_go_live(
    world: World, long: x509.Certificate, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: Any) -> None:
        raise Killed

    context = world.context(world.entry(NAME, hooks={"check": "true"}))
    with monkeypatch.context() as patch:
        patch.setattr(passes, "deploy", killed)
        with pytest.raises(Killed):
            passes.run(context, context.loaded.targets, forced={NAME})
    for attempt in context.journal.under_way():
        context.journal.release(attempt.identity, attempt.fence)
    assert world.live(NAME) == long
    assert results(run(world)) == {NAME: "renewed"}
    assert is_short(world)
    assert world.calls(NAME, "order") == 1


def test_going_back_by_hand_and_forth_again(world: World, long: x509.Certificate):
    run(world, forced=True)
    context = world.context(NAME)
    (back,) = by_hand.rollback(context, context.loaded.targets[0], None)
    assert back.result.well
    assert world.live(NAME) == long
    assert run(world) == []
    deploy(world)
    assert is_short(world)
