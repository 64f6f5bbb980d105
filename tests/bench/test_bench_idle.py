"""What a daemon that watches a thousand certificates and has nothing to do takes of a processor."""

import os
import time

import pytest

from tests.bench.population import Population
from tests.programs import running

pytestmark = pytest.mark.bench

WATCHED = 1000
BOUND = 0.1  # per cent of one processor
SETTLED = (
    80.0  # seconds after a pass: the first preflights are over, and wait for an hour, for nobody answers them
)
SECONDS = 130.0  # of two ticks, which come every minute


def used(pid: int) -> float:
    """Processor seconds so far, of threads that have ended as well."""
    with open(f"/proc/{pid}/stat") as file:
        ticks = file.read().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def test_an_idle_daemon_with_the_page(tmp_path, table):
    watched = Population.settle(tmp_path, WATCHED, due_every=WATCHED * 2)
    text = watched.listed() + f"web: {{socket: {tmp_path}/page}}\n"
    with running(watched.write(text)) as daemon:
        daemon.wait_for("page.served")
        daemon.wait_for("pass.ended")
        time.sleep(SETTLED)  # what its start still does is no idling
        before, began = used(daemon.process.pid), time.monotonic()
        time.sleep(SECONDS)  # the real time over which its processor time is counted
        seconds, length = used(daemon.process.pid) - before, time.monotonic() - began
    share = 100 * seconds / length
    table.add(
        "idle daemon with 1,000 and the page, processor",
        share,
        BOUND,
        f"{seconds:.2f} s in {length:.0f} s",
        "%",
    )
    assert share < BOUND
