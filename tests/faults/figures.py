"""The figures of the sweeps: what each tried, and how much of it went wrong."""

import json
import os
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

FILE = "RENEWD_FIGURES"


class Figure(NamedTuple):
    """What was counted under one name, and the test file that counted it."""

    counts: dict[str, float]
    source: str


def record(name: str, **counts: float) -> None:
    """Keep the counts of one run, such as `record("install kill points", tried=412, torn=0)`.

    Appends one JSON line to the file that RENEWD_FIGURES names, and does nothing where it names none. One write that
    appends, so that several processes may record at once. Of one name, `read` adds up whole numbers and takes the
    greatest of fractions: counts are whole numbers, measures such as seconds=1.25 are fractions.
    """
    path = os.environ.get(FILE)
    if not path:
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]  # without "(call)"
    line = json.dumps({"name": name, "test": test, "counts": counts}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read(path: str) -> dict[str, Figure]:
    """Each figure by its name, in the order of names."""
    found: dict[str, Figure] = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            source = one["test"].partition("::")[0]
            kept = found.setdefault(one["name"], Figure({}, source)).counts
            for what, count in one["counts"].items():
                known = kept.get(what, 0)
                kept[what] = max(known, count) if isinstance(count, float) else known + count
    return dict(sorted(found.items()))


def drop(path: Path, tests: Container[str]) -> None:
    """Take out what these tests recorded, by their node ids: they are run again."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(
        "".join(line for line in lines if json.loads(line)["test"] not in tests), encoding="utf-8"
    )
