"""Work side by side in daemon threads: a pool of concurrent.futures is joined at exit, whatever hangs in it."""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from renewd import background
from renewd.clock import Clock, SystemClock
from renewd.errors import RenewdError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Crew(Generic[Item, Result]):
    """At most `limit` threads that take items and give results back, each with its item, as they come.

    `late` is handed what comes of an item that was given up before. Threads that the machine does not give now are
    asked for again; where it gives none at all nothing is begun, and RenewdError raised.
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
        self._missing = wanted = min(limit, self.left)  # threads that are still to be started
        self._man()
        if wanted and self._missing == wanted:
            raise RenewdError(
                "nothing can be done side by side: the machine gives renewd no thread",
                remedy="raise TasksMax= of its unit, or the number of processes that its user may have (ulimit -u)",
            )

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
        self.left -= len(found)
        self._missing += len(found)
        self._man()
        return found

    def dismiss(self) -> None:
        """What nobody has begun never will be."""
        while True:
            try:
                self._todo.get_nowait()
            except queue.Empty:
                return
            self.left -= 1

    def _man(self) -> None:
        with suppress(OSError):
            while self._missing:
                background.start(f"renewd-{self._missing - 1}", self._run)
                self._missing -= 1

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
