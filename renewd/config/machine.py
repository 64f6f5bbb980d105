"""What a right configuration lacks on this machine: programs, accounts, folders, secrets; and what it may meet there.

At start each of these holds its targets only; `validate` and a reload tell them all.
"""

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from renewd.config import accounts, load, needs, programs, proofs, sides, takeover
from renewd.config.document import Document
from renewd.config.entries import Entry
from renewd.config.load import Loaded
from renewd.config.model import Command
from renewd.config.needs import Found, Told
from renewd.config.proving import Http01
from renewd.config.sources import sources
from renewd.config.spots import Path
from renewd.config.targets import slug
from renewd.errors import ConfigurationError
from renewd.fault import Fault

_HOOKS = ("pre", "check", "reload", "post")
_HIDDEN = ("/home/", "/root/")  # from units with ProtectHome=


@dataclass(frozen=True, slots=True)
class MachineFault:
    """Something that is not there; `names` are the targets that cannot do without it."""

    fault: Fault
    names: tuple[str, ...]


def faults(loaded: Loaded) -> list[MachineFault]:
    """All that this machine lacks; cheap where nothing is lacking."""
    names: dict[Fault, list[str]] = {}
    found = (
        *needs.faults(loaded),
        *_entry_faults(loaded.entries),
    )
    for document, path, told, held in found:
        names.setdefault(document.fault(path, *told), []).extend(held)
    return [MachineFault(fault, tuple(dict.fromkeys(held))) for fault, held in names.items()]


def held(loaded: Loaded) -> dict[str, str]:
    """Why each target is held that lacks something here, by its name."""
    lacking: dict[str, list[str]] = {}
    for found in faults(loaded):
        for name in found.names:
            lacking.setdefault(name, []).append(str(found.fault))
    return {name: "; ".join(why) for name, why in lacking.items()}


def warnings(loaded: Loaded) -> list[Fault]:
    """What works, but not as well or as long as it could."""
    found = [document.fault(path, *told) for document, path, told in _secret_warnings(loaded)]
    for entry in loaded.entries:
        for rest, path, _ in entry.paths():
            told = takeover.warning(path)
            if told is not None:
                document, place = entry.place("install", *rest)
                found.append(document.fault(place, *told))
    return list(dict.fromkeys(found))


def insist(loaded: Loaded) -> None:
    """Nothing, if this machine lacks nothing. Raises ConfigurationError otherwise."""
    found = faults(loaded)
    if found:
        raise ConfigurationError([each.fault for each in found])


def examine(path: str) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """Every fault of a file, those of this machine among them, from top to bottom; and the warnings."""
    examined = load.examine(path)
    if examined.loaded is None:
        return examined.faults, ()
    wrong = {(fault.file, fault.key) for fault in examined.faults}  # what is wrong is not missing as well
    lacking = (each.fault for each in faults(examined.loaded))
    found = [*examined.faults, *(fault for fault in lacking if (fault.file, fault.key) not in wrong)]
    files = {file: number for number, file in enumerate(examined.loaded.files)}
    ordered = sorted(found, key=lambda fault: (files.get(fault.file, len(files)), fault.line or 0))
    return tuple(ordered), tuple(warnings(examined.loaded))


def _entry_faults(entries: Sequence[Entry]) -> Iterator[Found]:
    lacking: dict[
        int, list[tuple[Path, Told]]
    ] = {}  # by the challenge, which entries share through `defaults`
    for entry in entries:
        for where, told, held in (*_hook_faults(entry), *_install_faults(entry), *_webroot_faults(entry)):
            yield *entry.place(*where), told, held
        challenge = entry.certificate.challenge
        if challenge is None:
            continue
        if id(challenge) not in lacking:
            lacking[id(challenge)] = list(proofs.lacks(challenge, needs.secret_problem))
        for path, told in lacking[id(challenge)]:
            yield *entry.place("challenge", *path), told, entry.certificate.all_names


_Lack = tuple[
    tuple[str, *tuple[str | int, ...]], Told, tuple[str, ...]
]  # key and what is below it, what, whom it holds


def _hook_faults(entry: Entry) -> Iterator[_Lack]:
    for hook in _HOOKS:
        for index, command in enumerate(getattr(entry.certificate.hooks, hook)):
            for names, missing in _program(command, entry):
                yield ("hooks", hook, index, "run"), missing, names
            told = None if command.user is None else accounts.user_problem(command.user)
            if told is not None:
                yield ("hooks", hook, index, "user"), told, entry.certificate.all_names


def _program(command: Command, entry: Entry) -> Iterator[tuple[tuple[str, ...], Told]]:
    """The programs of a command that are not there, each with the names it is run for."""
    names = entry.certificate.all_names
    program = "/bin/sh" if command.shell else shlex.split(command.run)[0]
    each = [(name,) for name in names] if "{name}" in program else [names]
    for held in each:
        told = programs.problem(program.replace("{name}", held[0] if held else ""))
        if told is not None:
            yield held, told


def _install_faults(entry: Entry) -> Iterator[_Lack]:
    for index, install in enumerate(entry.certificate.install):
        said = {
            "owner": None if install.owner is None else accounts.user_problem(install.owner),
            "group": None if install.group is None else accounts.group_problem(install.group),
            "pfx_password": None
            if install.pfx_password is None
            else needs.secret_problem(install.pfx_password),
        }
        for key, told in said.items():
            if told is not None:
                yield ("install", index, key), told, entry.certificate.all_names


def _webroot_faults(entry: Entry) -> Iterator[_Lack]:
    challenge = entry.certificate.challenge
    if not isinstance(challenge, Http01) or challenge.webroot is None:
        return
    webroot = challenge.webroot
    names = entry.certificate.all_names
    for held in [(name,) for name in names] if "{name}" in webroot else [names]:
        path = webroot.replace("{name}", slug(held[0])) if held else webroot
        if not os.path.isdir(path):
            right = "make it, or name the folder that the web server serves"
            if sides.walled() and path.startswith(_HIDDEN):
                right = f"make it, or if it is there, {sides.WALLED}"
            yield ("challenge", "webroot"), (f"there is no folder {path}", right), held


def _secret_warnings(loaded: Loaded) -> Iterator[tuple[Document, Path, Told]]:
    if loaded.document is None:
        return
    configuration = loaded.configuration
    users: list[tuple[Path, BaseModel]] = [
        (("issuers", name), issuer) for name, issuer in configuration.issuers.items()
    ]
    users += [] if configuration.web is None else [(("web",), configuration.web)]
    for path, source in (found for place, user in users for found in sources(user, place)):
        if source.env is not None:
            wrong = "an environment variable is seen by more programs than should know a secret"
            yield loaded.document, path, (wrong, "a file or a systemd credential keeps it")
        if source.credential is not None and not os.environ.get("CREDENTIALS_DIRECTORY"):
            wrong = f"whether the credential {source.credential} is there cannot be seen from here"
            yield loaded.document, path, (wrong, "only the unit with LoadCredential= sees it")
