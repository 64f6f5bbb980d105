"""A configuration that takes over what certbot does: its certificates, where they lie, challenges, hooks, account."""

import os
import shlex
from collections.abc import Iterator, Sequence

from renewd import __version__
from renewd.errors import UsageError
from renewd.importers import accounts, drafts, lineages, writing
from renewd.importers.drafts import Draft
from renewd.importers.findings import Notes
from renewd.importers.writing import Imported


def read(folder: str) -> Imported:
    """The configuration for certbot's folder. Raises UsageError if there is nothing to take over."""
    folder = os.path.abspath(folder)
    try:
        found, wrong = lineages.find(folder)
    except OSError as error:
        lego = os.path.isdir(os.path.join(folder, "certificates"))
        raise UsageError(
            f"{folder} is not certbot's folder: {error.filename} cannot be read: {lineages.words(error)}",
            remedy=f"it looks like lego's: renewd import lego {shlex.quote(folder)}"
            if lego
            else "name the folder in which certbot has `renewal` and `live`, such as /etc/letsencrypt",
        ) from error
    if not found:
        said = "".join(f"\n  {finding}" for finding in wrong)
        raise UsageError(f"there is no certificate of certbot's in {folder} to take over{said}")
    written = drafts.merged([drafts.draft(lineage) for lineage in found])
    general = Notes("certbot")
    file = writing.configuration(
        [*_head(folder, written)], written, lambda service: accounts.issuer(service, folder, general)
    )
    findings = [*wrong, *(each for draft in written for each in draft.notes.found), *general.found]
    return Imported(file, tuple(dict.fromkeys(findings)))


def _head(folder: str, entries: Sequence[Draft]) -> Iterator[str]:
    yield f"Made by renewd {__version__} out of {folder}, where certbot keeps its certificates."
    yield "To take over: see to the remarks below, then let it be looked at"
    yield "$ renewd validate && renewd preflight"
    yield "and before renewd runs, take from certbot what renewd is to do (never `certbot delete`: it deletes live files):"
    taken = sorted(name for draft in entries if not draft.not_taken for name in draft.covered)
    for path in (shlex.quote(f"{folder}/renewal/{name}.conf") for name in taken):
        yield f"$ mv {path} {path}.off"
    yield "The way back is in docs/moving-from-certbot.md. Nothing in certbot's folder `archive` is ever touched."
