"""Faults as they are found: each once, at its line, and none that an earlier one explains."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel

from renewd.config.document import Document
from renewd.config.spots import Path
from renewd.fault import Fault

if TYPE_CHECKING:
    from renewd.config.schema import Known


@dataclass
class Findings:
    """The faults of one document so far; `model` is what the document as a whole should be."""

    document: Document
    model: type[BaseModel]
    faults: list[Fault] = field(default_factory=list)
    dropped: list[Path] = field(
        default_factory=list
    )  # what is left out of the models, as it stands in the document
    _explained: set[Path] = field(default_factory=set)

    @property
    def known(self) -> "Known":
        """Which keys and words are known where."""
        from renewd.config import schema

        return schema.known(self.model)

    def add(self, path: Path, wrong: str, right: str = "", also: Path = ()) -> None:
        """Another fault; `also` is a place that it explains too, such as the key that was misspelt."""
        if path not in self._explained:
            self.faults.append(self.document.fault(path, wrong, right))
        self._explained.add(path)
        if also:
            self._explain(also)

    def drop(self, path: Path) -> None:
        """What stands there is left out; that it is missing, and what its mapping lacks by that, is no other fault."""
        self.dropped.append(path)
        self._explain(path)

    def _explain(self, path: Path) -> None:
        self._explained.update((path, path[:-1]))
