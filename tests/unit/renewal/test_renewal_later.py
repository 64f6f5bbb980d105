"""A service that issues some time after it was asked (RCL's V8): whatever is found, one certificate at most, and none twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd import challenges
from renewd.journal import State
from renewd.renewal import by_hand, passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.world import World, settle

NAME = "a.example"
PATIENCE = timedelta(minutes=10)  # what a finalize call waits


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox whose V8 API is used, on the fake clock; a certificate that was never issued."""
    world = World(tmp_path, clock, v8=True)
    world.sandbox.seed(NAME, days_left=None)
    yield world
    world.close()


def once(world: World, **options: Any) -> Any:
    """One pass of a process of its own; its one outcome, if there is one."""
    context = world.context(NAME, **options)
    try:
        return next(iter(passes.run(context, context.loaded.targets)), None)
    finally:
        context.close()


def issued(world: World) -> int:
    world.sandbox.schedule.work_off()
    return world.sandbox.portal.holdings[NAME].issued


def is_live(world: World) -> None:
    held = world.sandbox.portal.holdings[NAME].held
    assert held is not None
    assert world.live(NAME) == held.leaf


def test_it_is_waited_for_within_the_pass(world: World, clock: FakeClock):
    world.sandbox.fault("schedule", "late=300")
    began = clock.now()
    assert once(world).result == "renewed"
    assert timedelta(minutes=5) <= clock.now() - began < timedelta(minutes=6)
    assert (world.calls(NAME, "order"), world.calls(NAME, "schedule"), issued(world)) == (1, 1, 1)
    is_live(world)


@pytest.mark.fault(7, 23)
@pytest.mark.parametrize("minutes", [2, 11, 25, 59])
@pytest.mark.parametrize("reply", [None, "lose-reply", "status-after=504-html", "status-after=500"])
def test_issued_late_or_its_answer_lost_it_is_ordered_and_asked_for_once(
    world: World, clock: FakeClock, reply: str | None, minutes: int
):
    world.sandbox.fault("schedule", f"late={60 * minutes}")
    if reply is not None:
        world.sandbox.fault("schedule", reply)
    settle(world, once, timedelta(hours=2))
    assert (world.calls(NAME, "order"), world.calls(NAME, "schedule"), issued(world)) == (1, 1, 1)
    is_live(world)


@pytest.mark.fault(23)
@pytest.mark.parametrize("hours", [2, 3])
def test_issued_hours_later_it_was_asked_for_again_and_issued_once(
    world: World, clock: FakeClock, hours: int
):
    world.sandbox.fault("schedule", f"late={3600 * hours}", None)
    settle(world, once, timedelta(hours=6))
    assert (world.calls(NAME, "order"), issued(world)) == (1, 1)
    assert world.calls(NAME, "schedule") == 2
    is_live(world)


@pytest.mark.fault(21, 23)
def test_forgotten_it_is_asked_for_again_with_the_same_order(world: World, clock: FakeClock):
    world.sandbox.fault("schedule", "never")
    began = clock.now()
    outcome = once(world)
    clock.advance(outcome.next_try_at - clock.now())
    assert "not changed yet: the service took it up" in once(world).why
    settle(world, once, timedelta(hours=2))
    assert clock.now() - began >= timedelta(hours=1)
    assert (world.calls(NAME, "order"), world.calls(NAME, "schedule"), issued(world)) == (1, 2, 1)


@pytest.mark.fault(21, 23)
def test_never_issued_it_is_asked_for_twice_and_looked_for_ever_more_seldom(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=48)
    once(world)
    clock.advance(timedelta(days=20))  # 28 are left: time enough to look for it
    world.sandbox.portal.calls.clear()
    world.sandbox.fault("schedule", "never", None)
    began, outcomes = clock.now(), []
    while clock.now() - began < timedelta(days=2):
        outcomes.append(once(world))
        clock.advance(max(timedelta(seconds=1), outcomes[-1].next_try_at - clock.now()))
    failed = [outcome.why for outcome in outcomes if outcome.result == "failed"]
    assert "does not say why" in failed[0]
    assert "still shows no certificate" in failed[-1]
    assert (world.calls(NAME, "order"), world.calls(NAME, "schedule"), issued(world)) == (1, 2, 0)
    assert world.calls(NAME, "certificate") < 120


