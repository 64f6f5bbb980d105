"""Targets: the entries of the watch list, each one name with everything that is to be done for it."""

import hashlib
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from renewd.config import names
from renewd.config.model import Certificate, Challenge, Command, Http01, Install

T = TypeVar("T")

_LONGEST = 200  # characters of a folder's name; NAME_MAX is 255, and names of our own are added


def parts(name: str) -> tuple[str, ...]:
    """The names in a certificate name: comma-separated, trimmed, canonical, in written order, each once."""
    if "," not in name:
        return (names.canonical(name.strip()),) if name.strip() else ()
    split = [part.strip() for part in name.split(",")]
    return tuple(dict.fromkeys([names.canonical(part) for part in split if part]))


def identity(name: str) -> str:
    """What makes two names the same certificate: the sorted set of their parts."""
    return _identity(parts(name))


def slug(name: str) -> str:
    """The name as a folder: `*` becomes `_`, a comma `+`; what is too long is cut and told apart by a hash."""
    return _slug(parts(name))


def _identity(domains: tuple[str, ...]) -> str:
    return ",".join(sorted(domains))


def _slug(domains: tuple[str, ...]) -> str:
    folder = "+".join(domains).replace("*", "_")
    if len(folder) <= _LONGEST:
        return folder
    return f"{folder[: _LONGEST - 17]}+{hashlib.sha256(_identity(domains).encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Place:
    """One `install` entry with `{name}` filled in. Either `directory` or `files` is set."""

    directory: str | None
    files: tuple[tuple[str, str], ...]  # (kind, path) in the model's order of kinds
    settings: Install


@dataclass(frozen=True, slots=True)
class HookCommand:
    """One command ready to run: an argument list, never a line that somebody splits again."""

    argv: tuple[str, ...]
    line: str  # as people read it
    timeout: timedelta
    user: str | None = None


@dataclass(frozen=True, slots=True)
class HookSet:
    """A target's commands with `{name}` filled in; two targets with equal check and reload share a group."""

    pre: tuple[HookCommand, ...] = ()
    check: tuple[HookCommand, ...] = ()
    reload: tuple[HookCommand, ...] = ()
    post: tuple[HookCommand, ...] = ()

    @property
    def group(self) -> tuple[tuple[HookCommand, ...], tuple[HookCommand, ...]]:
        """What is run once for all targets that share it."""
        return self.check, self.reload


class _once(Generic[T]):  # noqa: N801 - a decorator, named as such
    """functools.cached_property without its lock, which Python 3.11 takes for each of ten thousand first looks."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, target: "Target", owner: type) -> T:
        value = self._make(target)
        setattr(
            target, self._name, value
        )  # which the next look finds before this; no dictionary is made for it
        return value


class Target:
    """One name of the watch list; cheap to make, what costs is made when first asked for."""

    def __init__(
        self, name: str, entry: Certificate, issuer: str | tuple[str, ...], where: str = "", file: str = ""
    ) -> None:
        self.name = name  # as written: it is what the portal is asked for
        self.entry = entry
        self.issuers = (issuer,) if isinstance(issuer, str) else issuer  # tried in this order
        self.where = where  # such as certificates[3].names[17], for messages
        self.file = file  # in which that is

    def __repr__(self) -> str:
        return f"Target({self.name!r})"

    @_once
    def domains(self) -> tuple[str, ...]:
        """The names on the certificate, canonical, in written order."""
        written = self.entry.domains
        return parts(",".join(written)) if written else parts(self.name)

    @_once
    def identity(self) -> str:
        """Equal for two spellings of the same set of names."""
        return _identity(self.domains)

    @property
    def issuer(self) -> str:
        """Who is asked first."""
        return self.issuers[0]

    @property
    def slug(self) -> str:
        """The name as a folder."""
        return slug(self.name)

    @property
    def challenge(self) -> Challenge | None:
        """How control is proved, with `{name}` in the web root filled in."""
        challenge = self.entry.challenge
        if (
            not isinstance(challenge, Http01)
            or challenge.webroot is None
            or "{name}" not in challenge.webroot
        ):
            return challenge
        return challenge.model_copy(update={"webroot": self._path(challenge.webroot)})

    @_once
    def places(self) -> tuple[Place, ...]:
        """Where the certificate goes."""
        return tuple([self._place(install) for install in self.entry.install])

    @_once
    def hooks(self) -> HookSet:
        """The commands around going live, `{name}` filled in as one word of the command line."""
        hooks = self.entry.hooks
        return HookSet(
            pre=self._filled(hooks.pre),
            check=self._filled(hooks.check),
            reload=self._filled(hooks.reload),
            post=self._filled(hooks.post),
        )

    def _place(self, install: Install) -> Place:
        if install.directory is not None:
            return Place(self._path(install.directory), (), install)
        files = install.files or {}
        return Place(None, tuple((kind, self._path(path)) for kind, path in files.items()), install)

    def _path(self, template: str) -> str:
        return template.replace("{name}", self.slug)

    def _filled(self, commands: tuple[Command, ...]) -> tuple[HookCommand, ...]:
        return tuple(fill(command, ",".join(self.domains)) for command in commands)


def fill(command: Command, name: str) -> HookCommand:
    """The command with `{name}` filled in, after splitting, so that a name is always one word."""
    if command.shell:
        line = command.run.replace("{name}", shlex.quote(name))
        argv: tuple[str, ...] = ("/bin/sh", "-c", line)
    else:
        argv = tuple(word.replace("{name}", name) for word in shlex.split(command.run))
        line = command.run.replace("{name}", name)
    return HookCommand(argv, line, command.timeout, command.user)
