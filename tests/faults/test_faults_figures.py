"""Figures of several processes and tests come together under their names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import figures

ROOT = Path(__file__).parents[2]


def test_counts_are_added_up_and_of_measures_the_greatest_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "figures"
    monkeypatch.setenv(figures.FILE, str(path))
    figures.record("kills", tried=3, torn=0, seconds=0.5)
    figures.record("kills", tried=4, torn=1, seconds=0.25)
    figures.record("errors", tried=1)
    found = figures.read(str(path))
    assert list(found) == ["errors", "kills"]
    assert found["kills"].counts == {"tried": 7, "torn": 1, "seconds": 0.5}
    assert found["kills"].source == "tests/faults/test_faults_figures.py"


def test_what_a_test_that_is_run_again_counted_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "figures"
    monkeypatch.setenv(figures.FILE, str(path))
    for test in ("tests/a.py::test_one[a b]", "tests/a.py::test_two"):
        monkeypatch.setenv("PYTEST_CURRENT_TEST", f"{test} (call)")
        figures.record("kills", tried=3)
    figures.drop(path, {"tests/a.py::test_one[a b]": True})
    assert figures.read(str(path)) == {"kills": figures.Figure({"tried": 3}, "tests/a.py")}


def test_nothing_is_kept_where_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(figures.FILE, raising=False)
    monkeypatch.chdir(tmp_path)
    figures.record("kills", tried=3)
    assert list(tmp_path.iterdir()) == []


def test_several_processes_record_at_once_and_no_line_is_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "figures"
    monkeypatch.setenv(figures.FILE, str(path))
    script = "from tests.faults import figures\nfor _ in range(200): figures.record('x' * 50, tried=1)"
    running = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) for _ in range(4)]
    assert [one.wait() for one in running] == [0] * 4
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 800
