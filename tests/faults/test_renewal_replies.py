"""The process ends in each state of an attempt, whatever became of the call in flight; the next one brings it to its end."""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.journal import Attempt, State
from renewd.renewal import passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.faults import figures
from tests.world import World

NAME = "contoso.example"
ROUNDS = 60

# The call of the service that is in flight in a state, as the issuer's method and as the sandbox knows it.
IN_FLIGHT = {
    State.DUE: ("current", "certificate"),
    State.ORDER_INTENT: ("order", "order"),
    State.FINALIZE_INTENT: ("finalize", "finalize"),
    State.RECONCILE: ("outcome", "certificate"),
    State.ISSUED: ("collect", "download"),
}
# Nothing is in flight: the process ends as soon as the state is journaled.
STILL = (
    State.PREFLIGHT,
    State.ORDERED,
    State.VALIDATING,
    State.READY,
    State.VALIDATED,
    State.ACTIVATE_INTENT,
    State.ACTIVE,
    State.ROLLED_BACK,
)
# An attempt is found in them only if another version of renewd left it there.
FOREIGN = (State.STAGED, State.HOOKS_PENDING, State.HELD)
ENDED = (State.DONE, State.QUARANTINED)

# What became of the call: the sandbox's fault, None for none; the first is never made.
OUTCOMES = {
    "not sent": None,
    "lost before it was processed": "reset-before",
    "processed, the reply lost": "lose-reply",
    "processed, the body cut": "cut",
    "processed, answered with 500": "status-after=500",
    "processed, answered with 503": "status-after=503",
    "processed, answered with 504": "status-after=504-html",
    "processed and answered": None,
}

SURVIVED = [(state, outcome) for state in IN_FLIGHT for outcome, fault in OUTCOMES.items() if fault]
ALL = os.environ.get("RENEWD_SWEEP") == "all"


class Killed(BaseException):
    """The process ends here, as it were."""


