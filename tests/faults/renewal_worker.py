"""Makes whole passes when told to, each in a child that may stop first, so that strace can be attached to it.

A JSON line in: {"config", "now", "stops"}; a JSON line out, {"pid"}, where the child stops; and after its end {"status",
"said"}. The child's clock is its own: it begins at `now` and goes on by waiting. It does all in one thread, so that its
system calls come in the same order each time. Run as `python -m tests.faults.renewal_worker`; the first line is worked
off without a child, so that all it needs is imported before the first one is made.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from renewd.config import load
from renewd.errors import RenewdError
from renewd.renewal import passes, threads
from renewd.renewal.context import Context
from tests.clocks import FakeClock

LEAKED = 4  # the child's exit code where a descriptor was left open


class Inline:
    """A crew of nobody: who takes a result does the work."""

    def __init__(self, items: Iterable[Any], work: Callable[[Any], Any], *_: Any) -> None:
        self._items, self._work = list(items), work

    @property
    def left(self) -> int:
        return len(self._items)

    def take(self, timeout: float) -> tuple[Any, Any]:
        item = self._items.pop(0)
        try:
            return item, self._work(item)
        except BaseException as error:  # noqa: BLE001 - as the real one does
            return item, error

    def dismiss(self) -> None:
        self._items.clear()

    def give_up(self, after: float) -> list[Any]:
        """Nothing hangs here that the pass could go on without."""
        return []


def work(order: dict[str, Any]) -> dict[str, Any]:
    """What a daemon does at its start: recover, then a pass."""
    clock = FakeClock(datetime.fromisoformat(order["now"]))
    context = Context(load.load(order["config"]), clock=clock)
    events: list[str] = []
    context.emit = lambda event: events.append(event.event)
    said: dict[str, Any] = {"outcomes": [], "whole": True, "error": ""}
    try:
        said["whole"] = all(recovered.ok for recovered in context.installer.recover())
        said["outcomes"] = [_row(outcome) for outcome in passes.run(context, context.loaded.targets)]
        said["owed"], said["under_way"] = len(context.journal.owed()), len(context.journal.under_way())
    except RenewdError as error:
        said["error"] = f"{type(error).__name__}: {error}"
    finally:
        context.close()
    return {**said, "now": clock.now().isoformat(), "events": events}


def _row(outcome: passes.Outcome) -> Sequence[Any]:
    at = outcome.next_try_at
    return outcome.target.name, str(outcome.result), outcome.why, at and at.isoformat()


def child(order: dict[str, Any], said: int) -> None:
    if order["stops"]:
        os.kill(os.getpid(), signal.SIGSTOP)
    before = os.listdir("/proc/self/fd")
    told = work(order)
    gc.collect()
    after = os.listdir("/proc/self/fd")
    os.write(said, json.dumps(told).encode())
    os._exit(LEAKED if len(after) != len(before) else 0)


def main() -> None:
    passes.Crew = threads.Crew = Inline  # type: ignore[assignment, misc]
    print(json.dumps(work(json.loads(sys.stdin.readline()))), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            child(order, write)
        os.close(write)
        if order["stops"]:
            os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
            print(json.dumps({"pid": pid}), flush=True)
        with os.fdopen(read) as reader:
            text = reader.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"status": status, "said": json.loads(text) if text else None}), flush=True)


if __name__ == "__main__":
    main()
