"""What is wrong between the parts of a configuration, each right by itself; pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from renewd.config import names, near, targets
from renewd.config.document import Document, show
from renewd.config.entries import Entry
from renewd.config.proving import Challenge, Dns01, Http01
from renewd.config.spots import Path

Place = tuple[Document, Path]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong at a place of a document."""

    document: Document
    path: Path
    wrong: str
    right: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What else the file says: its issuers' names, those of portals among them, and paths that no target may be written to."""

    issuers: Sequence[str]
    portals: Collection[str]
    reserved: Mapping[str, str]  # path to what it is for


def flaws(entries: Sequence[Entry], around: Around) -> Iterator[Flaw]:
    """All of them."""
    yield from _issuer_flaws(entries, around.issuers)
    yield from _domain_flaws(entries, around)
    yield from _shape_flaws(entries)
    yield from _name_flaws(entries)
    yield from _path_flaws(entries, around.reserved)


def _issuer_flaws(entries: Sequence[Entry], issuers: Sequence[str]) -> Iterator[Flaw]:
    """Entries whose issuer is not there, or could be any of several."""
    listed = " or ".join(issuers[:4])
    for entry in entries:
        written = entry.certificate.issuer
        if not written and "issuer" in entry.certificate.model_fields_set:
            yield Flaw(*entry.place("issuer"), "the list is empty", f"write {listed}")
        elif not written and len(issuers) > 1:
            yield Flaw(
                entry.document,
                (*entry.path, "issuer"),
                "it is missing, and there are several",
                f"write {listed}",
            )
        for index, issuer in enumerate(written):
            if issuer not in issuers:
                meant = near.nearest(issuer, issuers)
                right = f"did you mean {meant}?" if meant else f"write {listed}" if issuers else ""
                yield Flaw(*entry.place("issuer", index), f"there is no issuer {issuer!r}", right)
            elif issuer in written[:index]:
                yield Flaw(*entry.place("issuer", index), f"{issuer} is in it twice", "write it once")


def _domain_flaws(entries: Sequence[Entry], around: Around) -> Iterator[Flaw]:
    """Entries with other names than the portal that is to issue them knows by theirs."""
    for entry in entries:
        name, domains = entry.certificate.name, ",".join(entry.certificate.domains)
        asked = entry.certificate.issuer or around.issuers[:1]
        portal = next((issuer for issuer in asked if issuer in around.portals), None)
        if portal and name and domains and targets.identity(domains) != targets.identity(name):
            wrong = f"{portal} issues for the names in `name`, as its portal shows them"
            yield Flaw(*entry.place("domains"), wrong, "leave domains out; they are for an ACME CA")


def _shape_flaws(entries: Sequence[Entry]) -> Iterator[Flaw]:
    """Entries that have no place, put several names into one, or cannot prove a wildcard."""
    for entry in entries:
        if not entry.certificate.install:
            right = "write where the certificate goes, such as install: {directory: /etc/renewd/live/{name}}"
            yield Flaw(entry.document, (*entry.path, "install"), "it is missing", right)
        if entry.certificate.names is not None and len(entry.certificate.names) > 1:
            yield from _shared_by_names(entry)
        if entry.certificate.names is not None and entry.certificate.domains:
            yield Flaw(*entry.place("domains"), "several names share them", "write them beside one `name`")
        for path, name in entry.domains():
            told = _unprovable(entry.certificate.challenge, name)
            if told is not None:
                yield Flaw(entry.document, path, *told)


def _unprovable(challenge: Challenge | None, name: str) -> tuple[str, str] | None:
    if isinstance(challenge, Http01) and "*" in name:
        right = "write challenge: {type: dns-01, …}, or leave it out where the service proves the name"
        return f"no HTTP challenge can prove the wildcard in {name!r}", right
    if isinstance(challenge, Dns01) and names.is_address(name):
        right = "write challenge: {type: http-01, …}, in an entry of its own"
        return f"no DNS challenge can prove the address {name}", right
    return None


