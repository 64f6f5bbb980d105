"""Work side by side in daemon threads: a pool of concurrent.futures is joined at exit, whatever hangs in it."""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from renewd.clock import Clock, SystemClock

Item = TypeVar("Item")
Result = TypeVar("Result")


class Crew(Generic[Item, Result]):
    """At most `limit` threads that take items and give results back, each with its item, as they come.

    `late` is handed what comes of an item that was given up before.
    """

    def __init__(
        self,
        items: Iterable[Item],
        work: Callable[[Item], Result],
        limit: int,
        clock: Clock | None = None,
        late: Callable[[Item, Result | BaseException], None] = lambda *_: None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Item, Result | BaseException]] = queue.SimpleQueue()
        self._work = work
        self._late = late
        self._lock = threading.Lock()
        self._running: dict[int, tuple[Item, float]] = {}  # by thread, and since when
        self.left = 0  # results that have not been taken yet
        for item in items:
            self._todo.put(item)
            self.left += 1
        for number in range(min(limit, self.left)):
            self._start(number)

    def take(self, timeout: float) -> tuple[Item, Result | BaseException] | None:
        """The next item that is done, with its result or what `work` raised; None if none was within `timeout` seconds."""
        try:
            done = self._done.get(timeout=timeout)
        except queue.Empty:
            return None
        self.left -= 1
        return done

    def give_up(self, after: float) -> list[Item]:
        """The items that threads have worked on for more than `after` seconds; others take the threads' places."""
        now = self._clock.monotonic()
        with self._lock:
            hung = [thread for thread, (_, begun) in self._running.items() if now - begun > after]
            found = [self._running.pop(thread)[0] for thread in hung]
        for number in range(len(found)):
            self.left -= 1
            self._start(number)
        return found

    def dismiss(self) -> None:
        """What nobody has begun never will be."""
        while True:
            try:
                self._todo.get_nowait()
            except queue.Empty:
                return
            self.left -= 1

    def _start(self, number: int) -> None:
        threading.Thread(target=self._run, name=f"renewd-{number}", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                item = self._todo.get_nowait()
            except queue.Empty:
                return
            thread = threading.get_ident()
            with self._lock:
                self._running[thread] = item, self._clock.monotonic()
            result: Result | BaseException
            try:
                result = self._work(item)
            except BaseException as error:  # noqa: BLE001 - handed to whoever takes the result
                result = error
            with self._lock:
                if self._running.pop(thread, None) is not None:
                    self._done.put((item, result))
                    continue
            self._late(item, result)  # it was given up, and another thread took this one's place
            return


def each(items: Sequence[Item], work: Callable[[Item], Result], limit: int) -> list[Result]:
    """`work` of every item, in order, at most `limit` at a time. Raises what `work` raised first."""
    numbered = list(enumerate(items))
    crew = Crew(numbered, lambda pair: work(pair[1]), limit)
    results: dict[int, Result] = {}
    while crew.left:
        done = crew.take(timeout=60.0)
        if done is None:
            continue
        (number, _), result = done
        if isinstance(result, BaseException):
            raise result
        results[number] = result
    return [results[number] for number, _ in numbered]
