"""Colour and columns on a terminal; colour only ever repeats what a word says."""

import os
import shutil
import textwrap
from collections.abc import Iterable
from typing import Literal, TextIO

Style = Literal["green", "yellow", "red", "dim", "bold"]

_CODES: dict[Style, str] = {
    "green": "32",
    "yellow": "33",
    "red": "31",
    "dim": "2",
    "bold": "1",
}  # ECMA-48 SGR
_STATES: dict[str, Style] = {
    "ok": "green",
    "due": "yellow",
    "expired": "red",
    "missing": "red",
    "invalid": "red",
}
LONGEST_TEXT = 512
WIDTH = 80
_NAME_WIDTH = 28


def wants_colour(stream: TextIO) -> bool:
    """Whether somebody looks at it who has not asked for none (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, style: Style, enabled: bool) -> str:
    """The text in a colour, or as it is."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if enabled else text


def state(word: str, width: int, enabled: bool) -> str:
    """A certificate's state in a column, in the colour that says the same."""
    return paint(word, _STATES.get(word, "bold"), enabled) + " " * (width - len(word))


def columns(stream: TextIO) -> int | None:
    """How many columns the terminal has; None where there is none, and a line stays a line for other programs."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if stream.isatty() else None


def line(head: str, taken: int, rest: str, at: int, width: int | None) -> str:
    """`head`, which takes so many columns, and `rest` behind it; what does not fit goes on below, from column `at`."""
    if width is None or taken + len(rest) <= width:
        return head + rest
    parts = textwrap.wrap(rest, max(width - at, 20), break_long_words=False, break_on_hyphens=False)
    told = ("\n" + " " * at).join(parts)
    return f"{head.rstrip()}\n{' ' * at}{told}" if taken > at else head + told


def safe(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text on one line and without anything that a terminal would obey; what is too long is cut."""
    if not text.isprintable():  # no control characters, no line ends, no bidirectional overrides
        text = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )
    return text if len(text) <= longest else text[: longest - 1] + "…"


def safe_json(text: str) -> str:
    """JSON that says the same with nothing that a terminal would obey in it: what cannot be printed is escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def short_name(name: str) -> str:
    """A certificate's first name, with how many more there are: `contoso.com (+1)`."""
    first, *others = name.split(",")
    return safe(f"{first.strip()} (+{len(others)})" if others else name)


def column(names: Iterable[str]) -> int:
    """The width of a column of names; one that is too long pushes its own line aside, and no other."""
    return max((len(name) for name in names if len(name) <= _NAME_WIDTH), default=_NAME_WIDTH)
