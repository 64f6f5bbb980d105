"""The scheduler behind the tick: late is done late, and no jump of the wall's clock makes up work or puts it to sleep."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from renewd.daemon import scheduler
from renewd.daemon.agenda import TICK
from tests.programs import until

SOON = timedelta(milliseconds=20)


class Ticking:
    """Counts its ticks, and asks for the next one when the test says."""

    def __init__(self, pause: timedelta = SOON) -> None:
        self.pause = pause
        self.count = 0
        self.came = threading.Semaphore(0)
        self.go = threading.Event()
        self.go.set()

    def tick(self) -> None:
        self.count += 1
        self.came.release()
        self.go.wait()

    def next_at(self) -> datetime:
        return datetime.now(UTC) + self.pause


@pytest.fixture
def running() -> Iterator[list[BackgroundScheduler]]:
    started: list[BackgroundScheduler] = []
    yield started
    for each in started:
        each.shutdown(wait=False)


def start(running: list[BackgroundScheduler], ticking: Ticking) -> BackgroundScheduler:
    running.append(scheduler.start(ticking.tick, ticking.next_at))
    return running[0]


@pytest.mark.fault(101)
def test_a_tick_that_is_years_late_runs_at_once_and_once(running: list[BackgroundScheduler]):
    ticking = Ticking(pause=timedelta(days=1))
    made = start(running, ticking)
    assert ticking.came.acquire(timeout=30)
    until(lambda: scheduler.asleep(made, datetime.now(UTC)))
    scheduler.fire(made, datetime(1970, 1, 1, tzinfo=UTC))
    assert ticking.came.acquire(timeout=30)
    assert not ticking.came.acquire(timeout=0.2)
    assert ticking.count == 2


@pytest.mark.fault(68)
def test_no_time_that_was_missed_is_made_up_for():
    beat = scheduler.Beat()
    booted, now = datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    assert beat.get_next_fire_time(None, booted) == booted
    assert beat.get_next_fire_time(booted, now) == now + TICK


@pytest.mark.fault(69)
def test_a_tick_that_a_clock_set_back_put_off_for_a_day_is_hastened(running: list[BackgroundScheduler]):
    ticking = Ticking(pause=timedelta(days=1))
    made = start(running, ticking)
    assert ticking.came.acquire(timeout=30)
    until(lambda: scheduler.asleep(made, datetime.now(UTC)))
    scheduler.hasten(made, datetime.now(UTC))
    assert ticking.came.acquire(timeout=30)


def test_a_tick_that_is_near_is_not_hastened(running: list[BackgroundScheduler]):
    ticking = Ticking(pause=timedelta(seconds=30))
    made = start(running, ticking)
    assert ticking.came.acquire(timeout=30)
    scheduler.hasten(made, datetime.now(UTC))
    assert not ticking.came.acquire(timeout=0.2)


@pytest.mark.fault(102)
def test_a_tick_is_never_run_beside_itself(running: list[BackgroundScheduler]):
    ticking = Ticking()
    ticking.go.clear()
    made = start(running, ticking)
    assert ticking.came.acquire(timeout=30)
    scheduler.fire(made, datetime.now(UTC))
    assert not ticking.came.acquire(timeout=0.2)
    ticking.go.set()
    assert ticking.came.acquire(timeout=30)
