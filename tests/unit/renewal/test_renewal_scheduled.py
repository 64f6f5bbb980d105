"""A target without a challenge at RCL's V8: the service makes and proves the order itself, and is asked once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.issuers import rcl_wire
from renewd.journal import State
from renewd.planning.budget import What
from renewd.renewal import events, passes, preflight
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.world import World, settle

NAME = "a.example"
LATER = (
    State.ISSUED,
    State.VALIDATED,
    State.ACTIVE,
)  # which a process does not reach whose certificate comes late


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox whose V8 API is used, on the fake clock; its one certificate is about to expire."""
    world = World(tmp_path, clock, v8=True)
    world.sandbox.seed(NAME, days_left=48)
    yield world
    world.close()


def context(world: World, **options: Any) -> Context:
    return world.context(world.entry(NAME, challenge=None), **options)


def once(world: World, **options: Any) -> Any:
    """One pass of a process of its own; its one outcome, if there is one."""
    made = context(world, **options)
    try:
        return next(iter(passes.run(made, made.loaded.targets)), None)
    finally:
        made.close()


def begin(world: World, clock: FakeClock) -> None:
    """What the portal holds is live, and due by now."""
    assert once(world).result == "adopted"
    clock.advance(timedelta(days=20))
    world.sandbox.portal.calls.clear()


def issued(world: World) -> int:
    world.sandbox.schedule.work_off()
    return world.sandbox.portal.holdings[NAME].issued


def once_issued_and_live(world: World) -> None:
    held = world.sandbox.portal.holdings[NAME].held
    assert held is not None
    assert world.live(NAME) == held.leaf
    assert (issued(world), len(world.sandbox.portal.orders)) == (1, 1)
    assert (world.calls(NAME, "order"), world.calls(NAME, "schedule")) == (0, 0)


class Killed(BaseException):
    """The process ends here, as it were."""


def ended_in(world: World, state: State) -> None:
    """A process that ended as soon as this state was journaled."""
    made = context(world)
    real, done = made.journal._change, []

    def change(*args: Any, **facts: Any) -> Any:
        changed = real(*args, **facts)
        if changed.state is state and not done:
            done.append(changed)
            raise Killed
        return changed

    made.journal._change = change  # type: ignore[method-assign]
    passes.run(made, made.loaded.targets)
    assert done or state in LATER
    made.close()


def spent(world: World) -> list[What]:
    made = context(world)
    return sorted(one.what for one in made.journal.spent(NAME, "sandbox"))


def test_it_is_scheduled_waited_for_judged_and_live(world: World, clock: FakeClock):
    begin(world, clock)
    world.sandbox.fault("renew", "late=300")
    began = clock.now()
    assert once(world).result == "renewed"
    assert timedelta(minutes=5) <= clock.now() - began < timedelta(minutes=6)
    assert world.calls(NAME, "renew") == 1
    once_issued_and_live(world)
    assert once(world) is None


def test_the_first_certificate_of_a_name_comes_the_same_way(world: World):
    world.sandbox.seed(NAME, days_left=None)
    assert once(world).result == "renewed"
    once_issued_and_live(world)


def test_one_order_and_one_certificate_are_spent_which_the_issuers_own_order_does_not_count_again(
    world: World, clock: FakeClock
):
    begin(world, clock)
    once(world)
    assert spent(world) == [What.CERTIFICATE, What.ORDER]
    world.sandbox.fault("renew", "status=429+7200")
    made = context(world)
    passes.run(made, made.loaded.targets, forced=[NAME])
    (attempt, steps), *_ = made.journal.history(NAME)
    assert [step.event for step in steps].count("issuer.issued") == 1, f"it was not seen: {attempt}"
    assert spent(world) == [What.CERTIFICATE, What.ORDER, What.ORDER]


def test_whose_order_it_was_is_known_once_it_was_issued(world: World, clock: FakeClock):
    begin(world, clock)
    once(world)
    (uri,) = world.sandbox.portal.orders
    made = context(world)
    (target,) = made.loaded.targets
    current = made.installer.current(target)
    (version,) = (one for one in made.installer.versions(target) if one.id == current)
    last = made.journal.last(target.identity)
    assert last is not None
    assert version.order_uri == last.order_uri == uri
    assert [event.uri for event in world.told(events.Issued)] == [uri]


@pytest.mark.fault(7, 23)
@pytest.mark.parametrize("minutes", [2, 11, 59, 150])
@pytest.mark.parametrize("reply", [None, "lose-reply", "status-after=504-html", "status-after=500"])
def test_issued_late_or_its_answer_lost_it_is_asked_for_once(
    world: World, clock: FakeClock, reply: str | None, minutes: int
):
    begin(world, clock)
    world.sandbox.fault("renew", f"late={60 * minutes}")
    if reply is not None:
        world.sandbox.fault("renew", reply)
    settle(world, once, timedelta(hours=5))
    assert world.calls(NAME, "renew") == 1
    once_issued_and_live(world)


@pytest.mark.fault(7, 23)
def test_issued_after_it_was_given_up_it_is_taken_over(world: World, clock: FakeClock):
    begin(world, clock)
    world.sandbox.fault("renew", f"late={3600 * 30}")
    settle(world, once, timedelta(days=3))
    assert world.calls(NAME, "renew") == 1
    once_issued_and_live(world)


