"""The entries of the watch list with what `defaults` adds to them, and where each of their values is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from renewd.config import targets
from renewd.config.document import Document
from renewd.config.model import Certificate, Options
from renewd.config.spots import Path


@dataclass(frozen=True)
class Entry:
    """One item of `certificates`; `main` is the document that `defaults` stands in."""

    document: Document
    index: int
    certificate: Certificate
    own: frozenset[str]  # the keys that the entry says itself
    main: Document
    dropped: tuple[Path, ...] = ()  # what is wrong, and not in `certificate`

    @property
    def path(self) -> Path:
        """Where the entry is in its document."""
        return ("certificates", self.index)

    def place(self, key: str, *rest: str | int) -> tuple[Document, Path]:
        """Where a value of the entry is written: in the entry itself, or in `defaults`.

        An index is left out where an item stands without a list, and so is what is not written at all.
        """
        own = (self.document, (*self.path, key))
        document, path = own if key in self.own else (self.main, ("defaults", key))
        if not document.at(path)[0]:
            return own
        for part in rest:
            deeper = (*path, self._written(path, part))
            path = deeper if document.at(deeper)[0] else path
        return document, path

    def _written(self, path: Path, part: str | int) -> str | int:
        """The index in the document of an item whose index in `certificate` is given; a key is itself."""
        if isinstance(part, str):
            return part
        beside = (each[-1] for each in self.dropped if each[:-1] == path)
        for dropped in sorted(index for index in beside if isinstance(index, int)):
            part += dropped <= part
        return part

    def names(self) -> Iterator[tuple[Path, str]]:
        """The entry's names and where each is written."""
        if self.certificate.name is not None:
            yield (*self.path, "name"), self.certificate.name
        path = (*self.path, "names")
        for index, name in enumerate(self.certificate.names or ()):
            yield (*path, self._written(path, index) if self.dropped else index), name

    def domains(self) -> Iterator[tuple[Path, str]]:
        """The names on the entry's certificates and where each is written."""
        if not self.certificate.domains:
            yield from self.names()
        for index, name in enumerate(self.certificate.domains):
            yield (*self.path, "domains", self._written((*self.path, "domains"), index)), name

    def written(self) -> Iterator[tuple[Path, str]]:
        """The paths that the entry installs to, as written, and where that is below `install`."""
        for index, install in enumerate(self.certificate.install):
            if install.directory is not None:
                yield (index, "directory"), install.directory
            for kind, path in (install.files or {}).items():
                yield (index, "files", kind), path

    def paths(self) -> Iterator[tuple[Path, str, str]]:
        """The same with `{name}` filled in, and the name; what has no `{name}` in it comes once, with the first."""
        names = self.certificate.all_names
        for rest, path in self.written():
            if "{name}" not in path:
                yield rest, path, names[0] if names else ""
                continue
            for name in names:
                yield rest, path.replace("{name}", targets.slug(name)), name


def filled(certificate: Certificate, own: frozenset[str], defaults: Options) -> Certificate:
    """The entry with each key that it does not say itself as `defaults` says it."""
    missing = defaults.model_fields_set - own
    if not missing:
        return certificate
    update: dict[str, Any] = {key: getattr(defaults, key) for key in missing}
    return certificate.model_copy(update=update)
