"""The entries that certbot's lineages become, before they are written."""

import grp
import os
import pwd
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from renewd.config import targets
from renewd.config.issuing import AcmeIssuer
from renewd.config.model import Certificate
from renewd.config.settings import Misfit
from renewd.importers import accounts, hooks, lineages, proving, text
from renewd.importers.accounts import Service
from renewd.importers.findings import Notes
from renewd.importers.lineages import Lineage, NotTaken

_TIME = re.compile(r"\s*([0-9]{1,4})\s*(day|week|month|hour)?s?\s*", re.IGNORECASE).fullmatch
_DAYS = {"day": 1, "week": 7, "month": 30}


@dataclass(frozen=True, slots=True)
class Draft:
    """One entry of the watch list, as it is going to be written."""

    lineage: Lineage
    service: Service
    install: tuple[Any, ...]
    challenge: Any
    hooks: Any
    renew_before: str
    not_taken: str  # why it is written as a comment only; empty where it is not
    notes: Notes
    covered: tuple[str, ...]  # the lineages that it takes the place of

    @property
    def identity(self) -> str:
        """The names on the certificate, as a set."""
        return targets.identity(",".join(self.lineage.domains))

    @property
    def issuable(self) -> bool:
        """Whether renewd can ask its issuer."""
        return not _problem(AcmeIssuer, accounts.settings(self.service))

    def shares(self, other: "Draft") -> bool:
        """Whether one certificate does for both: the same names by the same issuer, and the same is done with them."""
        mine = (self.identity, self.service, self.challenge, self.hooks)
        return mine == (other.identity, other.service, other.challenge, other.hooks)


def draft(lineage: Lineage) -> Draft:
    """What is to be written for a lineage."""
    notes = Notes(lineage.name)
    challenge, why = _challenge(lineage, notes)
    service = accounts.service(lineage, notes)
    install = (_place(lineage, notes),)
    around = hooks.hooks(lineage, notes)
    if lineage.says("must_staple"):
        notes.add("certbot asks for OCSP Must-Staple, which renewd does not")
    return checked(
        Draft(
            lineage,
            service,
            install,
            challenge,
            around,
            _renew_before(lineage, notes),
            why,
            notes,
            (lineage.name,),
        )
    )


def checked(draft: Draft) -> Draft:
    """The same; what renewd would not read back is to be a comment, and that is told."""
    entry = {
        "name": "a.b",
        "domains": draft.lineage.domains,
        "challenge": draft.challenge,
        "install": draft.install,
        "hooks": draft.hooks,
    }
    why = draft.not_taken or _problem(Certificate, entry)
    why = why or _problem(AcmeIssuer, accounts.settings(draft.service))
    if why:
        draft.notes.add(f"{why}; its entry is written as a comment")
    return replace(draft, not_taken=why)


def _problem(model: type[BaseModel], value: object) -> str:
    """Why renewd would not read it back; empty if it would."""
    try:
        model.model_validate(text.bare(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        cause = first.get("ctx", {}).get("error")
        wrong = cause.problems[0].wrong if isinstance(cause, Misfit) else str(cause or first["msg"])
        where = ".".join(str(part) for part in first["loc"] if not str(part).startswith("<"))
        return f"renewd cannot take it as it is ({f'{where}: ' if where else ''}{wrong})"
    return ""


def _challenge(lineage: Lineage, notes: Notes) -> tuple[Any, str]:
    """How control is proved, or why the entry cannot be taken into use as it is."""
    if lineage.text("autorenew").lower() == "false":
        return None, "certbot was told not to renew it (autorenew)"
    try:
        found = proving.challenge(lineage, notes)
    except NotTaken as error:
        return None, str(error)
    wildcard = next((name for name in lineage.domains if name.startswith("*.")), None)
    if wildcard is not None and text.bare(found)["type"] == "http-01":
        return found, f"no HTTP challenge can prove the wildcard {wildcard}"
    return found, ""


def _place(lineage: Lineage, notes: Notes) -> Any:
    folder = lineage.live
    if folder is None:
        folder = f"/etc/renewd/live/{lineage.name}"
        notes.add(
            f"its files are not called as certbot's usually are; let the server read them from {folder}"
        )
    return {"directory": folder, **_rights(lineage, notes)}


def _rights(lineage: Lineage, notes: Notes) -> dict[str, str]:
    """Who may read the private key, where that is not root alone."""
    try:
        found = os.stat(lineage.paths["privkey"])
    except OSError as error:
        notes.add(f"its private key cannot be looked at: {lineages.words(error)}")
        return {}
    mode = stat.S_IMODE(found.st_mode) & 0o660 | 0o400
    if stat.S_IMODE(found.st_mode) & 0o007:
        notes.add("everybody may read its private key; renewd lets only owner and group")
    rights = {}
    if found.st_uid not in (0, os.geteuid()):
        rights["owner"] = _known(found.st_uid, pwd.getpwuid)
    if mode & 0o060 and found.st_gid not in (0, os.getegid()):
        rights["group"] = _known(found.st_gid, grp.getgrgid)
    if mode & 0o060:
        rights["mode"] = f"{mode:04o}"
    return {key: value for key, value in rights.items() if value}


def _known(number: int, find: Any) -> str:
    """The name of an account; empty where it has none."""
    try:
        return str(find(number)[0])
    except KeyError:
        return ""


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


def merged(drafts: Sequence[Draft]) -> list[Draft]:
    """One entry for each set of names, in all its places, sorted by name."""
    active: dict[str, Draft] = {}
    comments: list[Draft] = []
    for draft in sorted(drafts, key=lambda each: (-each.lineage.not_after, each.lineage.name)):
        first = active.setdefault(draft.identity, draft) if not draft.not_taken else draft
        if draft.not_taken:
            comments.append(draft)
        elif first is not draft and draft.shares(first):
            active[draft.identity] = _both(first, draft)
        elif first is not draft:
            why = f"{first.lineage.name} has the same names; renewd watches a set of names once"
            draft.notes.add(f"{why}; this entry is written as a comment")
            comments.append(replace(draft, not_taken=why))
    return sorted([*active.values(), *comments], key=lambda each: each.lineage.name)


def _both(first: Draft, other: Draft) -> Draft:
    """One certificate in the places of two."""
    first.notes.add(
        f"{other.lineage.name} has the same names: one certificate for both folders, which `renewd check` calls "
        f"invalid until they hold the same; renewd renew --force {first.lineage.name} sees to that at once"
    )
    return replace(first, install=(*first.install, *other.install), covered=(*first.covered, *other.covered))
