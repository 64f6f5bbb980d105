"""The breakages on purpose fit the code as it is; that the tests notice each, tests/faults/mutants says."""

from collections import Counter
from pathlib import Path

import pytest

from tests.faults import breaking, figures
from tests.faults.breaking import ROOT
from tests.faults.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.breaks for mutant in MUTANTS])
def test_what_it_breaks_stands_there_once(mutant: Mutant):
    text = (ROOT / "renewd" / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.breaks for mutant in MUTANTS])
def test_the_tests_that_should_notice_are_there(mutant: Mutant):
    assert mutant.tests
    assert all((ROOT / test).exists() for test in mutant.tests)


def test_each_has_a_description_of_its_own():
    assert max(Counter(mutant.breaks for mutant in MUTANTS).values()) == 1


def test_what_a_broken_copy_counts_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = tmp_path / "figures"
    monkeypatch.setenv(figures.FILE, str(kept))
    test = tmp_path / "test_one.py"
    test.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom tests.faults import figures\n"
        "def test_one():\n    figures.record('kills', tried=1)\n"
    )
    assert breaking.run(tmp_path, [str(test)]) == (True, "")
    assert not kept.exists()
