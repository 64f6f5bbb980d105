"""A configuration that takes over what certbot does: its certificates, where they lie, challenges, hooks, account."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from renewd import __version__
from renewd.config import names, targets
from renewd.errors import UsageError
from renewd.importers import accounts, drafts, lineages, text
from renewd.importers.accounts import Service
from renewd.importers.drafts import Draft
from renewd.importers.findings import Finding, Notes
from renewd.importers.lineages import Lineage
from renewd.importers.text import remarked

_TIME = re.compile(r"\s*([0-9]{1,4})\s*(day|week|month|hour)?s?\s*", re.IGNORECASE).fullmatch
_DAYS = {"day": 1, "week": 7, "month": 30}


@dataclass(frozen=True, slots=True)
class Imported:
    """The file, and what a person should know about it."""

    text: str
    findings: tuple[Finding, ...]


def read(folder: str) -> Imported:
    """The configuration for certbot's folder. Raises UsageError if there is nothing to take over."""
    folder = os.path.abspath(folder)
    try:
        found, wrong = lineages.find(folder)
    except OSError as error:
        raise UsageError(
            f"{folder} is not certbot's folder: {error.filename} cannot be read: {lineages.words(error)}",
            remedy="name the folder in which certbot has `renewal` and `live`, such as /etc/letsencrypt",
        ) from error
    if not found:
        said = "".join(f"\n  {finding}" for finding in wrong)
        raise UsageError(f"there is no certificate of certbot's in {folder} to take over{said}")
    written, left = drafts.merged([drafts.draft(lineage) for lineage in found])
    general = Notes("certbot")
    file = _text(folder, written, general)
    findings = [*wrong, *(each for draft in [*written, *left] for each in draft.notes.found), *general.found]
    return Imported(file, tuple(dict.fromkeys(findings)))


def _text(folder: str, entries: Sequence[Draft], notes: Notes) -> str:
    """The whole file; the same for the same folder."""
    active = [draft for draft in entries if not draft.not_taken]
    issuers = accounts.named(
        accounts.ordered([draft.service for draft in active or entries if draft.issuable])
    )
    settings = {name: accounts.issuer(each, folder, notes) for each, name in issuers.items()}
    lines = [
        *text.comment([*_head(folder, entries)]),
        "",
        *text.mapping({"issuers": settings}),
        "",
        "certificates:",
    ]
    if not active:
        lines[-1] = "certificates: []"
    taken = {draft.identity for draft in entries}
    blocks = ["\n".join(_entry(draft, issuers, taken)) for draft in entries]
    return "\n".join([*lines, "\n\n".join(blocks)]) + "\n"


def _head(folder: str, entries: Sequence[Draft]) -> Iterator[str]:
    yield f"Made by renewd {__version__} out of {folder}, where certbot keeps its certificates."
    yield "To take over: see to the remarks below, then let it be looked at"
    yield "$ renewd validate && renewd preflight"
    yield "and before renewd runs, take from certbot what renewd is to do (never `certbot delete`: it deletes live files):"
    for draft in entries:
        if not draft.not_taken:
            path = shlex.quote(f"{folder}/renewal/{draft.lineage.name}.conf")
            yield f"$ mv {path} {path}.off"
    yield "The way back is in docs/moving-from-certbot.md. Nothing in certbot's folder `archive` is ever touched."


def _entry(draft: Draft, issuers: Mapping[Service, str], taken: set[str]) -> Iterator[str]:
    entry = remarked(
        _mapping(draft, issuers, taken), *(() if not draft.not_taken else (f"{draft.not_taken}:",))
    )
    lines = list(text.sequence([entry], "  "))
    yield from text.disabled(lines) if draft.not_taken else lines


def _mapping(draft: Draft, issuers: Mapping[Service, str], taken: set[str]) -> dict[str, Any]:
    lineage = draft.lineage
    name = _name(draft, taken)
    entry: dict[str, Any] = {"name": name}
    if (name,) != lineage.domains:
        entry["domains"] = list(lineage.domains)
    if len(issuers) > 1 and draft.service in issuers:
        entry["issuer"] = issuers[draft.service]
    if before := _renew_before(lineage, draft.notes):
        entry["renew_before"] = before
    if draft.challenge is not None:
        entry["challenge"] = draft.challenge
    entry["install"] = list(draft.install) if len(draft.install) > 1 else draft.install[0]
    bare = draft.hooks.value if isinstance(draft.hooks, text.Remarked) else draft.hooks
    if bare:
        entry["hooks"] = draft.hooks
    elif isinstance(draft.hooks, text.Remarked):
        entry["install"] = remarked(entry["install"], *draft.hooks.remarks)
    return entry


def _name(draft: Draft, taken: set[str]) -> str:
    """Certbot's own name for it, unless that is none, or reads as the names of another certificate."""
    name, domains = draft.lineage.name, draft.lineage.domains
    if names.problem(name) is None and targets.identity(name) not in taken - {draft.identity}:
        return name
    if names.problem(",".join(domains)) is None:
        return ",".join(domains)
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')[:60] or 'some'}.certbot"


def _renew_before(lineage: Lineage, notes: Notes) -> str:
    """How long before the end certbot renews, if it says; its default is renewd's."""
    if not lineage.renew_before:
        return ""
    found = _TIME(lineage.renew_before)
    if found is None or not int(found[1]):
        notes.add(
            f"renew_before_expiry = {lineage.renew_before} is left out: a third of the lifetime is the default"
        )
        return ""
    unit = (found[2] or "day").lower()
    return f"{int(found[1])}h" if unit == "hour" else f"{int(found[1]) * _DAYS[unit]}d"
