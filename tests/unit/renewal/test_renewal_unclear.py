"""Nothing is ordered or finalized twice: whatever was under way when the process ended, and whatever went wrong in it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from renewd.errors import NotFinal, Throttled
from renewd.journal import State
from renewd.planning import backoff
from renewd.renewal import by_hand, passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.world import World, results

NAME = "a.example"


def renew(world: World, **options: Any) -> dict[str, str]:
    context = world.context(NAME, **options)
    outcomes = results(passes.run(context, context.loaded.targets))
    context.close()
    return outcomes


def left_in(world: World, state: State, **facts: Any) -> None:
    """An attempt as a process left it that was killed, with an order at the service."""
    context = world.context(NAME)
    (target,) = context.loaded.targets
    journal, now = context.journal, world.clock.now()
    order = context.issuer(target.issuer).order(target)
    fence = journal.take(target.identity)
    attempt = journal.begin(target.identity, NAME, "renewal", issuer=target.issuer, fence=fence)
    known = {"order_uri": order.uri, "ordered_at": now, "finalize_sent_at": now, "finalizes": 1, **facts}
    journal.move(attempt, state, "left", **known)
    journal.release(target.identity, fence)
    context.close()


class Issuer:
    """The real issuer, whose calls end as `ends` says once they were made."""

    def __init__(self, real: Any, **ends: BaseException) -> None:
        self._real = real
        self._ends = ends

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in self._ends:
            return real

        def call(*args: Any, **more: Any) -> Any:
            real(*args, **more)
            raise self._ends.pop(name)

        return call


def broken(world: World, **ends: BaseException) -> Context:
    context = world.context(NAME)
    (target,) = context.loaded.targets
    context._issuers[target.issuer] = Issuer(context.issuer(target.issuer), **ends)  # type: ignore[assignment]
    return context


def test_an_answer_from_before_does_not_make_a_finalize_that_was_cut_short_an_answered_one(
    world: World, clock: FakeClock
):
    """The first finalize was refused, the second was under way when the process ended: it may still be running."""
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("finalize", "text-400=not now")

    class Killed(BaseException):
        pass

    context = world.context(NAME)
    (target,) = context.loaded.targets
    issuer = context.issuer(target.issuer)
    calls = []

    class Second:
        def __getattr__(self, name: str) -> Any:
            return getattr(issuer, name)

        def finalize(self, *args: Any) -> Any:
            calls.append(args)
            if len(calls) == 2:
                raise Killed
            return issuer.finalize(*args)

    context._issuers[target.issuer] = Second()  # type: ignore[assignment]
    passes.run(context, context.loaded.targets)
    context.close()
    assert len(calls) == 2
    assert renew(world) == {NAME: "parked"}
    assert world.calls(NAME, "finalize") == 1, "it was not sent again, as the other one may still be running"
    clock.advance(timedelta(minutes=20))


@pytest.mark.parametrize("error", [RuntimeError("a defect"), KeyError("x"), RecursionError()], ids=repr)
def test_a_defect_after_finalize_was_sent_is_reconciled_and_nothing_is_issued_twice(
    world: World, error: Exception, clock: FakeClock
):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    context = broken(world, finalize=error)
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == world.calls(NAME, "finalize") == 1


def test_a_defect_after_an_order_was_made_is_a_failure_with_a_back_off(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    for _ in range(3):
        context = broken(world, order=RuntimeError("a defect"))
        outcomes = passes.run(context, context.loaded.targets)
        assert outcomes[0].next_try_at is not None
        clock.advance(timedelta(seconds=61))
    assert world.calls(NAME, "order") == 2, "the second comes after a minute, the third would after ten"


@pytest.mark.fault(8, 59)
def test_killed_while_ordering_the_next_order_waits_a_minute(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    left_in(world, State.ORDER_INTENT, order_uri=None, ordered_at=None, finalize_sent_at=None, finalizes=0)
    began = clock.now()
    assert renew(world) == {NAME: "renewed"}
    assert clock.now() - began >= timedelta(minutes=1)


@pytest.mark.fault(8, 59)
def test_killed_while_ordering_again_and_again_costs_ever_fewer_orders(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)

    class Killed(BaseException):
        pass

    for _ in range(60):
        context = broken(world, order=Killed())
        passes.run(context, context.loaded.targets)
        context.close()
        clock.advance(timedelta(minutes=1))
    assert world.calls(NAME, "order") <= 4


def test_calls_that_were_not_sent_do_not_count_as_finalizes(world: World):
    """Three that the service was too busy for, one that it refused: the same order may be finalized again."""
    world.sandbox.seed(NAME, days_left=None, validated=True)
    context = world.context(NAME, patience=timedelta(hours=1))
    (target,) = context.loaded.targets
    real = context.issuer(target.issuer)
    answers = [Throttled("busy", retry_after=timedelta(seconds=5))] * 3 + [NotFinal("not now")]

    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def finalize(self, *args: Any) -> Any:
            if answers:
                raise answers.pop(0)
            return real.finalize(*args)

    context._issuers[target.issuer] = Busy()  # type: ignore[assignment]
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 1


def test_an_order_that_ran_out_meanwhile_is_replaced_and_the_new_one_is_proved(
    world: World, clock: FakeClock
):
    world.sandbox.seed(NAME, days_left=None)
    left_in(world, State.READY)
    context = world.context(NAME)
    journal = context.journal
    (attempt,) = journal.under_way()
    tokens = tuple(
        {"domain": t.domain, "type": "http-01", "name": t.name, "value": t.value}
        for t in next(iter(world.sandbox.portal.orders.values())).tokens
    )
    fence = journal.take(attempt.identity)
    attempt = journal.move(journal.resume(attempt, fence), State.READY, "left", tokens=tokens)
    journal.release(attempt.identity, fence)
    context.close()
    world.sandbox.portal.orders.clear()
    assert renew(world) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 2


def test_finalizing_by_hand_an_order_whose_answer_was_lost_looks_first(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    context = world.context(NAME)
    (target,) = context.loaded.targets
    world.sandbox.fault("finalize", "lose-reply")
    assert renew(world, patience=timedelta()) == {NAME: "parked"}
    uri = next(iter(world.sandbox.portal.orders.values())).uri
    context = world.context(NAME, by_hand=True)
    assert results(by_hand.finalize(context, target, uri)) == {NAME: "renewed"}
    assert world.calls(NAME, "finalize") == 1


def test_finalizing_by_hand_what_is_live_already_puts_no_good_certificate_into_quarantine(
    world: World, clock: FakeClock
):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    assert renew(world) == {NAME: "renewed"}
    uri = next(iter(world.sandbox.portal.orders.values())).uri
    context = world.context(NAME, by_hand=True)
    (target,) = context.loaded.targets
    by_hand.finalize(context, target, uri)
    assert not context.installer.quarantined(target)


@pytest.mark.parametrize("state", [s for s in State if s not in (State.DONE, State.QUARANTINED)], ids=str)
def test_whatever_state_is_found_at_start_ends_well_with_at_most_one_certificate_issued(
    world: World, clock: FakeClock, state: State
):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    left_in(world, state)
    for _ in range(12):
        if world.files().get(f"{NAME}/fullchain.pem"):
            break
        renew(world)
        clock.advance(timedelta(minutes=30))
    assert world.live(NAME).not_valid_after_utc > clock.now() + timedelta(days=80)
    assert world.calls(NAME, "order") <= 2


@pytest.mark.fault(11, 15)
@pytest.mark.parametrize("call", ["certificate", "order", "finalize"])
@pytest.mark.parametrize("fault", ["status=503", "status=429+5", "status=429+1800"])
def test_a_service_that_stays_busy_is_asked_ever_more_seldom_and_told_as_a_failure(
    world: World, clock: FakeClock, call: str, fault: str
):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault(call, fault, None)
    context = world.context(NAME)
    began, seen = clock.now(), set()
    while clock.now() - began < timedelta(hours=6):
        (outcome,) = passes.run(context, context.loaded.targets)
        seen.add(str(outcome.result))
        assert outcome.next_try_at is not None
        clock.advance(max(timedelta(seconds=1), outcome.next_try_at - clock.now()))
    assert "failed" in seen
    assert world.calls(NAME, call) < 60
    world.sandbox.faults.clear()
    clock.advance(timedelta(days=1))
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}


@pytest.mark.fault(7, 12, 15, 16, 18, 22)
@pytest.mark.parametrize(
    "fault", ["status=503", "status=401", "status=404", "html-200", "wrong-type", "other-name"]
)
def test_a_service_that_cannot_be_asked_after_a_lost_reply_is_asked_until_it_can(
    world: World, clock: FakeClock, fault: str
):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("finalize", "lose-reply")
    context = world.context(NAME, patience=timedelta())
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "parked"}
    world.sandbox.fault("certificate", fault, None)
    began = clock.now()
    while clock.now() - began < timedelta(hours=2):
        (outcome,) = passes.run(context, context.loaded.targets)
        assert outcome.result == "parked"
        assert outcome.next_try_at is not None
        clock.advance(outcome.next_try_at - clock.now())
    world.sandbox.faults.clear()
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == world.calls(NAME, "finalize") == 1


def taken_up_elsewhere(world: World, clock: FakeClock, status: str) -> None:
    """A certificate that is due, and an order that answers as if somebody else had finalized it; the portal shows nothing new."""
    world.sandbox.seed(NAME, days_left=None, validated=True)
    assert renew(world) == {NAME: "renewed"}
    clock.advance(timedelta(days=75))
    world.sandbox.portal.calls.clear()
    order = {"status": status, "orderUri": "https://ca.example/order/1", "validationTokens": []}
    world.sandbox.fault("order", f"body={json.dumps(order)}")


@pytest.mark.parametrize("status", ["processing", "valid"])
def test_an_order_that_was_taken_up_elsewhere_and_brings_nothing_is_followed_by_a_new_one(
    world: World, clock: FakeClock, status: str
):
    taken_up_elsewhere(world, clock, status)
    context, began = world.context(NAME), clock.now()
    looks = world.calls(NAME, "certificate")
    while world.calls(NAME, "order") < 2 and clock.now() - began < timedelta(days=1):
        (outcome,) = passes.run(context, context.loaded.targets)
        clock.advance(max(timedelta(seconds=1), (outcome.next_try_at or clock.now()) - clock.now()))
    assert outcome.result == "renewed"
    assert backoff.LOOKS_WITHIN <= clock.now() - began < 2 * backoff.LOOKS_WITHIN
    assert world.calls(NAME, "certificate") - looks < 30, "it is looked for ever more seldom"
    assert world.calls(NAME, "finalize") == 1


def test_a_person_who_insists_need_not_wait_for_an_order_that_was_taken_up_elsewhere(
    world: World, clock: FakeClock
):
    taken_up_elsewhere(world, clock, "processing")
    assert renew(world) == {NAME: "parked"}
    context = world.context(NAME, by_hand=True)
    assert results(passes.run(context, context.loaded.targets, forced=[NAME])) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 2


def test_a_service_that_cannot_be_asked_of_such_an_order_leaves_nothing_unclear(
    world: World, clock: FakeClock
):
    taken_up_elsewhere(world, clock, "valid")
    assert renew(world) == {NAME: "parked"}
    world.sandbox.fault("certificate", "status=503", None)
    clock.advance(backoff.LOOKS_WITHIN)
    context = world.context(NAME)
    (outcome,) = passes.run(context, context.loaded.targets)
    assert outcome.result == "failed"
    assert context.journal.unresolved(NAME) == []
