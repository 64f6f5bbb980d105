"""Certbot's lineages as they lie below its folder: what it would renew, by which settings, and what is live now."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography import x509

from renewd.certs import facts, keys, traits
from renewd.importers import ini
from renewd.importers.findings import Finding

KINDS = ("cert", "privkey", "chain", "fullchain")
_LARGEST = 1 << 20  # bytes; certbot's own have some hundred


@dataclass(frozen=True, slots=True)
class Lineage:
    """One of certbot's certificates."""

    name: str
    folder: str  # certbot's own, such as /etc/letsencrypt
    settings: Mapping[str, ini.Value]  # what renews it; cli.ini goes before its own
    paths: Mapping[str, str]  # of KINDS, as certbot writes them
    renew_before: str
    domains: tuple[str, ...]
    key_type: str
    not_after: float  # POSIX seconds

    @property
    def live(self) -> str | None:
        """The folder that a server reads; None where the files are not certbot's usual ones."""
        folders = {os.path.dirname(path) for path in self.paths.values()}
        usual = all(os.path.basename(path) == f"{kind}.pem" for kind, path in self.paths.items())
        return folders.pop() if usual and len(folders) == 1 else None

    def text(self, key: str) -> str:
        """A setting that is one text; empty where there is none."""
        value = self.settings.get(key, "")
        return value if isinstance(value, str) and value != "None" else ""

    def texts(self, key: str) -> tuple[str, ...]:
        """A setting of one or many texts."""
        value = self.settings.get(key, [])
        return (
            tuple(value) if isinstance(value, list) else (value,) if isinstance(value, str) and value else ()
        )

    def table(self, key: str) -> dict[str, str]:
        """A setting that is a section of texts."""
        value = self.settings.get(key)
        return (
            {name: each for name, each in value.items() if isinstance(each, str)}
            if isinstance(value, dict)
            else {}
        )

    def says(self, key: str) -> bool:
        """Whether a switch is on."""
        return self.text(key).lower() in {"true", "yes", "on", "1"}


class NotTaken(Exception):
    """A lineage that cannot be taken over; the text says why."""


def find(folder: str) -> tuple[list[Lineage], list[Finding]]:
    """The lineages by name, and what is wrong with the others. Raises OSError if the folder cannot be read."""
    named = sorted(
        name
        for name in os.listdir(os.path.join(folder, "renewal"))
        if name.endswith(".conf") and not name.startswith(".")
    )
    general, wrong = _general(folder)
    found = []
    for name in named:
        path = os.path.join(folder, "renewal", name)
        try:
            found.append(_lineage(folder, name.removesuffix(".conf"), _read(path), general))
        except NotTaken as error:
            wrong.append(Finding(path, f"{error}; it is left out"))
    return found, wrong


def _general(folder: str) -> tuple[ini.Section, list[Finding]]:
    """What cli.ini says for all of them; there may be none."""
    path = os.path.join(folder, "cli.ini")
    if not os.path.lexists(path):
        return {}, []
    try:
        return {key.replace("-", "_"): value for key, value in _read(path).items()}, []
    except NotTaken as error:
        return {}, [Finding(path, f"{error}; what it says for all certificates is not known")]


def _read(path: str) -> ini.Section:
    try:
        return ini.read(content(path).decode())
    except ini.Malformed as error:
        raise NotTaken(str(error)) from None
    except UnicodeDecodeError:
        raise NotTaken("it is not text in UTF-8") from None
    except OSError as error:
        raise NotTaken(f"it cannot be read: {words(error)}") from None


def content(path: str) -> bytes:
    """A regular file of no unusual size. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "it is no regular file")
        return os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)


def words(error: OSError) -> str:
    """Why a file cannot be read."""
    hint = "; run renewd as root" if isinstance(error, PermissionError) else ""
    return f"{(error.strerror or str(error)).lower()}{hint}"


def _lineage(folder: str, name: str, written: ini.Section, general: ini.Section) -> Lineage:
    own = written.get("renewalparams")
    if not isinstance(own, dict):
        raise NotTaken("there is no section [renewalparams] in it")
    paths = dict(_paths(folder, name, written))
    leaf, names = live(paths["fullchain"])
    return Lineage(
        name=name,
        folder=folder,
        settings={**own, **general},
        paths=paths,
        renew_before=value if isinstance(value := written.get("renew_before_expiry", ""), str) else "",
        domains=names,
        key_type=keys.key_type(leaf.public_key()),
        not_after=leaf.not_valid_after_utc.timestamp(),
    )


def _paths(folder: str, name: str, written: ini.Section) -> Iterator[tuple[str, str]]:
    """Where certbot shows each file; in a folder that was moved or copied, where it is now."""
    for kind in KINDS:
        path = written.get(kind)
        if not isinstance(path, str) or not path.startswith("/"):
            raise NotTaken(f"it does not say where {kind} is")
        here = os.path.join(folder, "live", name, f"{kind}.pem")
        yield kind, path if os.path.exists(path) or not os.path.exists(here) else here


def live(path: str) -> tuple[x509.Certificate, tuple[str, ...]]:
    """The certificate that is live, and the names on it in their order. Raises NotTaken."""
    try:
        found, leaf = facts.read(content(path), path)
        if leaf is None:
            raise NotTaken(f"{path}: {found.problem}")
        names = traits.extension(leaf, x509.SubjectAlternativeName)
    except OSError as error:
        raise NotTaken(f"its live certificate {path} cannot be read: {words(error)}") from None
    except ValueError:
        raise NotTaken(f"{path}: the names on the certificate cannot be read") from None
    listed = [str(name.value) for name in names or () if isinstance(name, x509.DNSName | x509.IPAddress)]
    if not listed:
        raise NotTaken(f"{path}: there are no names on the certificate")
    return leaf, tuple(dict.fromkeys(name.lower() for name in listed))