@pytest.mark.fault(21)
def test_a_proof_that_is_not_found_is_told_by_nobody_until_the_same_order_is_asked_for_again(
    world: World, clock: FakeClock
):
    seen, portal = [], world.sandbox.portal
    real = portal._validate

    def unseen(tokens: Any) -> str:
        seen.append(tokens)
        return "Invalid response from http://a.example/: 404"

    portal._validate = unseen
    began, outcome = clock.now(), once(world)
    while outcome.result != "failed":
        clock.advance(outcome.next_try_at - clock.now())
        outcome = once(world)
    assert "The order is invalid" in outcome.why
    assert world.calls(NAME, "order") == len(seen) == 2, "one anew, as the first might have run out"
    assert world.calls(NAME, "schedule") == 4
    assert clock.now() - began > timedelta(hours=2)
    portal._validate = real
    clock.advance(outcome.next_try_at - clock.now())
    settle(world, once, timedelta(days=1))
    assert (world.calls(NAME, "order"), issued(world)) == (3, 1)
    is_live(world)


def test_an_order_that_was_validated_elsewhere_is_finalized_by_hand(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    uri = world.sandbox.portal.order(NAME).uri
    context = world.context(NAME, by_hand=True)
    (outcome,) = by_hand.finalize(context, context.loaded.targets[0], uri)
    assert outcome.result == "renewed"
    assert (world.calls(NAME, "order"), world.calls(NAME, "schedule"), issued(world)) == (0, 1, 1)
    is_live(world)


# A restart


def left_in(world: World, state: State) -> Context:
    """The attempt of a process that ended in this state, with all its answers of memory gone."""
    context = world.context(NAME)
    journal = context.journal
    real, done = journal._change, []

    class Killed(BaseException):
        pass

    def change(*args: Any, **facts: Any) -> Any:
        changed = real(*args, **facts)
        if changed.state is state and not done:
            done.append(changed)
            raise Killed
        return changed

    journal._change = change  # type: ignore[method-assign]
    passes.run(context, context.loaded.targets)
    assert done
    journal._change = real  # type: ignore[method-assign]
    context.close()
    return context


ON_THE_WAY = [
    State.ORDER_INTENT,
    State.ORDERED,
    State.VALIDATING,
    State.READY,
    State.FINALIZE_INTENT,
    State.ISSUED,
    State.VALIDATED,
]


@pytest.mark.fault(59)
@pytest.mark.parametrize("state", ON_THE_WAY, ids=str)
def test_ended_in_any_state_it_is_issued_once(world: World, clock: FakeClock, state: State):
    left_in(world, state)
    settle(world, once, timedelta(hours=3))
    assert issued(world) == 1
    assert world.calls(NAME, "order") == 1
    is_live(world)


@pytest.mark.fault(59)
@pytest.mark.parametrize("late", [30, 1500])
def test_ended_while_it_was_waited_for_the_proof_stands_again_until_it_is_looked_at(
    world: World, clock: FakeClock, late: int
):
    """Its own listener ends with the process, and the CA looks only later."""
    world.sandbox.fault("schedule", f"late={late}")
    context = world.context(NAME)
    (target,) = context.loaded.targets
    issuer = context.issuer(target.issuer)

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> Any:
        raise Killed

    issuer._awaited = killed  # type: ignore[attr-defined]
    passes.run(context, context.loaded.targets)
    (attempt,) = context.journal.under_way()
    assert attempt.state is State.FINALIZE_INTENT
    context.close()
    assert target.challenge is not None
    order = next(iter(world.sandbox.portal.orders.values()))
    challenges.make(target.challenge).remove(order.tokens)  # as its process's end does
    settle(world, once, timedelta(hours=1))
    assert (world.calls(NAME, "order"), world.calls(NAME, "schedule"), issued(world)) == (1, 1, 1)
    is_live(world)
