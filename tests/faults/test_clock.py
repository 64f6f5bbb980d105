"""The daemon's tick under a clock that somebody sets: what is doubted, what is asked, and what is done meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.daemon import events as own
from renewd.daemon import presence
from renewd.daemon.service import Daemon
from renewd.renewal import events
from tests.clocks import FakeClock
from tests.world import World

TEN = tuple(f"shop-{number}.example" for number in range(10))
YEAR, DAY, MINUTE = timedelta(days=365), timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox whose clock, the service's, is right; the daemon has its own."""
    world = World(tmp_path, clock)
    yield world
    world.close()


@pytest.fixture
def here(clock: FakeClock) -> FakeClock:
    """This machine's clock, right until the test sets it."""
    return FakeClock(clock.now())


def daemon(world: World, here: FakeClock, *names: str) -> Daemon:
    entries = [world.entry(name) for name in names]
    made = Daemon(world.write(*entries, schedule={"concurrency": 1}), world.events.append, here)
    world._contexts.append(made.context)
    return made


def installed(world: World, here: FakeClock, *names: str) -> Daemon:
    """A daemon that renewed them all at its first tick, and has nothing due now."""
    for name in names:
        world.sandbox.seed(name, days_left=None)
    made = daemon(world, here, *names)
    made.tick()
    assert len(world.told(events.Renewed)) == len(names)
    world.events.clear()
    return made


def orders(world: World, *names: str) -> int:
    return sum(world.calls(name, "order") for name in names)


def ticks(made: Daemon, here: FakeClock, count: int, every: timedelta = MINUTE) -> None:
    for _ in range(count):
        here.advance(every)
        made.tick()


def named(world: World, event: type[own.Event]) -> list[Any]:
    return world.told(event)


@pytest.mark.fault(68)
def test_a_boot_in_1970_orders_nothing_says_so_once_and_goes_on_when_the_clock_is_set(world, here, clock):
    world.sandbox.seed(TEN[0], days_left=None)
    right = here.now()
    here.step(datetime(1970, 1, 1, tzinfo=UTC) - right)
    made = daemon(world, here, TEN[0])
    made.tick()
    ticks(made, here, 5)
    (suspect,) = named(world, own.ClockSuspect)
    assert suspect.here.year == 1970
    assert suspect.there == clock.now()
    assert "time service" in suspect.remedy
    assert orders(world, TEN[0]) == 0
    assert not world.told(events.PassStarted)
    assert timedelta(seconds=30) < made.next_tick(here.now()) - here.now() <= MINUTE
    here.step(right - here.now())
    made.tick()
    assert len(named(world, own.ClockTrusted)) == 1
    assert orders(world, TEN[0]) == 1


@pytest.mark.fault(68)
def test_while_the_clock_is_in_doubt_status_is_told_and_the_present_is_not_taken_for_seen(world, here):
    world.sandbox.seed(TEN[0], days_left=80)
    made = daemon(world, here, TEN[0])
    made.tick()
    believed = presence.ask(made.state_directory).believed
    assert believed == here.now()
    here.step(-YEAR)
    world.sandbox.fault("certificate", "status=503")
    made.tick()
    with presence.hold(made.state_directory):
        told = presence.ask(made.state_directory)
    assert "before" in told.suspect
    assert told.believed == believed


@pytest.mark.fault(69)
def test_a_clock_set_back_while_the_daemon_was_away_is_noticed_by_what_it_saw_before(world, here):
    world.sandbox.seed(TEN[0], days_left=80)
    installed(world, here, TEN[0])
    here.step(-2 * DAY)
    world.sandbox.fault("certificate", "status=503")  # its answer has a date all the same
    again = daemon(world, here, TEN[0])
    again.tick()
    (suspect,) = named(world, own.ClockSuspect)
    assert "has seen" in suspect.why
    assert not world.told(events.PassStarted)


@pytest.mark.fault(69)
def test_a_day_back_that_the_service_agrees_to_repeats_nothing_and_misses_nothing(world, here, clock):
    made = installed(world, here, *TEN[:2])
    for each in (here, clock):
        each.step(-DAY)
    made.tick()
    ticks(made, here, 3)
    assert not named(world, own.ClockSuspect)
    assert len(world.told(events.PassStarted)) == 1
    assert orders(world, *TEN[:2]) == 2
    left = timedelta(days=62)
    for each in (here, clock):
        each.advance(left)
    made.tick()
    assert orders(world, *TEN[:2]) == 4


@pytest.mark.fault(70)
def test_a_year_forward_makes_nobody_order_where_the_service_says_otherwise(world, here, clock):
    made = installed(world, here, *TEN)
    here.step(YEAR)
    made.tick()
    (suspect,) = named(world, own.ClockSuspect)
    assert "10 of 10" in suspect.why
    assert (suspect.here, suspect.there) == (here.now(), clock.now())
    asked = world.sandbox.portal.calls.copy()
    ticks(made, here, 30)
    assert orders(world, *TEN) == 10
    assert world.sandbox.portal.calls == asked, "it is asked again after an hour"
    here.step(-YEAR)
    clock.advance(30 * MINUTE)
    made.tick()
    assert len(named(world, own.ClockSuspect)) == len(named(world, own.ClockTrusted)) == 1
    assert orders(world, *TEN) == 10


@pytest.mark.fault(70)
def test_a_year_forward_that_the_service_agrees_to_is_renewed_at_once(world, here, clock):
    made = installed(world, here, *TEN[:3])
    for each in (here, clock):
        each.step(YEAR)
    made.tick()
    assert not named(world, own.ClockSuspect)
    assert orders(world, *TEN[:3]) == 6


@pytest.mark.fault(70)
def test_a_jump_that_cannot_be_checked_is_looked_at_again_after_an_hour(world, here, clock):
    made = installed(world, here, *TEN[:3])
    for each in (here, clock):
        each.step(YEAR)
    world.sandbox.fault("certificate", "reset-before")
    made.tick()
    (suspect,) = named(world, own.ClockSuspect)
    assert suspect.there is None
    for each in (here, clock):
        each.advance(59 * MINUTE)
    made.tick()
    assert orders(world, *TEN[:3]) == 3
    for each in (here, clock):
        each.advance(MINUTE)
    made.tick()
    assert orders(world, *TEN[:3]) == 6


@pytest.mark.fault(70)
def test_a_jump_that_makes_few_due_is_no_reason_to_wait(world, here):
    made = installed(world, here, *TEN)
    here.step(timedelta(hours=2))
    made.tick()
    assert not named(world, own.ClockSuspect)
    assert len(world.told(events.PassStarted)) == 1, "all were looked at again"


@pytest.mark.fault(71)
def test_after_three_days_asleep_what_became_due_is_renewed_by_the_next_tick(world, here, clock):
    made = installed(world, here, *TEN[:3])
    for each in (here, clock):
        each.advance(58 * DAY)
    made.tick()
    world.events.clear()
    for each in (here, clock):
        each.advance(3 * DAY)
    made.tick()
    assert not named(world, own.ClockSuspect)
    assert len(world.told(events.PassStarted)) == 1
    assert orders(world, *TEN[:3]) == 6
