"""A crew: bounded, and never held up by one that hangs."""

import threading
from datetime import timedelta

import pytest

from renewd.errors import RenewdError
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


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What is answered, in order, to each wish for a thread; whatever is asked for later is given."""
    answers: list[bool] = []
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        if thread.name.startswith("renewd-") and answers and not answers.pop(0):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", started)
    return answers


def test_with_fewer_threads_than_wanted_all_is_done_all_the_same(clock: FakeClock, scarce: list[bool]):
    scarce += [True, False]
    crew = Crew("abcd", str.upper, 4, clock)
    assert sorted(done[1] for done in (crew.take(10.0) for _ in range(4)) if done) == list("ABCD")


def test_without_any_thread_nothing_is_begun(clock: FakeClock, scarce: list[bool]):
    scarce += [False]
    begun: list[str] = []
    with pytest.raises(RenewdError, match="gives renewd no thread") as told:
        Crew("abcd", begun.append, 4, clock)
    assert "TasksMax" in told.value.remedy
    assert begun == []


def test_the_place_of_one_that_hangs_is_taken_as_soon_as_there_is_a_thread(
    clock: FakeClock, scarce: list[bool]
):
    begun, hang = threading.Event(), threading.Event()

    def work(item: str) -> str:
        if item == "hangs":
            begun.set()
            hang.wait()
        return item

    crew = Crew(["hangs", "b"], work, 1, clock)
    assert begun.wait(10)
    clock.advance(timedelta(seconds=61))
    scarce += [False]
    assert crew.give_up(60.0) == ["hangs"]
    assert crew.take(0.0) is None
    assert crew.give_up(60.0) == []
    assert crew.take(10.0) == ("b", "b")
    hang.set()
