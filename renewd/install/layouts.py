"""Which file shows what, and what things are called; pure.

A *store* is a folder with `versions/`, each an immutable set of all kinds, and `current`, the link to the live one.
`install.directory` is a store whose files are links through `current`; `install.files` are copies out of a store
that lies in the state directory.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from renewd.config.targets import Place

ORDER = ("key", "cert", "chain", "fullchain", "combined", "pfx")  # in which fixed files are switched
PUBLIC_MODE = 0o644

STORED = {  # a version's files are called the same whatever the layout, so that any version fits any layout
    "key": "privkey.pem",
    "cert": "cert.pem",
    "chain": "chain.pem",
    "fullchain": "fullchain.pem",
    "combined": "combined.pem",
    "pfx": "certificate.pfx",
}
LAYOUTS = {
    "renewd": {kind: STORED[kind] for kind in ("key", "cert", "chain", "fullchain", "pfx")},
    "rcl": {
        "key": "privateKey.key",
        "cert": "primaryCertificate.crt",
        "chain": "caBundle.crt",
        "fullchain": "fullChainCertificate.crt",
        "pfx": "certificate.pfx",
    },
}

STORE, QUARANTINE = "store", "quarantine"  # below the state directory, with a folder for each target
MANIFEST = "manifest.json"
VERSIONS = "versions"
CURRENT = "current"
PREVIOUS = "previous"
PINNED = "pinned"
STAGE = ".stage-"  # + identifier: a version that is being written
STAMP = len("20261123T085627Z")  # characters of an identifier that are its time
TAKEN = "-taken"  # at an identifier's end: files that were there before renewd came
_IDENTIFIER = re.compile(rf"[0-9]{{8}}T[0-9]{{6}}Z-[0-9a-f]{{8}}({TAKEN})?", re.ASCII)
_LEAF = ("fullchain", "cert", "combined", "pfx")  # where the leaf is looked for, the best place first
_KEY = ("key", "combined", "pfx")
_CHAIN = ("fullchain", "chain", "combined")
_LONGEST = 200  # characters of a folder's name; with what is added it stays below NAME_MAX, 255


def shown(place: Place) -> tuple[tuple[str, str], ...]:
    """The (kind, path) pairs that programs open, in the order of switching."""
    if place.directory is None:
        paths = dict(place.files)
    else:
        paths = {kind: f"{place.directory}/{name}" for kind, name in LAYOUTS[place.settings.layout].items()}
    return tuple((kind, paths[kind]) for kind in ORDER if kind in paths)


def leaf(place: Place) -> tuple[str, str]:
    """The (kind, path) to read the leaf from."""
    if place.directory is not None:
        return "fullchain", f"{place.directory}/{LAYOUTS[place.settings.layout]['fullchain']}"
    return _first(place, _LEAF)


def key(place: Place) -> tuple[str, str]:
    """The (kind, path) to read the private key from, likewise."""
    return _first(place, _KEY)


def chain(place: Place) -> str | None:
    """The path to read the chain from as PEM, likewise; None if the place shows none."""
    paths = dict(shown(place))
    return next((paths[kind] for kind in _CHAIN if kind in paths), None)


def _first(place: Place, kinds: tuple[str, ...]) -> tuple[str, str]:
    """Of the kinds the first that the place has; the configuration sees to it that it has one."""
    paths = dict(shown(place))
    return next((kind, paths[kind]) for kind in kinds if kind in paths)


def stores(state_directory: str, slug: str, places: tuple[Place, ...]) -> Iterator[str]:
    """The folder of each place's store; the second `files` place of a target has `SLUG@2`, and so on."""
    turn = 0
    for place in places:
        if place.directory is not None:
            yield place.directory
        else:
            turn += 1
            suffix = "" if turn == 1 else f"@{turn}"
            yield f"{state_directory}/{STORE}/{folder(slug)}{suffix}"


def folder(slug: str) -> str:
    """The slug, or where it is too long for a file name its beginning and a hash of it all."""
    if len(slug) <= _LONGEST:
        return slug
    return f"{slug[: _LONGEST - 17]}-{hashlib.sha256(slug.encode()).hexdigest()[:16]}"


def identifier(created_at: datetime, fingerprint: str, *, taken: bool = False) -> str:
    """A version's name: `20261123T085627Z-1a2b3c4d`, time and the first digits of the leaf's SHA-256."""
    suffix = TAKEN if taken else ""
    return f"{created_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{fingerprint[:8]}{suffix}"


def created_at(identifier: str) -> datetime:
    """The time in a version's name."""
    return datetime.strptime(identifier[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def is_identifier(name: str) -> bool:
    """True for what `identifier` makes."""
    return _IDENTIFIER.fullmatch(name) is not None


def link_to_version(version: str) -> str:
    """What `current` points to."""
    return f"{VERSIONS}/{version}"


def version_of_link(target: str) -> str | None:
    """The version that a link's target names; None if the link is not one of ours."""
    parent, _, version = target.partition("/")
    return version if parent == VERSIONS and is_identifier(version) else None


def link_to_file(kind: str) -> str:
    """What a file shown in a directory points to."""
    return f"{CURRENT}/{STORED[kind]}"


def temporary(name: str) -> str:
    """The sibling that a file or link is prepared as, before it is renamed into place."""
    return f".{name}.renewd"
