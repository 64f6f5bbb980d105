"""Loading: a file, and those it includes, as a configuration and its targets, or every fault at once."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from renewd.config import document as documents
from renewd.config import faults as between
from renewd.config import including
from renewd.config.databases import sqlite_path
from renewd.config.document import Broken, Document
from renewd.config.entries import Entry, filled
from renewd.config.findings import Findings
from renewd.config.model import Certificate, Configuration, Included, Options, Portal
from renewd.config.sources import sources
from renewd.config.structure import settle
from renewd.config.targets import Target
from renewd.errors import ConfigurationError
from renewd.fault import Fault

if TYPE_CHECKING:
    from renewd.config.sides import Line

_ISSUER = "issuers: {rcl: {type: rcl, subscription_id: …, api_key: {file: …}}}"
_CERTIFICATE = "certificates: [{name: …, install: {directory: …}}]"


@dataclass(frozen=True)
class Loaded:
    """A configuration and what is watched by it; `files` is what it was read from, the file itself first."""

    configuration: Configuration
    targets: tuple[Target, ...]
    path: str
    files: tuple[str, ...]
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    document: Document | None = field(default=None, repr=False)
    line: "Line | None" = None  # to the side that installs, where privileges are split (sides.py)


@dataclass(frozen=True)
class Examined:
    """All that can be said about a file: its faults, and what of it can be used (None if nothing)."""

    loaded: Loaded | None
    faults: tuple[Fault, ...]


def load(path: str) -> Loaded:
    """The configuration. Raises ConfigurationError with every fault that does not depend on this machine."""
    examined = examine(path)
    if examined.faults or examined.loaded is None:
        raise ConfigurationError(examined.faults)
    return examined.loaded


def examine(path: str) -> Examined:
    """The faults of the file, and what can be used of it."""
    with documents.collector_paused():
        reading = _Reading()
        try:
            loaded = reading.configuration(path)
        except Broken as broken:
            return Examined(None, tuple(broken.faults))
        return Examined(loaded, reading.faults())


class _Reading:
    """One reading of a file and of those it includes."""

    def __init__(self) -> None:
        self._findings: dict[str, Findings] = {}  # by the document's path
        self._broken: list[Fault] = []  # of included files that are no documents at all

    def faults(self) -> tuple[Fault, ...]:
        """All faults, file by file, from top to bottom."""
        each = self._findings.values()
        found = [
            fault for findings in each for fault in sorted(findings.faults, key=lambda fault: fault.line or 0)
        ]
        return (*found, *self._broken)

    def configuration(self, path: str) -> Loaded | None:
        """What can be used of the file. Raises Broken if it is no document at all."""
        main = documents.load(path)
        raw = self._mapping(main, Configuration)
        findings = self._findings[main.path]
        configuration = settle(Configuration, _without_certificates(raw), findings)
        if configuration is None:
            return None
        documents_read = [(main, raw), *self._included(main, configuration.include)]
        found = [self._entries(*source, configuration.defaults, main) for source in documents_read]
        entries = tuple(entry for each in found for entry in each)
        issuers = tuple(raw["issuers"]) if isinstance(raw.get("issuers"), dict) else ()
        self._between(configuration, entries, issuers, main)
        if not issuers:
            findings.add(("issuers",), "nothing issues", f"write an issuer: {_ISSUER}")
        if not any(each.get("certificates") for _, each in documents_read):
            findings.add(("certificates",), "nothing is watched", f"write a certificate: {_CERTIFICATE}")
        return _loaded(configuration, entries, issuers, tuple(document for document, _ in documents_read))

    def _included(self, main: Document, patterns: Sequence[str]) -> Iterator[tuple[Document, dict[str, Any]]]:
        seen = {os.path.realpath(main.path)}
        for index, pattern in enumerate(patterns):
            paths = including.paths(main.path, pattern)
            if not paths and not including.is_pattern(pattern):
                wrong = f"there is no file {pattern} beside this one"
                self._findings[main.path].add(("include", index), wrong, "write it, or leave the line out")
            for path in paths:
                if os.path.realpath(path) not in seen:
                    seen.add(os.path.realpath(path))
                    yield from self._read(path)

    def _read(self, path: str) -> Iterator[tuple[Document, dict[str, Any]]]:
        try:
            document = documents.load(path)
            raw = self._mapping(document, Included, empty={})
        except Broken as broken:
            self._broken += broken.faults
            return
        settle(Included, _without_certificates(raw), self._findings[document.path])
        yield document, raw

    def _entries(
        self, document: Document, raw: dict[str, Any], defaults: Options, main: Document
    ) -> Iterator[Entry]:
        findings = self._findings[document.path]
        items = raw.get("certificates", [])
        if not isinstance(items, list):
            settle(Included, {"certificates": items}, findings)
            return
        for index, item in enumerate(items):
            before = len(findings.dropped)
            certificate = settle(Certificate, item, findings, ("certificates", index))
            if certificate is not None:
                own = frozenset(item)
                dropped = tuple(findings.dropped[before:])
                yield Entry(document, index, filled(certificate, own, defaults), own, main, dropped)

    def _between(
        self, configuration: Configuration, entries: Sequence[Entry], issuers: Sequence[str], main: Document
    ) -> None:
        reserved = {
            source.file: "where a secret is read from"
            for _, source in sources(configuration)
            if source.file is not None
        }
        if isinstance(configuration.state, str) and (path := sqlite_path(configuration.state)) is not None:
            reserved[path] = "renewd's journal"
        if configuration.web is not None and configuration.web.socket is not None:
            reserved[configuration.web.socket] = "the socket of the page"
        reserved[os.path.abspath(main.path)] = "this configuration"
        reserved[configuration.state_directory] = "the state directory"
        portals = {name for name, issuer in configuration.issuers.items() if isinstance(issuer, Portal)}
        for flaw in between.flaws(entries, between.Around(issuers, portals, reserved)):
            self._findings[flaw.document.path].add(flaw.path, flaw.wrong, flaw.right)

    def _mapping(
        self,
        document: Document,
        model: type[Configuration | Included],
        empty: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The document's keys. Raises Broken if it has none; an empty one is `empty`, if that may be."""
        value, flaws = document.read()
        if value is None and empty is not None:
            value = empty
        if not isinstance(value, dict):
            wrong = "the file is empty" if value is None else "the file is no mapping of keys"
            raise Broken([Fault(document.path, None, "", wrong, "write a start with: renewd init")])
        findings = self._findings.setdefault(document.path, Findings(document, model))
        for flaw in flaws:
            findings.add(flaw.path, flaw.wrong, flaw.right)
        return value


def _without_certificates(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key != "certificates"}


def _loaded(
    configuration: Configuration,
    entries: tuple[Entry, ...],
    issuers: Sequence[str],
    sources: tuple[Document, ...],
) -> Loaded:
    only = issuers[0] if len(issuers) == 1 else ""
    certificates = tuple(entry.certificate for entry in entries)
    targets = tuple(target for entry in entries for target in _targets(entry, only))
    files = tuple(document.path for document in sources)
    full = configuration.model_copy(update={"certificates": certificates})
    return Loaded(full, targets, files[0], files, entries, sources[0])


def _targets(entry: Entry, only: str) -> Iterator[Target]:
    certificate, file = entry.certificate, entry.document.path
    issuer = certificate.issuer or (only,)
    where = f"certificates[{entry.index}].name"
    if certificate.name is not None:
        yield Target(certificate.name, certificate, issuer, where, file)
    for index, name in enumerate(certificate.names or ()):
        yield Target(name, certificate, issuer, f"{where}s[{index}]", file)
