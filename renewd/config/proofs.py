"""What a challenge lacks on this machine: libraries, providers' options, commands, secrets."""

import importlib.util
import os
import shlex
from collections.abc import Callable, Iterator

from renewd.config import accounts, near, programs, providers, tsig
from renewd.config.model import Challenge
from renewd.config.proving import Dns01, DnsCommands, DnsProvider, Rfc2136, confidential
from renewd.config.sources import SecretSource, sources
from renewd.config.spots import Path
from renewd.errors import SecretUnusable

Told = tuple[str, str]  # what is wrong, what would be right
_NO_DNS = ("dnspython is not installed, which DNS challenges need", "pip install 'renewd[dns]'")
_OWN = "rfc2136"  # a provider that renewd knows without the library


def lacks(challenge: Challenge, secret: Callable[[SecretSource], Told | None]) -> Iterator[tuple[Path, Told]]:
    """What is not there, and where below `challenge` it is asked for; `secret` says what is wrong with one."""
    if isinstance(challenge, Dns01) and importlib.util.find_spec("dns") is None:
        yield ("type",), _NO_DNS
    if isinstance(challenge, DnsProvider):
        yield from _provider(challenge)
    if isinstance(challenge, DnsCommands):
        yield from _commands(challenge)
    for path, source in sources(challenge):
        told = secret(source)
        if told is None and isinstance(challenge, Rfc2136):
            told = _key(challenge)
        if told is not None:
            yield path, told


def _key(challenge: Rfc2136) -> Told | None:
    if challenge.key.credential is not None and not os.environ.get("CREDENTIALS_DIRECTORY"):
        return None  # only a unit sees its credentials
    try:
        tsig.secret(challenge)
    except SecretUnusable as error:
        return str(error), error.remedy
    return None


def _provider(challenge: DnsProvider) -> Iterator[tuple[Path, Told]]:
    name, known = challenge.provider, providers.names()
    if not known:
        yield ("provider",), providers.MISSING
    elif name in providers.LEFT_OUT:
        yield ("provider",), (f"{name} only picks another provider", "name that one")
    elif name not in known:
        meant = near.nearest(name, (*known, _OWN))
        right = f"did you mean {meant}?" if meant else "write one that dns-lexicon knows: lexicon --help"
        yield ("provider",), (f"there is no provider {name!r}", right)
    else:
        yield from _options(challenge)
        missing = providers.packages(name)
        if missing:
            lacking = " and ".join(missing)
            yield ("provider",), (f"{name} needs {lacking}", f"pip install 'dns-lexicon[{name}]'")


def _options(challenge: DnsProvider) -> Iterator[tuple[Path, Told]]:
    name, given = challenge.provider, set(challenge.options)
    known = [option.name for option in providers.options(name)]
    every = (*known, *DnsProvider.model_fields)
    meant = {key: near.nearest(key, every) for key in given if key not in known}
    for key, word in meant.items():
        right = f"did you mean {word}?" if word else f"known here: {', '.join(known)}"
        yield (key,), (f"{name} has no such option", right)
    for option in providers.lacking(name, given | set(filter(None, meant.values()))):
        value = "{file: /etc/renewd/…}" if confidential(option.name) else "…"
        what = f", {option.help}" if option.help else ""
        yield (option.name,), (f"{name} wants {option.name}{what}", f"write {option.name}: {value}")


def _commands(challenge: DnsCommands) -> Iterator[tuple[Path, Told]]:
    for key in ("present", "cleanup"):
        for index, command in enumerate(getattr(challenge, key)):
            program = "/bin/sh" if command.shell else shlex.split(command.run)[0]
            told = None if "{name}" in program else programs.problem(program)
            if told is not None:
                yield (key, index, "run"), told
            told = None if command.user is None else accounts.user_problem(command.user)
            if told is not None:
                yield (key, index, "user"), told
