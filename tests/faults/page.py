"""The parts of docs/reliability.md that are written by programs: the table of faults, and the figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.figures import Figure
from tests.faults.rows import NOT_HERE, ROWS

PATH = Path(__file__).parents[2] / "docs" / "reliability.md"
FAULTS, FIGURES = "faults", "figures"
REFRESH = "tests/faults/report --table"


def faults(marks: Mapping[int, Sequence[str]]) -> str:
    """The table of faults, a group after the other; `marks` says which tests inject a row."""
    lines = []
    group = ""
    for number, row in ROWS.items():
        if row.group != group:
            group = row.group
            lines += ["", f"### {group}", "", "| # | fault | what renewd does | tests |", "|---|---|---|---|"]
        tests = ", ".join(name.removeprefix("test_") for name in marks.get(number, ()))
        lines.append(f"| {number} | {row.fault} | {row.answer} | {tests or NOT_HERE.get(number, '')} |")
    return "\n".join(lines[1:])


def figures(found: Mapping[str, Figure], measured: str) -> str:
    """The table of figures; `measured` says when and on what."""
    lines = [measured, "", "| what | figures | command |", "|---|---|---|"]
    for name, (counts, source) in found.items():
        told = ", ".join(f"{what.replace('_', ' ')} {_shown(count)}" for what, count in counts.items())
        command = f"RENEWD_SWEEP=all tests/run {source}" if source else "tests/faults/mutants"
        lines.append(f"| {name} | {told} | `{command}` |")
    return "\n".join(lines)


def _shown(count: float) -> str:
    return f"{count:.3g}" if isinstance(count, float) else f"{count:,}"


def written(text: str, part: str, block: str) -> str:
    """The page with `block` between the marks of this part. Raises ValueError if it has no such marks."""
    begin, end = f"<!-- {part}: written by tests/faults/report -->", f"<!-- end of {part} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PATH} has no part between {begin} and {end}")
    return f"{before}{begin}\n{block}\n{end}{after}"
