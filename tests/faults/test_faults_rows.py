"""Every fault of the model has a test that injects it, or a sentence why it has none; the documentation says which."""

import pytest

from tests.faults import marks, page
from tests.faults.marks import UnclearMark
from tests.faults.rows import NOT_HERE, ROWS


def test_the_table_has_every_number_once():
    assert list(ROWS) == list(range(1, 107))


def test_every_fault_has_a_test_or_a_sentence():
    assert sorted(set(ROWS) - set(marks.found()) - set(NOT_HERE)) == []


def test_a_fault_with_a_test_needs_no_excuse():
    assert sorted(set(NOT_HERE) & set(marks.found())) == []


def test_no_test_names_a_fault_that_is_not_in_the_table():
    assert sorted((set(marks.found()) | set(NOT_HERE)) - set(ROWS)) == []


def test_the_documentation_shows_this_table():
    text = page.PATH.read_text(encoding="utf-8")
    assert page.written(text, page.FAULTS, page.faults(marks.found())) == text, f"run {page.REFRESH}"


def test_markers_are_read_wherever_they_stand():
    source = """
pytestmark = [pytest.mark.fault(1)]

@pytest.mark.fault(2, 3)
class TestOne:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.fault(4))])
    def test_it(self): ...
"""
    assert sorted(marks.read(source, "test_x.py")) == [1, 2, 3, 4]


@pytest.mark.parametrize("mark", ["fault()", "fault(number)", "fault('7')", "fault(*ALL)", "fault(True)"])
def test_a_marker_without_plain_numbers_is_told(mark):
    with pytest.raises(UnclearMark, match=r"test_x\.py:1"):
        list(marks.read(f"x = pytest.mark.{mark}", "test_x.py"))
