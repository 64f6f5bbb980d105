"""What renewd holds does not grow with what it has done: memory, descriptors, threads, children.

A daemon lives through thousands of passes, under faults, kills and restarts, on a clock that nobody waits for. A few hundred of
them by default; RENEWD_SWEEP=all takes ten thousand.
"""

import faulthandler
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from tests.faults import figures

WHOLE = os.environ.get("RENEWD_SWEEP") == "all"
TICKS, EVERY = (10_000, 50) if WHOLE else (200, 5)
HELD = ("resident", "descriptors", "threads")
SWAY = (
    6  # descriptors: the pool may hold two connections to the journal's file at one time, and none at another
)
GROWTH = 3 << 20  # bytes of resident memory, from one half to the other: what an allocator moves about


@pytest.fixture
def samples(tmp_path: Path, uncounted: None) -> list[dict[str, int]]:
    """What the worker held at each sample, without its first quarter: until then it loads and fills."""
    if WHOLE:  # longer than a test may take that hangs
        faulthandler.cancel_dump_traceback_later()
    command = [sys.executable, "-m", "tests.faults.soak_worker", str(tmp_path), str(TICKS), str(EVERY)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert ran.returncode == 0, ran.stderr
    taken = [json.loads(line) for line in ran.stdout.splitlines()]
    return taken[len(taken) // 4 :]


def halves(samples: list[dict[str, int]], what: str) -> tuple[float, float]:
    """The medians of the first and of the second half."""
    values = [sample[what] for sample in samples]
    middle = len(values) // 2
    return median(values[:middle]), median(values[middle:])


@pytest.mark.fault(62, 66, 104)
def test_what_a_daemon_holds_does_not_grow_with_what_it_did(samples: list[dict[str, int]]):
    grown = {what: after - before for what in HELD for before, after in [halves(samples, what)]}
    last = samples[-1]
    figures.record(
        "soak",
        passes=last["tick"],
        renewals=last["renewed"],
        grown_megabytes=round(grown["resident"] / (1 << 20), 2),
        grown_descriptors=int(grown["descriptors"]),
        grown_threads=int(grown["threads"]),
        zombies=max(sample["zombies"] for sample in samples),
    )
    assert grown["resident"] < GROWTH
    assert grown["descriptors"] <= SWAY
    assert grown["threads"] <= 0
    assert not any(sample["zombies"] for sample in samples)
    assert last["renewed"] > samples[0]["renewed"], "it renews all the while"
