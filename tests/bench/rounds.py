"""Measuring one thing by another on the same machine in the same run: in turns, round after round, and the median."""

import gc
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

# Certificates until it is the other's turn: what slows the machine down for a while slows both. Not fewer, as of a small
# pass a larger part has all its files looked at.
SLICE = 1_000


@dataclass(frozen=True)
class Ratio:
    """How many times as long one thing takes as another; the seconds are for people to see, not to be judged by."""

    ours: tuple[float, ...]  # seconds, a round each
    theirs: tuple[float, ...]

    @property
    def rounds(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def value(self) -> float:
        return median(self.rounds)

    def __str__(self) -> str:
        rounds = self.rounds
        return (
            f"{median(self.ours):.3f} s / {median(self.theirs):.3f} s, "
            f"{len(rounds)} rounds of {min(rounds):.2f} to {max(rounds):.2f}"
        )


def in_turns(count: int, *works: Callable[[slice], object]) -> list[float]:
    """The processor seconds of each work on `count` things, a slice of them after the other.

    Processor time, because other work on the machine does not lengthen it, and nothing here waits. The collector
    does not walk over what was there before, as the daemon's does not.
    """
    spent = [0.0] * len(works)
    gc.collect()
    gc.freeze()
    for start in range(0, count, SLICE):
        part = slice(start, start + SLICE)
        for index, work in enumerate(works):
            began = time.process_time()
            work(part)
            spent[index] += time.process_time() - began
    gc.unfreeze()
    return spent


def compared(rounds: int, ours: Callable[[], object], theirs: Callable[[], object]) -> Ratio:
    """Two works that are whole, in turns."""
    spent = [in_turns(1, lambda _: ours(), lambda _: theirs()) for _ in range(rounds)]
    return Ratio(*zip(*spent, strict=True))


@dataclass(frozen=True)
class Ran:
    """What a process of its own took, seconds."""

    processor: float
    wall: float


def run(command: Sequence[object], environment: dict[str, str]) -> Ran:
    """One process from its start to its end, which has to be a good one."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Ran(usage.ru_utime + usage.ru_stime, time.perf_counter() - began)
