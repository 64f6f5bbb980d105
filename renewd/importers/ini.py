"""The files that certbot keeps its settings in, ConfigObj's kind of INI: nested [[sections]], lists, quotes."""

import re
from collections.abc import Iterator
from typing import TypeAlias

Value: TypeAlias = "str | list[str] | dict[str, Value]"
Section: TypeAlias = "dict[str, Value]"

_HEAD = re.compile(r"""\s*(\[+)\s*("[^"]+"|'[^']+'|[^'"\s\]][^\]]*?)\s*(\]+)\s*(?:\#.*)?""", re.VERBOSE)
_PAIR = re.compile(r"""\s*("[^"]+"|'[^']+'|[^'"=\s][^=]*?)\s*=\s*(.*)""", re.VERBOSE)
_ITEM = re.compile(
    r"""( "[^"]*"(?!\#) | '[^']*'(?!\#)
        | "(?:(?!"\#).)*?"(?=\s*(?:,|$)) | '(?:(?!'\#).)*?'(?=\s*(?:,|$))  # quotes inside, as ConfigObj allows
        | [^'",\s\#][^,\#]*? )\s*(,|\#.*|$)\s*""",
    re.VERBOSE,
)
_NOTHING = re.compile(r"\s*(?:#.*)?")
_TRIPLE = ('"""', "'''")


class Malformed(ValueError):
    """The text is not such a file; the message says in which line and why."""


def read(text: str) -> Section:
    """The settings of a text. Raises Malformed."""
    root: Section = {}
    path = [root]
    lines = iter(enumerate(text.removeprefix("\ufeff").splitlines(), 1))
    for number, line in lines:
        if _NOTHING.fullmatch(line):
            continue
        try:
            if head := _HEAD.fullmatch(line):
                _open(path, head)
            else:
                _set(path[-1], line, lines)
        except ValueError as error:
            raise Malformed(f"line {number}: {error}") from None
    return root


def _open(path: list[Section], head: re.Match[str]) -> None:
    """Make a section, `path` leading to it."""
    depth, name = len(head[1]), _unquoted(head[2])
    if depth != len(head[3]):
        raise ValueError("the brackets do not match")
    if depth > len(path):
        raise ValueError("a section of a section that is not there")
    del path[depth:]
    section: Section = {}
    _add(path[-1], name, section)
    path.append(section)


def _set(section: Section, line: str, lines: Iterator[tuple[int, str]]) -> None:
    pair = _PAIR.fullmatch(line)
    if pair is None:
        raise ValueError("it is neither a setting nor a section")
    quotes = next((each for each in _TRIPLE if pair[2].startswith(each)), None)
    value = _items(pair[2]) if quotes is None else _long(pair[2][3:], quotes, lines)
    _add(section, _unquoted(pair[1]), value)


def _add(section: Section, name: str, value: Value) -> None:
    if name in section:
        raise ValueError(f"{name} is there twice")
    section[name] = value


def _items(text: str) -> str | list[str]:
    """A text, or a list where there is a comma."""
    if _NOTHING.fullmatch(text):
        return ""
    if _NOTHING.fullmatch(text.removeprefix(",")):
        return []
    items, at, end = [], 0, ","
    while end == "," and not _NOTHING.fullmatch(text, at):
        item = _ITEM.match(text, at)
        if item is None:
            raise ValueError("a quote or a comma is in the wrong place")
        items.append(_unquoted(item[1]))
        at, end = item.end(), item[2]
    return items if end == "," or len(items) > 1 else items[0]


def _long(text: str, quotes: str, lines: Iterator[tuple[int, str]]) -> str:
    """A text between three quotes, over as many lines as it takes."""
    closing = re.compile(rf"(.*?){quotes}\s*(?:#.*)?")
    parts: list[str] = []
    while (end := closing.fullmatch(text)) is None:
        if parts and quotes in text:
            raise ValueError("something stands behind the closing quotes")
        parts.append(text)
        found = next(lines, None)
        if found is None:
            raise ValueError("three quotes are never closed")
        text = found[1]
    return "\n".join([*parts, end[1]])


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] in {'"', "'"} else text
