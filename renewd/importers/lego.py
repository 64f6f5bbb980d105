"""A configuration that takes over lego's certificates, of which it keeps the files and the account, and nothing else."""

import json
import os
import re
import stat
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from renewd import __version__
from renewd.certs import keys
from renewd.config import issuing
from renewd.errors import UsageError
from renewd.importers import accounts, drafts, lineages, proving, writing
from renewd.importers.accounts import Service
from renewd.importers.drafts import Draft
from renewd.importers.findings import Finding, Notes
from renewd.importers.lineages import Lineage, NotTaken
from renewd.importers.text import remarked
from renewd.importers.writing import Imported

_DIRECTORIES = {urlsplit(url).netloc: url for url in issuing.DIRECTORIES.values()}
_DIRECTORIES["acme.zerossl.com"] = "https://acme.zerossl.com/v2/DV90"
_CURVES = {"ecdsa-p256": "secp256r1", "ecdsa-p384": "secp384r1"}


def read(folder: str) -> Imported:
    """The configuration for lego's folder. Raises UsageError if there is nothing to take over."""
    folder = os.path.abspath(folder)
    below = os.path.join(folder, "certificates")
    try:
        names = sorted(name.removesuffix(".json") for name in os.listdir(below) if name.endswith(".json"))
    except OSError as error:
        raise UsageError(
            f"{folder} is not lego's folder: {error.filename} cannot be read: {lineages.words(error)}",
            remedy="name the folder in which lego has `certificates` and `accounts`, such as ~/.lego",
        ) from error
    found, wrong = [], []
    for name in names:
        try:
            found.append(_draft(_lineage(folder, name)))
        except NotTaken as error:
            wrong.append(Finding(f"{below}/{name}.json", f"{error}; it is left out"))
    if not found:
        said = "".join(f"\n  {finding}" for finding in wrong)
        raise UsageError(f"there is no certificate of lego's in {folder} to take over{said}")
    general = Notes("lego")
    entries = drafts.merged(found)
    file = writing.configuration([*_head(folder)], entries, lambda service: _issuer(service, folder, general))
    told = [*wrong, *(each for draft in entries for each in draft.notes.found), *general.found]
    return Imported(file, tuple(dict.fromkeys(told)))


def _head(folder: str) -> Iterator[str]:
    yield f"Made by renewd {__version__} out of {folder}, where lego keeps its certificates."
    yield "lego does not write down how it proves control of the names, nor its hooks: write both here, then"
    yield "$ renewd validate && renewd preflight"
    yield "and before renewd runs, take `lego renew` out of cron. To go back, put it in again: the files are where they were."


def _lineage(folder: str, name: str) -> Lineage:
    base = os.path.join(folder, "certificates", name)
    try:
        written = json.loads(lineages.content(f"{base}.json"))
        url = urlsplit(str(written["certUrl"]))
    except OSError as error:
        raise NotTaken(f"it cannot be read: {lineages.words(error)}") from None
    except (ValueError, KeyError, TypeError):
        raise NotTaken("it does not say where its certificate came from") from None
    leaf, domains = lineages.live(f"{base}.crt")
    key_type = keys.key_type(leaf.public_key())
    server = _DIRECTORIES.get(url.netloc) or f"{url.scheme}://{url.netloc}/directory"
    return Lineage(
        name=name,
        folder=folder,
        settings={
            "server": server,
            "key_type": key_type.partition("-")[0],
            "rsa_key_size": key_type.partition("-")[2],
            "elliptic_curve": _CURVES.get(key_type, key_type),
        },
        paths={"fullchain": f"{base}.crt", "privkey": f"{base}.key", "chain": f"{base}.issuer.crt"},
        renew_before="",
        domains=domains,
        key_type=key_type,
        not_after=leaf.not_valid_after_utc.timestamp(),
    )


def _draft(lineage: Lineage) -> Draft:
    notes = Notes(lineage.name)
    service = accounts.service(lineage, notes)
    if service.server not in _DIRECTORIES.values():
        notes.add(f"lego does not write down the CA's directory; {service.server} is a guess")
    kinds = {"fullchain": "fullchain", "chain": "chain", "key": "privkey"}
    files = {kind: lineage.paths[path] for kind, path in kinds.items() if os.path.isfile(lineage.paths[path])}
    why = "" if "key" in files else "its private key is not there"
    if any(name.startswith("*.") for name in lineage.domains):
        why = why or "how control of a wildcard is proved has to be written: challenge: {type: dns-01, …}"
    notes.add("write how control of the names is proved, and what reloads the server: lego keeps neither")
    challenge = remarked(
        {"type": "http-01", "listen": proving.LISTEN, "self_check": "require"}, *proving.FORWARD
    )
    return drafts.checked(
        Draft(lineage, service, ({"files": files},), challenge, {}, "", why, notes, (lineage.name,))
    )


def _issuer(service: Service, folder: str, notes: Notes) -> Any:
    """Its settings with lego's account there; of several the first."""
    below = os.path.join(folder, "accounts", urlsplit(service.server).netloc.replace(":", "_"))
    mails = sorted(os.listdir(below)) if os.path.isdir(below) else []
    files = {mail: os.path.join(below, mail, "keys", f"{mail}.key") for mail in mails}
    mail = next((mail for mail in mails if os.path.isfile(files[mail])), "")
    if not mail:
        notes.add(f"there is no account of lego's for {service.server}; renewd will make one of its own")
        return accounts.with_account(service, "", "")
    remarks = ["lego's account, so that limits and authorizations go on."]
    if stat.S_IMODE(os.stat(files[mail]).st_mode) & 0o077:
        notes.add(f"others than its owner could read the account's key: chmod 600 {files[mail]}")
        remarks += ["Only its owner may be able to read it:", f"$ chmod 600 {files[mail]}"]
    known = mail if re.fullmatch(r"[^\s@,?]+@[^\s@,?]+", mail) else ""
    return accounts.with_account(service, known, os.path.realpath(files[mail]), *remarks)
