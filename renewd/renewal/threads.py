"""Work side by side in daemon threads: a pool of concurrent.futures is joined at exit, whatever hangs in it."""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Crew(Generic[Item, Result]):
    """At most `limit` threads that take items and give results back, each with its item, as they come."""

    def __init__(self, items: Iterable[Item], work: Callable[[Item], Result], limit: int) -> None:
        self._todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Item, Result | BaseException]] = queue.SimpleQueue()
        self._work = work
        self.left = 0  # results that have not been taken yet
        for item in items:
            self._todo.put(item)
            self.left += 1
        for number in range(min(limit, self.left)):
            threading.Thread(target=self._run, name=f"renewd-{number}", daemon=True).start()

    def take(self, timeout: float) -> tuple[Item, Result | BaseException] | None:
        """The next item that is done, with its result or what `work` raised; None if none was within `timeout` seconds."""
        try:
            done = self._done.get(timeout=timeout)
        except queue.Empty:
            return None
        self.left -= 1
        return done

    def dismiss(self) -> None:
        """What nobody has begun never will be."""
        while True:
            try:
                self._todo.get_nowait()
            except queue.Empty:
                return
            self.left -= 1

    def _run(self) -> None:
        while True:
            try:
                item = self._todo.get_nowait()
            except queue.Empty:
                return
            try:
                self._done.put((item, self._work(item)))
            except BaseException as error:  # noqa: BLE001 - handed to whoever takes the result
                self._done.put((item, error))


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
