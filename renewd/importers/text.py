"""A configuration as the YAML that people would write: short things in a line, remarks above what they are about."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from renewd.config import scalars

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z0-9/._-](?:[A-Za-z0-9/._@+=% -]|:(?=\S))*(?<![ :])", re.ASCII).fullmatch
_ASIDE = re.compile(r"(?:---|\.\.\.|- |-$)").match  # what YAML takes for signs of its own


@dataclass(frozen=True, slots=True)
class Remarked:
    """A value with sentences for whoever reads the file."""

    value: Any
    remarks: tuple[str, ...]


def remarked(value: Any, *remarks: str) -> Any:
    """The value with its remarks; as it is where there is nothing to say."""
    return Remarked(value, remarks) if remarks else value


def bare(value: Any) -> Any:
    """The value as renewd reads it back: without remarks, wherever in it."""
    if isinstance(value, Remarked):
        return bare(value.value)
    if isinstance(value, Mapping):
        return {key: bare(each) for key, each in value.items()}
    return [bare(each) for each in value] if isinstance(value, list | tuple) else value


def mapping(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The lines of a mapping."""
    for key, each in value.items():
        yield from _keyed(f"{scalar(key)}:", each, indent)


def sequence(items: Sequence[Any], indent: str = "") -> Iterator[str]:
    """The lines of a list, mappings as blocks."""
    for item in items:
        inner = item.value if isinstance(item, Remarked) else item
        yield from comment(item.remarks if isinstance(item, Remarked) else (), indent)
        if isinstance(inner, Mapping) and not _short(inner, indent):
            lines = list(mapping(inner, indent + "  "))
            first = next(index for index, line in enumerate(lines) if not line.lstrip().startswith("#"))
            lines[first] = f"{indent}- {lines[first].removeprefix(indent + '  ')}"
            yield from lines
        else:
            yield f"{indent}- {_flow(inner)}"


def comment(sentences: Sequence[str], indent: str = "") -> Iterator[str]:
    """The sentences as comments, each from a new line."""
    for sentence in sentences:
        if sentence.startswith("$ "):  # a command stays in one line, to be copied
            yield f"{indent}#   {printable(sentence[2:])}"
        else:
            yield from textwrap.wrap(
                printable(sentence),
                _WIDTH,
                initial_indent=f"{indent}# ",
                subsequent_indent=f"{indent}# ",
                break_long_words=False,
                break_on_hyphens=False,
            )


def disabled(lines: Sequence[str]) -> Iterator[str]:
    """The lines as comments, to be taken into use by hand."""
    for line in lines:
        yield f"# {line}"


def scalar(value: object) -> str:
    """A value in YAML, quoted where it would be read as something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if _PLAIN(value) and not _ASIDE(value) and scalars.read(value) == value:
        return value
    return "".join(_escaped(sign) for sign in json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text
    )


def _escaped(sign: str) -> str:
    if sign.isascii() and sign.isprintable():
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) <= 0xFFFF else f"\\U{ord(sign):08x}"  # noqa: PLR2004 - two bytes


def _keyed(key: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Remarked):
        yield from comment(value.remarks, indent)
        value = value.value
    if _short(value, indent + key):
        yield f"{indent}{key} {_flow(value)}"
    else:
        yield f"{indent}{key}"
        yield from (mapping if isinstance(value, Mapping) else sequence)(value, indent + "  ")


def _short(value: Any, before: str) -> bool:
    """Whether it stands in a line: no remarks in it, not too long, and no list of mappings."""
    if not isinstance(value, Mapping | list | tuple):
        return True
    if _remarks_in(value):
        return False
    return not value or len(before) + len(_flow(value)) < _WIDTH


def _remarks_in(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_remarks_in(each) for each in value.values())
    if isinstance(value, list | tuple):
        return any(_remarks_in(each) for each in value)
    return isinstance(value, Remarked)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    return scalar(value)
