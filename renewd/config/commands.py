"""Hooks' command lines: split like a shell does, and nothing that only a shell would do."""

import shlex
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where programs without a path are looked for
_SHELL_ONLY = frozenset(
    {"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1", "2>/dev/null", ">/dev/null", "&>/dev/null"}
)


@lru_cache(maxsize=1024)
def problem(line: str, *, shell: bool) -> tuple[str, str] | None:
    """What is wrong with a command line and what would be right; None if nothing is."""
    if not line.strip():
        return "the command is empty", "write a command line, or leave the key out"
    if "\0" in line:
        return "the command holds a NUL character", "write it without"
    if shell:
        return None
    try:
        words = shlex.split(line)
    except ValueError as error:
        what = (
            "a quote that is not closed" if "quotation" in str(error) else "a backslash with nothing after it"
        )
        return f"{line!r} has {what}", "close it"
    return _words_problem(words, line)


def _words_problem(words: Sequence[str], line: str) -> tuple[str, str] | None:
    if not words or not words[0]:
        return f"{line!r} names no program", "write a command line, or leave the key out"
    for word in _raw_words(line):
        sign = ";" if word.endswith(";") and not word.endswith("\\;") else word
        if sign in _SHELL_ONLY:
            return (
                f"{sign} is a shell's, and no shell runs this",
                f"write a list of command lines, or {{run: {line!r}, shell: true}}",
            )
    return None


def _raw_words(line: str) -> list[str]:
    """The words with their quotes and backslashes: what is quoted is no sign of the shell's."""
    words = shlex.shlex(line, posix=False)
    words.whitespace_split = True
    words.commenters = ""
    return list(words)


def lines(value: Any) -> Any:
    """One line, one mapping or a list of either, as mappings. Raises ValueError for words given as a list."""
    items = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(item, str) and item.startswith("-") for item in items):
        line = shlex.join(str(item) for item in items)
        raise ValueError(
            f"a list is of command lines, and one that begins with - is none; write one line: {line}"
        )
    return tuple({"run": item} if isinstance(item, str) else item for item in items)
