"""A crew: bounded, and never held up by one that hangs."""

import threading
from datetime import timedelta

import pytest

from renewd.renewal.threads import Crew
from tests.clocks import FakeClock


@pytest.mark.fault(102)
def test_an_item_that_hangs_is_given_up_and_another_thread_takes_its_place(clock: FakeClock):
    begun, hang, late = threading.Event(), threading.Event(), threading.Event()
    told: list[tuple[str, object]] = []

    def work(item: str) -> str:
        if item == "hangs":
            begun.set()
            hang.wait()
        return item.upper()

    def tell(item: str, result: object) -> None:
        told.append((item, result))
        late.set()

    crew = Crew(["hangs", "b", "c"], work, 1, clock, tell)
    assert begun.wait(10)
    assert crew.give_up(60.0) == []
    clock.advance(timedelta(seconds=61))
    assert crew.give_up(60.0) == ["hangs"]
    assert [crew.take(10.0), crew.take(10.0)] == [("b", "B"), ("c", "C")]
    assert crew.left == 0
    hang.set()
    assert late.wait(10)
    assert told == [("hangs", "HANGS")]
    assert crew.take(0.0) is None


@pytest.mark.fault(106)
def test_there_are_never_more_threads_than_the_limit(clock: FakeClock):
    most, now, lock = 0, 0, threading.Lock()

    def work(item: int) -> int:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        with lock:
            now -= 1
        return item

    crew = Crew(range(1000), work, 4, clock)
    taken = [crew.take(10.0) for _ in range(1000)]
    assert {done[1] for done in taken if done} == set(range(1000))
    assert most <= 4
