"""Reading the journal for a request: beside the server, a few at a time, and never waited for for long."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

AT_ONCE = 2

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Busy(Exception):
    """As many as may be are reading already."""


class Reading(Generic[Asked, Answer]):
    """A slow question, each asked in a thread that ends with the process whatever hangs in it."""

    def __init__(self, read: Callable[[Asked], Answer]) -> None:
        self._read = read
        self._room = threading.Semaphore(AT_ONCE)

    def ask(self, what: Asked) -> "asyncio.Future[Answer]":
        """The answer to come. Raises Busy where too many are asked already."""
        if not self._room.acquire(blocking=False):
            raise Busy
        answer: Future[Answer] = Future()
        answer.set_running_or_notify_cancel()  # who gives up waiting leaves it be
        threading.Thread(target=self._work, args=(what, answer), name="renewd-reading", daemon=True).start()
        return asyncio.wrap_future(answer)

    def _work(self, what: Asked, answer: "Future[Answer]") -> None:
        try:
            found = self._read(what)
        except BaseException as error:  # noqa: BLE001 - handed to who asked
            self._room.release()
            answer.set_exception(error)
        else:
            self._room.release()
            answer.set_result(found)
