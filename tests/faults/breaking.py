"""Tries the mutants: copies the project, breaks it in one way at a time, and sees whether the tests notice.

`python -m tests.faults.breaking [WORD …]` tries those whose description holds one of the words; all without any.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults import figures
from tests.faults.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
OUTSIDE = shutil.ignore_patterns(
    ".git", ".venv", "venv", "__pycache__", ".*_cache", ".hypothesis", ".coverage*"
)


class Unfit(Exception):
    """The mutant cannot be tried: it does not apply, or its tests fail without it."""


def apply(root: Path, mutant: Mutant) -> str:
    """Break the copy at `root`; the file as it was. Raises Unfit if the old text is not there once."""
    path = root / "renewd" / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise Unfit(f"renewd/{mutant.file} has {text.count(mutant.old)} times: {mutant.old!r}")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    return text


def run(root: Path, tests: Sequence[str]) -> tuple[bool, str]:
    """Whether these tests pass in the copy, and the first that does not."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-n",
            "2",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            *tests,
        ],
        cwd=root,
        env=_environment(root),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    first = re.search(r"^(?:FAILED|ERROR) \S*?(test_\w+\.py(?:::\w+)?)", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1) and first is None:
        raise Unfit(f"pytest ended with {done.returncode}: {done.stdout[-2000:]}")
    return done.returncode == 0, "" if first is None else first[1]


def _environment(root: Path) -> dict[str, str]:
    """Of the copy's tests: what they count of a broken renewd is no figure."""
    ours = {name: value for name, value in os.environ.items() if name != figures.FILE}
    return {
        "RENEWD_VENV": str(ROOT / ".venv"),  # the copy has none, and servers that stand in it are needed
        **ours,
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def noticed(root: Path, mutant: Mutant) -> str:
    """The test that notices it; empty if none does. Raises Unfit."""
    path = root / "renewd" / mutant.file
    whole = apply(root, mutant)
    try:
        passed, first = run(root, mutant.tests)
    finally:
        path.write_text(whole, encoding="utf-8")
    return "" if passed else first or "the tests"


def main(words: Sequence[str]) -> int:
    """Try each mutant and tell; 0 if all were noticed."""
    chosen = [one for one in MUTANTS if not words or any(word in one.breaks for word in words)]
    survived = []
    with tempfile.TemporaryDirectory(prefix="renewd-mutants-") as folder:
        root = Path(folder) / "renewd"
        shutil.copytree(ROOT, root, ignore=OUTSIDE, symlinks=True)
        passed, first = run(root, sorted({test for one in chosen for test in one.tests}))
        if not passed:
            raise Unfit(f"the tests fail without any mutant: {first}")
        for mutant in chosen:
            by = noticed(root, mutant)
            print(f"{'noticed ' if by else 'SURVIVED'}  {mutant.breaks}  ({by or mutant.file})", flush=True)
            if not by:
                survived.append(mutant)
    figures.record("breakages on purpose", tried=len(chosen), unnoticed=len(survived))
    print(f"{len(chosen) - len(survived)} of {len(chosen)} mutants were noticed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
