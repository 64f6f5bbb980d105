"""What the file's parts beside the watch list lack on this machine: issuers, the journal, the page, notifications."""

import importlib.util
import os
from collections.abc import Iterator

from renewd.config import accounts, databases, roots, secrets
from renewd.config.document import Document
from renewd.config.issuing import ACME, GET_ACME, NO_ACME, AcmeIssuer, Service, TrustFile
from renewd.config.load import Loaded
from renewd.config.notifying import GET_APPRISE, NO_APPRISE
from renewd.config.reporting import GET_SERVER, NO_SERVER, PACKAGES, SHORTEST_TOKEN, Web
from renewd.config.sources import SecretSource, sources
from renewd.config.spots import Path
from renewd.errors import SecretUnusable

Told = tuple[str, str]  # what is wrong, what would be right
Found = tuple[Document, Path, Told, tuple[str, ...]]  # where, what, and the names of the targets it holds


def faults(loaded: Loaded) -> Iterator[Found]:
    """All of it. Only an issuer's holds targets: certificates are renewed without a page and without a word as well."""
    yield from _issuer_faults(loaded)
    yield from _state_faults(loaded)
    yield from _web_faults(loaded)
    yield from _notify_faults(loaded)


def secret_problem(source: SecretSource, shortest: int = 1) -> Told | None:
    """What is wrong with where a secret is read from, and what would be right; None if it can be read."""
    if source.credential is not None and not os.environ.get("CREDENTIALS_DIRECTORY"):
        return None  # only a unit sees its credentials: told as a warning
    try:
        secret = secrets.resolve(source)
    except SecretUnusable as error:
        return str(error), error.remedy
    if len(secret.reveal()) < shortest:
        return f"this secret is shorter than {shortest} characters", "make one: openssl rand -hex 32"
    return None


def _issuer_faults(loaded: Loaded) -> Iterator[Found]:
    """What holds a target is that none of its issuers can be used."""
    every = {name: list(_lacking(issuer)) for name, issuer in loaded.configuration.issuers.items()}
    unusable = {name for name, found in every.items() if found}
    if loaded.document is None or not unusable:
        return
    held = [target for target in loaded.targets if unusable.issuperset(target.issuers)]
    for name, found in every.items():
        names = tuple(target.name for target in held if name in target.issuers)
        for path, told in found:
            yield loaded.document, ("issuers", name, *path), told, names


def _state_faults(loaded: Loaded) -> Iterator[Found]:
    """What the journal's database lacks here; it holds no target, for opening the journal says so for all of them."""
    state = loaded.configuration.state
    if state is None or loaded.document is None:
        return
    told = secret_problem(state) if isinstance(state, SecretSource) else _driver(state)
    if told is not None:
        yield loaded.document, ("state",), told, ()


def _web_faults(loaded: Loaded) -> Iterator[Found]:
    """What the page lacks here; it holds no target, for certificates are renewed without a page as well."""
    web = loaded.configuration.web
    if web is not None and loaded.document is not None:
        for path, told in _page(web):
            yield loaded.document, ("web", *path), told, ()


def _page(web: Web) -> Iterator[tuple[Path, Told]]:
    if any(importlib.util.find_spec(package) is None for package in PACKAGES):
        yield (), (NO_SERVER, GET_SERVER)
    told = None if web.group is None else accounts.group_problem(web.group)
    if told is not None:
        yield ("group",), told
    told = None if web.token is None else secret_problem(web.token, SHORTEST_TOKEN)
    if told is not None:
        yield ("token",), told


def _notify_faults(loaded: Loaded) -> Iterator[Found]:
    """What telling people lacks here; it holds no target either."""
    configuration = loaded.configuration
    if loaded.document is None:
        return
    if configuration.notify is not None:
        if importlib.util.find_spec("apprise") is None:
            yield loaded.document, ("notify",), (NO_APPRISE, GET_APPRISE), ()
        for path, source in sources(configuration.notify, ("notify",)):
            told = secret_problem(source)
            if told is not None:
                yield loaded.document, path, told, ()
    if isinstance(configuration.heartbeat, SecretSource):
        told = secret_problem(configuration.heartbeat)
        if told is not None:
            yield loaded.document, ("heartbeat",), told, ()


def _driver(url: str) -> Told | None:
    if databases.sqlite_path(url) is not None or importlib.util.find_spec("psycopg") is not None:
        return None
    return databases.NO_DRIVER, databases.GET_DRIVER


def _lacking(issuer: Service) -> Iterator[tuple[Path, Told]]:
    if isinstance(issuer, AcmeIssuer) and any(importlib.util.find_spec(each) is None for each in ACME):
        yield ("type",), (NO_ACME, GET_ACME)
    for path, source in sources(issuer):
        told = secret_problem(source)
        if told is not None:
            yield path, told
    trusted = issuer.trust.file if isinstance(issuer.trust, TrustFile) else None
    for path, file in ((("trust", "file"), trusted), (("ca_file",), issuer.ca_file)):
        problem = None if file is None else roots.problem(file)
        if problem is not None:
            yield path, problem
