"""A small directory that offers renewal information, over plain HTTP on loopback; it answers as a test says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.scripted import Scripted, Seen, answer, answer_json


@dataclass
class Directory:
    """`answers` by a certificate's id, or for all under the empty one; `asked` holds the ids asked about so far."""

    answers: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    directory: bytes | None = None  # instead of a good one

    def __post_init__(self) -> None:
        self._server = Scripted(self._answer)

    @property
    def url(self) -> str:
        """What the configuration calls `ari`."""
        return f"{self._server.url}/directory"

    def suggest(
        self, start: datetime, end: datetime, *, page: str = "", id_: str = "", **headers: str
    ) -> None:
        """Let the window of a certificate, or of all, be this."""
        self.answers[id_] = window(start, end, page, **headers)

    def close(self) -> None:
        self._server.close()

    def _answer(self, seen: Seen) -> bytes:
        if seen.target == "/directory":
            return self.directory or answer_json({"renewalInfo": f"{self._server.url}/info"})
        certificate = seen.target.rpartition("/")[2]
        self.asked.append(certificate)
        assert "authorization" not in seen.headers
        return self.answers.get(certificate) or self.answers.get("") or answer(404)


def window(start: datetime, end: datetime, page: str = "", **headers: str) -> bytes:
    """A whole answer."""
    document: dict[str, Any] = {"suggestedWindow": {"start": start.isoformat(), "end": end.isoformat()}}
    if page:
        document["explanationURL"] = page
    return answer_json(document, **headers)


@contextmanager
def directory() -> Iterator[Directory]:
    """A Directory that ends with the block."""
    server = Directory()
    try:
        yield server
    finally:
        server.close()
