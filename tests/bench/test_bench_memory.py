"""What a daemon that watches a thousand certificates takes of the memory: its proportional share, PSS."""

import time

import pytest

from tests.bench.population import Population
from tests.programs import running
from tests.world import World

pytestmark = pytest.mark.bench

WATCHED, RENEWED = 1000, 100
IDLE, BUSY = 64, 80  # MB
MB = 1_000_000 / 1024  # in the kB of /proc, which are KiB


def after_the_pass(daemon):
    """Its memory when it has come to rest, MB: the proportional share, and all that it has mapped."""
    ended = daemon.wait_for("pass.ended")
    pid = daemon.process.pid
    while _ticks(pid) != _ticks(pid, after=0.3):
        pass
    with open(f"/proc/{pid}/smaps_rollup") as file:
        sizes = {
            key: int(rest.split()[0])
            for key, _, rest in (line.partition(":") for line in file)
            if "kB" in rest
        }
    return ended, sizes["Pss"] / MB, sizes["Rss"] / MB


def _ticks(pid, after=0.0):
    """Processor time so far."""
    time.sleep(after)  # nothing tells that a process is idle but that it used no time for a while
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[11:13]


def test_before_the_first_renewal(tmp_path, table):
    watched = Population.settle(tmp_path, WATCHED, due_every=WATCHED * 2)
    assert watched.due == []
    with running(watched.write(watched.listed())) as daemon:
        _, pss, rss = after_the_pass(daemon)
    table.add("idle daemon with 1,000, PSS", pss, IDLE, f"of {rss:.1f} MB resident, libraries shared", "MB")
    assert pss < IDLE


def test_after_a_hundred_renewals(tmp_path, table):
    world = World(tmp_path)
    try:
        watched = Population.settle(tmp_path, WATCHED, due_every=WATCHED // RENEWED)
        for name in watched.due:
            world.sandbox.seed(name, days_left=10)
        entry = world.entry("each", names=watched.names)
        del entry["name"]
        with running(world.write(entry)) as daemon:
            ended, pss, rss = after_the_pass(daemon)
    finally:
        world.close()
    assert (ended["renewed"], ended["failed"]) == (RENEWED, 0)
    table.add("after 100 renewals, PSS", pss, BUSY, f"of {rss:.1f} MB resident, libraries shared", "MB")
    assert pss < BUSY
