"""A daemon of its own process that lives on and on under faults, and says what it holds: one JSON line a sample.

python -m tests.faults.soak_worker FOLDER TICKS EVERY
"""

import json
import os
import sys
import threading
from datetime import timedelta
from pathlib import Path

from renewd.daemon import memory
from tests.faults.years import Years

LONGEST = timedelta(days=3600)  # as long as the sandbox's CA lives


def sample(years: Years) -> dict[str, int]:
    """What this process holds, once what is garbage is given back; memory in bytes."""
    years.forget()
    memory.give_back()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "tick": years.record.ticks,
        "resident": resident,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "zombies": zombies(),
        "renewed": years.record.told["Renewed"],
    }


def zombies() -> int:
    """Children that ended and that nobody has asked about."""
    found = 0
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            state = Path("/proc", child, "stat").read_text().rpartition(")")[2].split()[0]
            found += state == "Z"
    return found


def main(folder: str, ticks: int, every: int) -> None:
    """Live for so many ticks."""
    memory.keep_together()
    years = Years(Path(folder), 7, 3, ends=LONGEST, short=2)
    while years.record.ticks < ticks:
        years.step()
        if years.record.ticks % every == 0:
            print(json.dumps(sample(years)), flush=True)
    years.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
