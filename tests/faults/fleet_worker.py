"""Forks processes that renew until nothing is left to do, for tests that stop and kill them.

A JSON line in: {"config", "shift", "log"}; a JSON line out: {"pid"}. A child works by the machine's clock, `shift` seconds
on, and appends what went wrong to `log`. Run as `python -m tests.faults.fleet_worker`.
"""

import gc
import json
import os
import random
import signal
import sys
import threading
from datetime import datetime, timedelta

from renewd.clock import SystemClock
from renewd.config import load
from renewd.errors import RenewdError
from renewd.journal import journal  # noqa: F401 - imported before the first fork, as all that passes need
from renewd.renewal import engine, events, passes, putback, rollout  # noqa: F401
from renewd.renewal.context import Context
from renewd.renewal.events import Event

PATIENCE = timedelta(seconds=2)
ROUNDS = 200


class Shifted(SystemClock):
    """The machine's clock, and some time later."""

    def __init__(self, shift: float) -> None:
        self.shift = timedelta(seconds=shift)

    def now(self) -> datetime:
        return super().now() + self.shift


class Log:
    """One line for each thing that went wrong, whole even where the process is killed."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, said: str) -> None:
        os.write(self.descriptor, f"{os.getpid()} {said}\n".encode())

    def heed(self, event: Event) -> None:
        if isinstance(event, events.Failed):
            self.write(f"{event.name}: {event.stage}: {event.message}")


def work(config: str, shift: float, log: Log) -> None:
    """Passes until one finds nothing that it may do now."""
    context = Context(load.load(config), clock=Shifted(shift), emit=log.heed, patience=PATIENCE, by_hand=True)
    for _ in range(ROUNDS):
        try:
            outcomes = passes.run(context, context.loaded.targets)
        except RenewdError as error:
            log.write(f"pass: {error}")
            outcomes = None
        if outcomes is not None and all(outcome.result == "parked" for outcome in outcomes):
            break
        threading.Event().wait(random.uniform(0.02, 0.1))
    context.close()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    gc.disable()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                work(order["config"], order["shift"], Log(order["log"]))
            except BaseException as error:  # noqa: BLE001 - told, whatever it is
                Log(order["log"]).write(f"unexpected {type(error).__name__}: {error}")
            finally:
                os._exit(0)
        print(json.dumps({"pid": pid}), flush=True)


if __name__ == "__main__":
    main()
