"""docs/reliability.md says what the code does: its states and its numbers."""

import re
from datetime import timedelta

import pytest

from renewd.journal import State
from renewd.planning import backoff, budget
from tests.faults import page
from tests.faults.figures import Figure

TEXT = page.PATH.read_text(encoding="utf-8")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_every_state_says_what_the_next_start_does_with_it():
    section = TEXT.partition("## After a crash")[2].partition("## Numbers")[0]
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", "".join(first))) == sorted(State)


LIMITS = {
    "certificates for one set of names in seven days": (
        f"{budget.CERTIFICATES}, the last",
        f"{budget.CERTIFICATES_BY_HAND} ",
    ),
    "orders for one set of names in a day": (f"{budget.ORDERS} ", f"{budget.ORDERS} "),
    "orders at one issuer in three hours": (f"{budget.ISSUER_ORDERS} ", f"{budget.ISSUER_ORDERS} "),
    "failed proofs for one name in an hour": (f"{budget.PROOFS} ", f"{budget.PROOFS_BY_HAND} "),
}


@pytest.mark.parametrize("what", LIMITS)
def test_limits_are_those_of_the_code(what: str):
    (row,) = (line for line in TEXT.splitlines() if line.startswith(f"| {what}"))
    cells = [f"{cell.strip()} " for cell in row.split("|")[2:4]]
    assert all(cell.startswith(limit) for cell, limit in zip(cells, LIMITS[what], strict=True))


def test_pauses_are_those_of_the_code():
    assert backoff._STEPS[backoff.Kind.ISSUING] == (MINUTE, 10 * MINUTE, 100 * MINUTE, 24 * HOUR)
    assert backoff._STEPS[backoff.Kind.CONFIGURATION] == (24 * HOUR,)
    assert backoff._STEPS[backoff.Kind.KEY] == (HOUR,)
    assert backoff._DEBTS[backoff.Debt.HOOK] == (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)
    assert backoff._DEBTS[backoff.Debt.ROLLED_BACK] == (HOUR, 6 * HOUR, 24 * HOUR)
    assert backoff.LONGEST == 24 * HOUR
    assert backoff.URGENT_PAUSE == 4 * HOUR


def test_a_part_of_the_page_is_written_between_its_marks():
    begin, end = "<!-- x: written by tests/faults/report -->", "<!-- end of x -->"
    assert page.written(f"a\n{begin}\nold\n{end}\nb\n", "x", "new") == f"a\n{begin}\nnew\n{end}\nb\n"
    with pytest.raises(ValueError, match="has no part"):
        page.written("a\n", "x", "new")


def test_figures_are_shown_with_their_command():
    found = {"kills": Figure({"tried": 1200, "torn": 0, "seconds": 1.256}, "tests/faults/test_x.py")}
    assert page.figures(found, "Measured now.").splitlines()[-1] == (
        "| kills | tried 1,200, torn 0, seconds 1.26 | `RENEWD_SWEEP=all tests/run tests/faults/test_x.py` |"
    )
