"""Limits, clocks and doubts hold an attempt without spending anything, and it goes on by itself when it may."""

import shutil
from datetime import datetime, timedelta
from typing import Any

import pytest

from renewd.journal.spent import SEEN
from renewd.planning import budget
from renewd.planning.budget import What
from renewd.renewal import by_hand, events, outages, passes
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome
from tests.clocks import FakeClock
from tests.world import World, put_live, results

NAME = "a.example"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def renew(world: World, *names: str, forced: bool = False, **options: Any) -> list[Outcome]:
    context = world.context(*(names or (NAME,)), **options)
    targets = context.loaded.targets
    outcomes = passes.run(context, targets, forced={target.name for target in targets} if forced else ())
    context.close()
    return outcomes


def spent(world: World, what: What | None = None) -> list[What]:
    context = world.context(NAME)
    (target,) = context.loaded.targets
    found = context.journal.spent(target.identity, target.issuer)
    context.close()
    return [one.what for one in found if what in (None, one.what)]


def once_renewed(world: World, *, days_left: float = 20) -> None:
    """Live is a certificate with so many days left, of which the issuer shows the same."""
    world.sandbox.seed(NAME, days_left=days_left, validated=True)
    context = world.context(NAME)
    put_live(context)
    context.close()


def used_up(world: World, certificates: int) -> None:
    for _ in range(certificates):
        assert results(renew(world, forced=True, by_hand=True)) == {NAME: "renewed"}
        world.clock.advance(HOUR)  # type: ignore[attr-defined]