@pytest.mark.fault(7, 21, 23)
@pytest.mark.parametrize("fault", ["never", "reset-before", "status=500", "killed before it was sent"])
def test_what_nobody_knows_the_end_of_is_not_asked_for_again_while_there_is_time(
    world: World, clock: FakeClock, fault: str
):
    begin(world, clock)
    if fault.startswith("killed"):
        ended_in(world, State.FINALIZE_INTENT)
    else:
        world.sandbox.fault("renew", fault)
    began, whys = clock.now(), []
    while clock.now() - began < timedelta(days=3):
        outcome = once(world)
        whys.append(outcome.why)
        clock.advance(max(timedelta(seconds=1), outcome.next_try_at - clock.now()))
    assert any("nothing tells whether a certificate was issued" in why for why in whys)
    asked = world.calls(NAME, "renew")
    assert asked == (0 if fault.startswith("killed") else 1)
    clock.advance(timedelta(days=4))  # less than a quarter of its life is left
    settle(world, once, timedelta(hours=1))
    assert (world.calls(NAME, "renew"), issued(world)) == (asked + 1, 1)


@pytest.mark.fault(13)
def test_what_is_refused_was_not_scheduled_and_is_asked_for_again(world: World, clock: FakeClock):
    begin(world, clock)
    world.sandbox.fault("renew", "text-400=Try again later.")
    settle(world, once, timedelta(hours=1))
    assert world.calls(NAME, "renew") == 2
    once_issued_and_live(world)


@pytest.mark.fault(13)
def test_refused_each_time_it_is_told_in_the_services_words(world: World, clock: FakeClock):
    begin(world, clock)
    world.sandbox.fault("renew", "text-400=RCL does not renew this one.", None)
    outcome = once(world)
    while outcome.result != "failed":
        clock.advance(outcome.next_try_at - clock.now())
        outcome = once(world)
    assert "RCL does not renew this one." in outcome.why
    assert (world.calls(NAME, "renew"), issued(world)) == (3, 0)


@pytest.mark.fault(23)
def test_an_old_certificate_is_not_taken_for_the_new_one(world: World, clock: FakeClock):
    """The portal shows the one before the last for a while."""
    begin(world, clock)
    once(world)
    clock.advance(timedelta(days=65))
    world.sandbox.portal.calls.clear()
    world.sandbox.fault("renew", "late=120")
    made = context(world)
    issuer: Any = made.issuer("sandbox")
    post = issuer._post

    def then_stale(*args: Any) -> Any:
        done = post(*args)
        world.sandbox.fault("certificate", "stale-certificate", 3)
        return done

    issuer._post = then_stale
    (outcome,) = passes.run(made, made.loaded.targets)
    assert outcome.result == "renewed", outcome.why
    assert (world.calls(NAME, "renew"), issued(world)) == (1, 2)


@pytest.mark.fault(18, 23)
@pytest.mark.parametrize("reply", [None, "lose-reply"])
def test_where_the_portal_shows_no_dates_the_order_tells_the_new_certificate_from_the_old(
    world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, reply: str | None
):
    begin(world, clock)
    monkeypatch.setattr(rcl_wire, "_date", lambda *_: None)
    world.sandbox.fault("renew", "late=1500")
    if reply is not None:
        world.sandbox.fault("renew", reply)
    settle(world, once, timedelta(hours=2))
    assert world.calls(NAME, "renew") == 1
    once_issued_and_live(world)


ON_THE_WAY = [
    State.PREFLIGHT,
    State.ORDER_INTENT,
    State.ORDERED,
    State.READY,
    State.RECONCILE,
    State.ISSUED,
    State.VALIDATED,
    State.ACTIVE,
]


@pytest.mark.fault(59)
@pytest.mark.parametrize("late", [0, 1500, 9000])
@pytest.mark.parametrize("state", ON_THE_WAY, ids=str)
def test_ended_in_any_state_it_is_issued_once(world: World, clock: FakeClock, state: State, late: int):
    begin(world, clock)
    world.sandbox.fault("renew", f"late={late}")
    if state is State.RECONCILE:
        world.sandbox.fault("renew", "lose-reply")
    ended_in(world, state)
    settle(world, once, timedelta(hours=9))
    once_issued_and_live(world)


@pytest.mark.fault(59)
@pytest.mark.parametrize("late", [30, 1500, 9000])
def test_ended_while_it_was_waited_for_it_is_looked_for(world: World, clock: FakeClock, late: int):
    begin(world, clock)
    world.sandbox.fault("renew", f"late={late}")
    made = context(world)

    def killed(*_: Any) -> Any:
        raise Killed

    made.issuer("sandbox")._awaited = killed  # type: ignore[attr-defined]
    passes.run(made, made.loaded.targets)
    (attempt,) = made.journal.under_way()
    assert attempt.state is State.FINALIZE_INTENT
    made.close()
    settle(world, once, timedelta(hours=4))
    assert world.calls(NAME, "renew") == 1
    once_issued_and_live(world)


def test_a_person_who_asks_again_does_not_have_it_scheduled_twice(world: World, clock: FakeClock):
    begin(world, clock)
    world.sandbox.fault("renew", "late=5000")
    once(world)
    made = context(world, by_hand=True)
    passes.run(made, made.loaded.targets, forced=[NAME])
    made.close()
    settle(world, once, timedelta(hours=4))
    assert world.calls(NAME, "renew") == 1
    once_issued_and_live(world)


def test_preflight_says_who_proves_the_names(world: World):
    made = context(world)
    found = preflight.look(made, made.loaded.targets[0])
    assert {finding.level for finding in found} == {"ok"}
    assert any("the names are proved by sandbox" in finding.what for finding in found)


def test_preflight_says_what_is_needed_where_nobody_proves_the_names(world: World):
    world.v8 = False
    made = context(world)
    (warned,) = (one for one in preflight.look(made, made.loaded.targets[0]) if one.level != "ok")
    assert warned.level == "warns", "an order may be born ready"
    assert warned.what.endswith("sandbox can only give what needs no proof just now")
    assert warned.remedy.startswith("configure `challenge`")
