"""Drafts and what issues for them as one file."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from renewd.config import names, targets
from renewd.importers import accounts, text
from renewd.importers.accounts import Service
from renewd.importers.drafts import Draft
from renewd.importers.findings import Finding
from renewd.importers.text import remarked

_MISSING = "; write the challenge, such as {type: dns-01, present: COMMAND, cleanup: COMMAND}"


@dataclass(frozen=True, slots=True)
class Imported:
    """The file, and what a person should know about it."""

    text: str
    findings: tuple[Finding, ...]


def configuration(head: Sequence[str], entries: Sequence[Draft], issuer: Callable[[Service], Any]) -> str:
    """The whole file, the same each time; `issuer` gives the settings of a service."""
    active = [draft for draft in entries if not draft.not_taken]
    issuers = accounts.named(
        accounts.ordered([draft.service for draft in active or entries if draft.issuable])
    )
    settings = {name: issuer(each) for each, name in issuers.items()}
    lines = [*text.comment(head), "", *text.mapping({"issuers": settings}), ""]
    lines += ["certificates:" if active else "certificates: []"]
    taken = {draft.identity for draft in entries}
    blocks = ["\n".join(_entry(draft, issuers, taken)) for draft in entries]
    return "\n".join([*lines, "\n\n".join(blocks)]) + "\n"


def _entry(draft: Draft, issuers: Mapping[Service, str], taken: set[str]) -> Iterator[str]:
    why = (f"{draft.not_taken}{_MISSING if draft.challenge is None else ''}:",) if draft.not_taken else ()
    entry = remarked(_mapping(draft, issuers, taken), *why)
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
    if draft.renew_before:
        entry["renew_before"] = draft.renew_before
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
    """The name that it had, unless that is none, or reads as the names of another certificate."""
    name, domains = draft.lineage.name, draft.lineage.domains
    if names.problem(name) is None and targets.identity(name) not in taken - {draft.identity}:
        return name
    if names.problem(",".join(domains)) is None:
        return ",".join(domains)
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')[:60] or 'some'}.imported"