def test_out_of_budget_an_attempt_waits_and_then_goes_on(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    used_up(world, 3)
    (outcome,) = renew(world, forced=True)
    assert (outcome.result, outcome.next_try_at) == ("parked", clock.now() + 7 * DAY - 3 * HOUR)
    assert "3 of 3 automatic certificates of this week are used; the next from 30 Nov" in outcome.why
    assert world.calls(NAME, "order") == 3
    (told,) = world.told(events.Parked)
    assert told.why == outcome.why
    assert results(renew(world)) == {NAME: "parked"}
    clock.advance(7 * DAY - 3 * HOUR)
    assert results(renew(world)) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 4


def test_a_person_may_have_a_little_more_and_then_no_more(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    used_up(world, 3)
    assert results(renew(world, forced=True)) == {NAME: "parked"}
    used_up(world, 2)
    (outcome,) = renew(world, forced=True, by_hand=True)
    assert outcome.result == "parked"
    assert "5 of 5 certificates of this week are used" in outcome.why
    assert world.calls(NAME, "order") == 5


def test_no_order_is_made_whose_certificate_would_have_no_room(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    used_up(world, 5)
    for _ in range(3):
        assert results(renew(world, forced=True, by_hand=True)) == {NAME: "parked"}
        clock.advance(HOUR)
    assert world.calls(NAME, "order") == 5


@pytest.mark.fault(1)
def test_what_was_not_sent_is_not_spent(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("order", "status=429", 1)
    world.sandbox.fault("finalize", "status=429+1", 1)
    assert results(renew(world)) == {NAME: "renewed"}
    assert spent(world) == [What.ORDER, What.CERTIFICATE]


def test_an_order_that_is_refused_for_good_is_not_spent(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("order", "status=401", 1)
    assert results(renew(world)) == {NAME: "failed"}
    assert world.calls(NAME, "order") == 1
    assert spent(world) == []


@pytest.mark.fault(8, 15)
def test_what_a_gateway_answers_with_503_may_have_been_done_and_is_spent(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("order", "status-after=503", None)
    began = clock.now()
    while clock.now() - began < DAY:
        (outcome,) = renew(world)
        assert len(spent(world, What.ORDER)) == world.calls(NAME, "order") == len(world.sandbox.portal.orders)
        clock.advance(max(timedelta(seconds=1), (outcome.next_try_at or clock.now()) - clock.now()))
    assert 3 < world.calls(NAME, "order") <= budget.ORDERS


@pytest.mark.fault(11)
def test_an_order_is_tried_again_when_a_gateway_s_503_says_and_counts_twice(world: World):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("order", "status-after=503+2", 1)
    assert results(renew(world)) == {NAME: "renewed"}
    assert spent(world, What.ORDER) == [What.ORDER] * 2


@pytest.mark.fault(21)
def test_an_order_that_is_invalid_gave_no_certificate(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("finalize", "text-400=The order is invalid.", 1)
    assert results(renew(world)) == {NAME: "failed"}
    assert spent(world) == [What.ORDER]


@pytest.mark.fault(7)
def test_a_lost_answer_is_spent(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("finalize", "lose-reply", 1)
    assert results(renew(world)) == {NAME: "renewed"}
    assert spent(world, What.CERTIFICATE) == [What.CERTIFICATE]


def test_a_proof_that_the_ca_refused_is_no_certificate_and_five_of_them_wait_an_hour(
    world: World, clock: FakeClock
):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    world.sandbox.fault("finalize", "text-400=Invalid response from http://a.example: 404", None)
    found = []
    for _ in range(7):
        (outcome,) = renew(world, by_hand=True)
        found.append(str(outcome.result))
        clock.advance(timedelta(minutes=2))
    assert spent(world, What.CERTIFICATE) == []
    assert found == ["failed"] * 5 + ["parked"] * 2
    assert len(spent(world, What.PROOF)) == world.calls(NAME, "order") == 5
    assert "5 of 5 proofs for a.example failed within an hour" in outcome.why


@pytest.mark.fault(52)
def test_a_certificate_of_this_week_that_the_journal_does_not_know_counts(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=89.9, validated=True)
    assert results(renew(world)) == {NAME: "adopted"}
    assert spent(world) == [What.CERTIFICATE]


class Killed(BaseException):
    """The process ends here."""


class Deadly:
    """The real issuer, but that the process ends before a call goes out."""

    def __init__(self, real: Any, call: str) -> None:
        self._real, self._call = real, call

    def __getattr__(self, name: str) -> Any:
        if name == self._call:
            raise Killed
        return getattr(self._real, name)


def killed_at(world: World, call: str) -> None:
    context = world.context(NAME)
    (target,) = context.loaded.targets
    context._issuers[target.issuer] = Deadly(context.issuer(target.issuer), call)  # type: ignore[assignment]
    passes.run(context, context.loaded.targets)
    context.close()


@pytest.mark.fault(8, 59)
@pytest.mark.parametrize(
    ("call", "kept"), [("order", [What.ORDER]), ("finalize", [What.ORDER, What.CERTIFICATE])]
)
def test_killed_between_the_intent_and_the_call_the_debit_is_kept(world: World, call: str, kept: list[What]):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    killed_at(world, call)
    assert spent(world) == kept


def unresolved(world: World, clock: FakeClock) -> Outcome:
    """Finalize was called twice, the answers were lost, and nothing shows for four hours."""
    world.sandbox.fault("finalize", "status=504", None)
    for _ in range(40):
        (outcome,) = renew(world)
        if outcome.result == "failed":
            world.sandbox.faults.clear()
            return outcome
        assert outcome.next_try_at is not None
        clock.advance(outcome.next_try_at - clock.now())
    raise AssertionError(outcome)


def until(world: World, clock: FakeClock, at: Any) -> list[str]:
    """What the passes came to that renewd makes by itself."""
    found = []
    while clock.now() < at:
        (outcome,) = renew(world)
        found += [] if outcome.result == "held" else [str(outcome.result)]
        if outcome.result.well or outcome.next_try_at is None:
            break
        clock.advance(max(outcome.next_try_at - clock.now(), timedelta(minutes=1)))
    return found


@pytest.mark.fault(7)
def test_what_stays_unresolved_is_told_and_nothing_new_is_ordered_while_there_is_time(
    world: World, clock: FakeClock
):
    once_renewed(world, days_left=29)
    outcome = unresolved(world, clock)
    assert "nothing tells whether a certificate was issued" in outcome.why
    orders = world.calls(NAME, "order")
    ended = clock.now()
    found = until(world, clock, ended + 5 * DAY)
    assert set(found) == {"failed"}
    assert 5 <= len(found) <= 15, "looked at ever more seldom"
    assert world.calls(NAME, "order") == orders
    assert world.calls(NAME, "finalize") == 2


@pytest.mark.fault(7)
def test_what_was_unresolved_is_adopted_when_it_shows_up(world: World, clock: FakeClock):
    once_renewed(world, days_left=29)
    unresolved(world, clock)
    world.sandbox.seed(NAME, days_left=90, validated=True)
    assert until(world, clock, clock.now() + DAY)[-1] == "adopted"
    assert world.calls(NAME, "finalize") == 2


@pytest.mark.fault(7)
def test_a_new_order_follows_an_unresolved_one_when_a_quarter_of_the_life_is_left(
    world: World, clock: FakeClock
):
    once_renewed(world, days_left=29)
    unresolved(world, clock)
    found = until(world, clock, clock.now() + 29 * DAY)
    assert found[-1] == "renewed"
    assert 22.5 * DAY - 2 * DAY < timedelta(days=29) - (clock.now() - FakeClock().now()) <= 22.5 * DAY
    assert world.calls(NAME, "order") == 2


def one_more_seen(world: World, at: datetime) -> None:
    """Somebody else had a certificate issued then."""
    context = world.context(NAME)
    (target,) = context.loaded.targets
    fence = context.journal.take(target.identity)
    attempt = context.journal.begin(target.identity, NAME, "deploy", issuer=None, fence=fence)
    attempt = context.journal.note(attempt, SEEN, order_uri="another", issued_at=at)
    context.journal.end(attempt, "deployed")
    context.journal.release(target.identity, fence)
    context.close()


@pytest.mark.fault(7)
def test_after_an_unresolved_one_nothing_is_ordered_that_would_use_up_the_week(
    world: World, clock: FakeClock
):
    once_renewed(world, days_left=20)
    one_more_seen(world, clock.now() - DAY)
    unresolved(world, clock)
    clock.advance(2 * DAY)
    (outcome,) = renew(world)
    assert outcome.result == "parked"
    assert "2 of 3 automatic certificates of this week are used, 1 more kept" in outcome.why
    assert world.calls(NAME, "order") == 1
    clock.advance(4 * DAY + HOUR)
    assert results(renew(world)) == {NAME: "renewed"}


@pytest.mark.fault(7)
def test_the_last_of_a_week_is_ordered_rather_than_let_the_running_one_end(world: World, clock: FakeClock):
    once_renewed(world, days_left=9)
    one_more_seen(world, clock.now() - DAY)
    unresolved(world, clock)
    clock.advance(DAY)
    assert results(renew(world)) == {NAME: "renewed"}


@pytest.mark.fault(7)
def test_a_person_may_order_anew_at_once(world: World, clock: FakeClock):
    once_renewed(world, days_left=29)
    unresolved(world, clock)
    assert results(renew(world, by_hand=True)) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 2


def test_a_service_with_another_time_holds_the_order_hourly_until_they_agree(world: World, clock: FakeClock):
    once_renewed(world)
    world.sandbox.fault("certificate", "skew=3600", None)
    (outcome,) = renew(world)
    assert (outcome.result, outcome.next_try_at) == ("parked", clock.now() + HOUR)
    assert "clock is 60 minutes behind the service's" in outcome.why
    world.sandbox.faults.clear()
    assert results(renew(world)) == {NAME: "parked"}
    assert world.calls(NAME, "order") == 0
    clock.advance(HOUR)
    assert results(renew(world)) == {NAME: "renewed"}


def test_half_an_hour_does_not_let_a_certificate_end(world: World, clock: FakeClock):
    once_renewed(world, days_left=1)
    world.sandbox.fault("certificate", "skew=1800", None)
    assert results(renew(world)) == {NAME: "renewed"}


@pytest.mark.fault(70)
def test_what_was_begun_under_a_wrong_clock_is_let_go_when_it_is_not_due(world: World, clock: FakeClock):
    once_renewed(world, days_left=80)
    clock.step(365 * DAY)
    world.sandbox.fault("certificate", f"skew=-{365 * 86400}", None)
    assert results(renew(world)) == {NAME: "parked"}
    clock.step(-365 * DAY)
    world.sandbox.faults.clear()
    assert renew(world) == [], "neither held for a year nor renewed"
    assert world.calls(NAME, "order") == 0


@pytest.mark.fault(69)
def test_a_time_that_no_pause_reaches_is_not_waited_for(world: World, clock: FakeClock):
    once_renewed(world)
    clock.step(20 * 365 * DAY)
    world.sandbox.fault("certificate", "status=500", None)
    for _ in range(5):
        renew(world)
        clock.advance(timedelta(minutes=5))
    clock.step(-20 * 365 * DAY)
    world.sandbox.faults.clear()
    assert results(renew(world)) == {NAME: "renewed"}


def many(world: World, count: int) -> list[str]:
    names = [f"{number}.example" for number in range(count)]
    for name in names:
        world.sandbox.seed(name, days_left=None, validated=True)
    return names


@pytest.mark.fault(29)
def test_an_issuer_that_knows_no_name_any_more_is_told_once_and_left_alone(world: World, clock: FakeClock):
    names = many(world, 12)
    world.sandbox.fault("certificate", "status=404", None)
    outcomes = results(renew(world, *names))
    assert sorted(outcomes.values()) == ["failed"] * 5 + ["held"] * 7
    (told,) = world.told(outages.IssuerPaused)
    assert told.why == "5 certificates failed alike within 10 minutes (NotInSubscription)"
    assert sum(world.calls(name, "certificate") > 0 for name in names) == 5
    clock.advance(timedelta(minutes=16))
    assert sorted(results(renew(world, *names)).values()) == ["failed"] + ["held"] * 11
    assert len(world.told(outages.IssuerPaused)) == 1
    world.sandbox.faults.clear()
    clock.advance(timedelta(minutes=16))
    assert sorted(results(renew(world, *names)).values()) == ["held"] * 6 + ["renewed"] * 6


@pytest.mark.fault(11)
def test_a_service_that_sends_five_away_for_hours_is_not_asked_by_the_others_meanwhile(
    world: World, clock: FakeClock
):
    names = many(world, 12)
    world.sandbox.fault("order", "status=429+21600", None)
    renew(world, *names)
    asked = sum(world.calls(name, "order") for name in names)
    assert asked == 5
    for _ in range(10):
        clock.advance(timedelta(minutes=30))
        renew(world, *names)
    assert sum(world.calls(name, "order") for name in names) == asked
    world.sandbox.faults.clear()
    clock.advance(HOUR)
    assert set(results(renew(world, *names)).values()) == {"renewed"}


@pytest.mark.fault(29)
def test_a_person_who_mended_it_is_not_held_up(world: World, clock: FakeClock):
    names = many(world, 6)
    world.sandbox.fault("certificate", "status=404", None)
    renew(world, *names)
    world.sandbox.faults.clear()
    clock.advance(1)
    assert set(results(renew(world, *names, by_hand=True)).values()) == {"renewed"}


@pytest.mark.fault(106)
def test_who_has_the_least_time_left_comes_first(world: World):
    left = {"a.example": 9, "b.example": 3, "c.example": 12, "d.example": 6}
    for name, days in left.items():
        world.sandbox.seed(name, days_left=days, validated=True)
    context = world.context(*left)
    put_live(context)
    shutil.rmtree(world.folder / "live" / "c.example")
    order = [task.target.name for task in passes.plan(context, context.loaded.targets)]
    assert order == ["c.example", "b.example", "d.example", "a.example"]


def test_a_finalize_by_hand_that_failed_does_not_lengthen_the_back_off(world: World, clock: FakeClock):
    once_renewed(world)
    context: Context = world.context(NAME, by_hand=True)
    (target,) = context.loaded.targets
    order = context.issuer(target.issuer).order(target)
    world.sandbox.fault("finalize", "text-400=Invalid response from http://a.example: 404", 1)
    (outcome,) = by_hand.finalize(context, target, order.uri)
    context.close()
    assert (outcome.result, outcome.next_try_at) == ("failed", None)
    assert results(renew(world)) == {NAME: "renewed"}
