"""The figures of the sweeps: what each tried, and how much of it went wrong."""

import json
import os

FILE = "RENEWD_FIGURES"


def record(name: str, **counts: float) -> None:
    """Keep the counts of one run, such as `record("install kill points", tried=412, torn=0)`.

    Appends one JSON line to the file that RENEWD_FIGURES names, and does nothing where it names none. One write that
    appends, so that several processes may record at once; figures of one name are added up by tests/faults/report.
    """
    path = os.environ.get(FILE)
    if not path:
        return
    line = json.dumps({"name": name, **counts}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read(path: str) -> dict[str, dict[str, float]]:
    """Name → counts, those of one name added up; in the order of names."""
    added: dict[str, dict[str, float]] = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            counts = json.loads(line)
            sums = added.setdefault(counts.pop("name"), {})
            for what, count in counts.items():
                sums[what] = sums.get(what, 0) + count
    return dict(sorted(added.items()))
