"""Places in a document: by the keys that lead there, and by line."""

from dataclasses import dataclass

Path = tuple[str | int, ...]  # keys and list indexes from the root of a document


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands: at the line of its key or item; `text` as in Document.written."""

    line: int
    text: str | None = None
