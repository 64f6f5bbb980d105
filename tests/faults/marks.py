"""Which test injects which fault: the `fault` markers of all tests, read from their source."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]


class UnclearMark(Exception):
    """A marker whose numbers cannot be read: they are to be written as plain numbers."""


def found() -> dict[int, list[str]]:
    """Row → names of the test modules that inject it. Raises UnclearMark if a marker has no plain numbers."""
    rows: dict[int, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py"), key=lambda path: path.name):
        for number in sorted(set(read(path.read_text(encoding="utf-8"), path.name))):
            rows.setdefault(number, []).append(path.stem)
    return rows


def read(source: str, name: str) -> Iterator[int]:
    """The numbers of each marker in a module's source. Raises UnclearMark as `found` does."""
    if "mark.fault" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.fault"):
            numbers = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if not numbers or len(numbers) < len(node.args) or any(type(one) is not int for one in numbers):
                raise UnclearMark(f"{name}:{node.lineno}: write the faults' numbers, such as fault(7, 8)")
            yield from numbers
