"""One thing wrong in the configuration, as a person reads it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in the configuration: where, what, and what would be right."""

    file: str
    line: int | None  # 1-based; None where the fault has no place of its own
    key: str  # such as certificates[1].hooks.reload; empty for the file as a whole
    wrong: str
    right: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        said = f"{self.wrong}; {self.right}" if self.right else self.wrong
        return _printable(": ".join(part for part in (place, self.key, said) if part))


def _printable(text: str) -> str:
    """The text with what would move a terminal's cursor, or worse, written out."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