class Dying:
    """The real issuer; its next call of one method is the process's last, once `armed`."""

    def __init__(self, real: Any, method: str, *, sent: bool) -> None:
        self._real, self._method, self._sent = real, method, sent
        self.armed = False
        self.died = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        return self._last(real) if self.armed and name == self._method else real

    def _last(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.armed, self.died = False, True
            try:
                if self._sent:
                    real(*args, **options)
            finally:
                raise Killed

        return call


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Any:
    world = World(tmp_path, clock)
    world.sandbox.seed(NAME, days_left=40)
    context = world.context(NAME)
    passes.run(context, context.loaded.targets)
    context.close()
    clock.advance(timedelta(days=20))
    portal = world.sandbox.portal
    portal.calls.clear()
    real, sequence = portal.count, []

    def count(name: str, call: str) -> None:
        sequence.append(call)
        real(name, call)

    portal.count = count  # type: ignore[method-assign]
    yield world
    world.close()
    looked_before_each_repetition(sequence)


def looked_before_each_repetition(calls: Sequence[str]) -> None:
    """Between two finalizes of one order the portal is asked what became of the first."""
    sent = False
    for call in calls:
        assert not (sent and call == "finalize"), f"finalize was repeated blindly: {calls}"
        sent = call == "finalize"


def at(context: Context, state: State, then: Callable[[], None]) -> None:
    """Do something as soon as an attempt has been journaled in this state for the first time."""
    journal = context.journal
    real, left = journal._change, [then]

    def change(*args: Any, **facts: Any) -> Attempt:
        changed = real(*args, **facts)
        if changed.state is state and left:
            left.pop()()
        return changed

    journal._change = change  # type: ignore[method-assign]


def die() -> None:
    raise Killed


def one_pass(context: Context) -> None:
    """A pass that may end with its process, wherever in it that happens."""
    try:
        passes.run(context, context.loaded.targets)
    except Killed:
        pass
    finally:
        context.close()


def goes_on(world: World, clock: FakeClock) -> None:
    """New processes come to an end with one certificate and at most one order more than needed."""
    for _ in range(ROUNDS):
        context = world.context(NAME)
        outcomes = passes.run(context, context.loaded.targets)
        context.close()
        if not outcomes:
            break
        until = outcomes[0].next_try_at or clock.now()
        assert outcomes[0].result.well or outcomes[0].next_try_at is not None, (
            "it waits, and nobody knows until when"
        )
        clock.advance(max(until - clock.now(), timedelta(seconds=1)))
    holding = world.sandbox.portal.holdings[NAME]
    assert holding.issued == 1
    assert holding.held is not None
    assert world.live(NAME) == holding.held.leaf
    assert world.calls(NAME, "order") <= 2
    figures.record("states and replies", tried=1, issued_twice=0, lost=0)


def test_every_state_is_covered():
    assert {*IN_FLIGHT, *STILL, *FOREIGN, *ENDED} == set(State)


@pytest.mark.fault(6, 7, 8, 59)
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("state", IN_FLIGHT, ids=str)
def test_ended_with_a_call_in_flight(world: World, clock: FakeClock, state: State, outcome: str):
    method, call = IN_FLIGHT[state]
    if state is State.RECONCILE:
        world.sandbox.fault("finalize", "lose-reply")
    context = world.context(NAME)
    (target,) = context.loaded.targets
    dying = Dying(context.issuer(target.issuer), method, sent=outcome != "not sent")
    context._issuers[target.issuer] = dying  # type: ignore[assignment]

    def arm() -> None:
        dying.armed = True
        fault = OUTCOMES[outcome]
        if fault is not None:
            world.sandbox.fault(call, fault)

    if state is State.DUE:
        arm()
    at(context, state, arm)
    one_pass(context)
    assert dying.died
    goes_on(world, clock)


@pytest.mark.fault(6, 7, 8)
@pytest.mark.parametrize(("state", "outcome"), SURVIVED if ALL else SURVIVED[::3], ids=str)
def test_the_same_without_an_end(world: World, clock: FakeClock, state: State, outcome: str):
    fault = OUTCOMES[outcome]
    assert fault is not None
    if state is State.RECONCILE:
        world.sandbox.fault("finalize", "lose-reply")
    if state is State.DUE:
        world.sandbox.fault("certificate", fault)
    context = world.context(NAME)
    at(context, state, lambda: world.sandbox.fault(IN_FLIGHT[state][1], fault))
    one_pass(context)
    goes_on(world, clock)


@pytest.mark.fault(7, 59)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_ended_while_finding_out_what_became_of_a_finalize_that_never_arrived(
    world: World, clock: FakeClock, outcome: str
):
    world.sandbox.fault("finalize", "reset-before")
    context = world.context(NAME)
    (target,) = context.loaded.targets
    dying = Dying(context.issuer(target.issuer), "outcome", sent=outcome != "not sent")
    context._issuers[target.issuer] = dying  # type: ignore[assignment]
    at(context, State.RECONCILE, lambda: setattr(dying, "armed", True))
    one_pass(context)
    assert dying.died
    goes_on(world, clock)


@pytest.mark.fault(59)
@pytest.mark.parametrize("state", STILL, ids=str)
def test_ended_with_nothing_in_flight(world: World, clock: FakeClock, state: State):
    hooks = {"reload": "false"} if state is State.ROLLED_BACK else {}
    context = world.context(world.entry(NAME, hooks=hooks))
    reached: list[State] = []

    def end() -> None:
        reached.append(state)
        die()

    at(context, state, end)
    one_pass(context)
    assert reached
    goes_on(world, clock)


@pytest.mark.fault(67)
@pytest.mark.parametrize("state", FOREIGN, ids=str)
def test_left_by_another_version(world: World, clock: FakeClock, state: State):
    context = world.context(NAME)

    def leave() -> None:
        (attempt,) = context.journal.under_way()
        context.journal.move(attempt, state, "left")
        die()

    at(context, State.VALIDATED if state is not State.HELD else State.PREFLIGHT, leave)
    one_pass(context)
    goes_on(world, clock)


@pytest.mark.fault(59)
def test_ended_when_all_was_done(world: World, clock: FakeClock):
    context = world.context(NAME)
    real = context.journal.end

    def end(attempt: Attempt, *args: Any, **facts: Any) -> Attempt:
        real(attempt, *args, **facts)
        raise Killed

    context.journal.end = end  # type: ignore[method-assign]
    one_pass(context)
    goes_on(world, clock)


@pytest.mark.fault(59)
def test_ended_after_a_refusal_nothing_is_ordered_for_a_day(world: World, clock: FakeClock):
    world.sandbox.fault("finalize", "wrong-names")
    before = world.files()
    context = world.context(NAME)
    real = context.journal.end

    def end(attempt: Attempt, *args: Any, **facts: Any) -> Attempt:
        real(attempt, *args, **facts)
        raise Killed

    context.journal.end = end  # type: ignore[method-assign]
    one_pass(context)
    began, orders = clock.now(), world.calls(NAME, "order")
    while clock.now() - began < timedelta(hours=23):
        context = world.context(NAME)
        outcomes = passes.run(context, context.loaded.targets)
        context.close()
        assert [str(outcome.result) for outcome in outcomes] == ["held"]
        clock.advance(timedelta(hours=2))
    assert world.calls(NAME, "order") == orders == 1
    assert world.files() == before
