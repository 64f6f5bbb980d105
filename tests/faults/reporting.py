"""Runs every sweep whole, shows its figures, and writes them into docs/reliability.md.

`--table` only brings the table of faults up to date, `--no-mutants` leaves the breakages on purpose out. What was
counted is kept in build/figures: after a run in which something failed, `--again` runs only that once more.
"""

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.faults import figures, marks, page

ROOT = Path(__file__).parents[2]
HANGS = 7200  # seconds; a whole sweep is one test, and takes its time
KEPT = ROOT / "build" / "figures"
FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"

BESIDES = (  # sweeps of calls that need the parts of other tests
    "tests/integration/test_issuers_contract.py",
    "tests/integration/test_pebble_renewing.py",
)


def sweep(path: Path, *only: str) -> bool:
    """All of tests/faults whole, and what else sweeps, its figures into `path`; True if all went well. What pytest says goes on as it comes.

    `only` says that it is some of that, as options for pytest.
    """
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "-o",
        f"faulthandler_timeout={HANGS}",
        *only,
        "tests/faults",
        *BESIDES,
    ]
    return _run(command, path)


def mutants(path: Path) -> bool:
    """The breakages on purpose; True if all were noticed."""
    return _run([sys.executable, "-m", "tests.faults.breaking"], path)


def _run(command: list[str], path: Path) -> bool:
    environment = {**os.environ, "RENEWD_SWEEP": "all", figures.FILE: str(path)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def again(path: Path) -> bool:
    """What failed in the run before, once more; what it recorded then is dropped."""
    failed = json.loads(FAILED.read_text(encoding="utf-8")) if FAILED.exists() else {}
    figures.drop(path, failed)
    return not failed or sweep(path, "--last-failed")


def machine() -> str:
    """When and on what the figures were measured."""
    today = dt.datetime.now(dt.UTC).date()
    kernel, cores = platform.release().split("-")[0], os.cpu_count()
    python = platform.python_version()
    return f"Measured on {today}: Python {python}, Linux {kernel}, {cores} cores. All of it: `tests/faults/report`."


def refresh(part: str, block: str) -> None:
    """Write one part of the page anew."""
    page.PATH.write_text(page.written(page.PATH.read_text(encoding="utf-8"), part, block), encoding="utf-8")


def main() -> int:
    """1 if a sweep failed: its figures are then shown, but not written."""
    parser = argparse.ArgumentParser(prog="tests/faults/report", description=__doc__)
    parser.add_argument("--table", action="store_true", help="only bring the table of faults up to date")
    parser.add_argument("--no-mutants", action="store_true", help="leave the breakages on purpose out")
    parser.add_argument("--again", action="store_true", help="only what failed in the run before")
    wanted = parser.parse_args()
    refresh(page.FAULTS, page.faults(marks.found()))
    if wanted.table:
        return 0
    KEPT.parent.mkdir(exist_ok=True)
    if not (wanted.again and KEPT.exists()):
        KEPT.write_bytes(b"")
    well = again(KEPT) if wanted.again else sweep(KEPT)
    well = well and (wanted.no_mutants or mutants(KEPT))
    block = page.figures(figures.read(str(KEPT)), machine())
    print(block)
    if not well:
        print(
            f"tests/faults/report: something failed, see above; {page.PATH} keeps its figures",
            file=sys.stderr,
        )
        return 1
    refresh(page.FIGURES, block)
    return 0


if __name__ == "__main__":
    sys.exit(main())
