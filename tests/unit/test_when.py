"""docs/when.md has an entry for every error that renewd can print, and none for what is gone."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import renewd
from renewd.cli.main import COMMANDS
from renewd.errors import RenewdError
from renewd.renewal.events import Event

PAGE = Path(__file__).parents[2] / "docs" / "when.md"
ENTRY = re.compile(r"^### (?P<heading>.+)\n<!-- (?P<stands>.+) -->\n(?P<text>(?:(?!^#).*\n?)*)", re.MULTILINE)
TOLD = {"error", "warning"}  # levels that somebody is to read


def modules() -> Iterator[str]:
    """Every module of the package that can be imported by itself."""
    for found in pkgutil.walk_packages(renewd.__path__, "renewd."):
        if ".migrations" not in found.name and not found.name.endswith("__main__"):
            yield found.name


def below(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


def printed() -> dict[str, str]:
    """What has to stand in a marker → the class it is: an error's name, an event's as the log has it."""
    for module in modules():
        importlib.import_module(module)
    ours = [each for each in (RenewdError, *below(RenewdError)) if each.__module__.startswith("renewd.")]
    events = [each for each in below(Event) if each.__module__.startswith("renewd.")]
    told = [each for each in events if each.level in TOLD and not each.__name__.startswith("_")]
    names = {each.__name__: each for each in ours} | {each.event: each for each in told}
    return {name: f"{each.__module__}.{each.__name__}" for name, each in names.items()}


def entries() -> dict[str, tuple[str, str]]:
    """The page's headings → what each stands for, and its text."""
    return {
        entry["heading"]: (entry["stands"], entry["text"])
        for entry in ENTRY.finditer(PAGE.read_text(encoding="utf-8"))
    }


def marked() -> list[str]:
    return [name for stands, _ in entries().values() for name in stands.split(", ")]


def sayings() -> str:
    """All that the program may say: its strings without docstrings, f-strings in their parts."""
    said = []
    for path in Path(renewd.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            match node:
                case ast.Module() | ast.ClassDef() | ast.FunctionDef() if ast.get_docstring(node):
                    node.body[0].value.value = ""
                case ast.Constant(value=str(text)):
                    said.append(text.lower())
    return "\n".join(said)


def fragments(heading: str) -> list[str]:
    """What a heading quotes, cut where something else stands each time; after these words a stage does."""
    quoted = re.findall(r"\"([^\"]+)\"", re.sub(r"(failed at the) \w+", r"\1", heading))
    pieces = [piece.strip(" :;,.").lower() for each in quoted for piece in each.split("…")]
    return [piece for piece in pieces if piece]


def commands(text: str) -> list[str]:
    """The lines of the blocks that can be copied."""
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


def test_every_heading_says_by_a_marker_which_errors_it_stands_for():
    headings = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert list(entries()) == headings


def test_every_error_and_warning_has_an_entry():
    missing = {name: where for name, where in printed().items() if name not in marked()}
    assert not missing, (
        "docs/when.md lacks what to do about these. For each, add a section\n"
        '  ### "the words that people read"\n  <!-- NAME -->\n'
        "with what it means, what renewd does by itself and when, and a ```sh block; or add NAME to the marker of one that says it:\n"
        + "\n".join(f"  {name}  ({where})" for name, where in sorted(missing.items()))
    )


def test_no_entry_stands_for_what_is_gone():
    gone = sorted(set(marked()) - printed().keys())
    assert not gone, f"docs/when.md has markers of what renewd has not any more; take them out: {gone}"


def test_every_error_is_in_one_entry_only():
    assert sorted(marked()) == sorted(set(marked()))


@pytest.mark.parametrize("heading", entries())
def test_every_entry_has_something_to_type_and_only_commands_that_there_are(heading):
    _, text = entries()[heading]
    typed = commands(text)
    assert typed
    named = {word for line in typed for word in re.findall(r"\brenewd ([a-z][a-z-]+)\b", line.split("#")[0])}
    assert named <= {*COMMANDS, "renewd-simple"}


def test_what_headings_quote_is_what_renewd_says():
    said = sayings()
    unknown = [(heading, piece) for heading in entries() for piece in fragments(heading) if piece not in said]
    assert not unknown, f"renewd does not say these (any more); … stands for what varies: {unknown}"
