"""renewd as people run it: its command line as a process of its own, and the daemon in the background."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

LONG = 60.0  # seconds that a test waits for something that comes in one


def renewd(path: str, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    environment = {**os.environ, "RENEWD_CONFIG": path, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "renewd", *args],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        **options,
    )


def until(true: Callable[[], object]) -> None:
    """Returns once it is true of another process, which can only be asked again and again."""
    end, pause = time.monotonic() + LONG, threading.Event()
    while not true():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.02)


class Running:
    """`renewd run` with its log as JSON; `wait_for` reads it until a line is as wanted."""

    def __init__(
        self, path: str, env: Mapping[str, str] | None = None, python: Sequence[str] = ("-m", "renewd")
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *python, "--config", path, "run"],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[dict[str, Any]] = []
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(
        self, event: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The next line of the log that tells this event, and is as wanted; those passed over are in `lines`."""
        while True:
            text = self._queue.get(timeout=LONG)
            assert text is not None, f"the daemon ended before {event}: {self.lines}"
            line = json.loads(text)
            self.lines.append(line)
            if line["event"] == event and wanted(line):
                return line

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Its exit code after SIGTERM."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(LONG)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._queue.put(line)
        self._queue.put(None)


@contextmanager
def running(
    path: str, env: Mapping[str, str] | None = None, python: Sequence[str] = ("-m", "renewd")
) -> Iterator[Running]:
    """The daemon, ended with the block; `env` adds to the environment, `python` is what Python runs."""
    daemon = Running(path, env, python)
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
        daemon.process.wait(LONG)
        if daemon.process.stderr is not None:
            daemon.process.stderr.close()