def _shared_by_names(entry: Entry) -> Iterator[Flaw]:
    count = len(entry.certificate.names or ())
    for rest, path in entry.written():
        if "{name}" not in path:
            right = "write {name} in it, which stands for each"
            yield Flaw(*entry.place("install", *rest), f"{count} names share this path", right)


def _name_flaws(entries: Sequence[Entry]) -> Iterator[Flaw]:
    """Names that are watched twice."""
    first: dict[str, Place] = {}
    for entry in entries:
        for path, name in entry.names():
            domains = entry.certificate.domains if entry.certificate.name is not None else ()
            here = (entry.document, path)
            watched = [
                first.setdefault(targets.identity(each), here) for each in (name, ",".join(domains)) if each
            ]
            there = next((place for place in watched if place is not here), None)
            if there is not None:
                wrong = f"the same names as {_said(there, entry.document)}"
                yield Flaw(*here, wrong, "watch it once; install takes a list of places")


def _said(place: Place, within: Document) -> str:
    """Another place, as a sentence about a place in the document `within` names it."""
    document, path = place
    line = document.line(path)
    where = f"line {line}" if document is within else f"{document.path}:{line}"
    return f"{show(path)} ({where})"


@dataclass(frozen=True, slots=True)
class _Use:
    """One path that a target is to be written to."""

    entry: Entry
    rest: Path  # where it is written, below the entry's key `install`
    path: str
    name: str

    @property
    def place(self) -> Place:
        """Where it is written."""
        return self.entry.place("install", *self.rest)

    def clashes(self, first: "_Use") -> bool:
        """Whether this is another use than the first one of the path; that a name is watched twice is told elsewhere."""
        if targets.identity(self.name) == targets.identity(first.name):
            return self.entry is first.entry and self.rest != first.rest
        return True


def _path_flaws(entries: Sequence[Entry], reserved: Mapping[str, str]) -> Iterator[Flaw]:
    """Paths that two targets share, that are or lie in what is reserved, or that lie in another's folder."""
    uses = [_Use(entry, *path) for entry in entries for path in entry.paths()]
    first: dict[str, _Use] = {}
    for use in uses:
        there = first.setdefault(use.path, use)
        if use.path in reserved:
            yield Flaw(*use.place, f"this path is {reserved[use.path]}", "write another")
        elif there is not use and use.clashes(there) and there.place == use.place:
            wrong = f"{there.name!r} and {use.name!r} share this path"
            yield Flaw(*use.place, wrong, "write {name} in it, which stands for each")
        elif there is not use and use.clashes(there):
            wrong = f"the same path as {_said(there.place, use.place[0])}"
            yield Flaw(*use.place, wrong, "each needs a path of its own")
    yield from _nested(uses, first, reserved)


def _nested(uses: Sequence[_Use], first: Mapping[str, _Use], reserved: Mapping[str, str]) -> Iterator[Flaw]:
    folders = {path for path, use in first.items() if use.rest[-1] == "directory"}
    nearest = _Folders({*folders, *reserved})
    for use in uses:
        folder = nearest.of(use.path.rpartition("/")[0])
        if folder in reserved:
            yield Flaw(*use.place, f"it lies in {folder}, {reserved[folder]}", "write a path elsewhere")
        elif folder:
            said = _said(first[folder].place, use.place[0])
            yield Flaw(*use.place, f"it lies in the folder of {said}", "write a path elsewhere")


class _Folders:
    """Which of some folders a path lies in, each parent looked at once; empty if in none."""

    def __init__(self, folders: Collection[str]) -> None:
        self._known = {"": "", **{folder: folder for folder in folders}}

    def of(self, path: str) -> str:
        """The nearest of the folders that the path is or lies in."""
        if path not in self._known:
            self._known[path] = self.of(path.rpartition("/")[0])
        return self._known[path]
