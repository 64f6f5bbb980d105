"""What a version says of itself: where it came from, what it holds, and the hash of each of its files."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from renewd.certs import facts
from renewd.install import layouts

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Source:
    """Who issued a version, by which order, and in the place of which certificate (SHA-256, hex) it was ordered."""

    issuer: str
    order_uri: str | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One generation of a target's files; what is unknown of files found on the disk is None."""

    id: str
    created_at: datetime
    not_after: datetime | None
    serial: int | None
    fingerprint: str | None  # SHA-256 of the leaf, hex
    issuer: str | None  # the configuration's name of it
    order_uri: str | None
    placeholder: bool = False
    taken: bool = False  # found on the disk before renewd came, and kept
    replaces: str | None = (
        None  # fingerprint of what ran when it was ordered, empty if nothing did; None: not ordered
    )

    @property
    def accepted(self) -> bool:
        """Whether it passed the gate."""
        return not self.placeholder and not self.taken

    def was_ordered_for(self, live: x509.Certificate | None) -> bool:
        """Whether it was ordered in the place of this certificate, which it may then end before."""
        return live is not None and self.replaces == live.fingerprint(SHA256()).hex()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A version and the SHA-256 of each of its files, by kind."""

    name: str  # the target's
    version: Version
    files: Mapping[str, str]


def describe(identifier: str, leaf: x509.Certificate | None, source: Source, now: datetime) -> Version:
    """The version of a leaf; of files in which no leaf could be read where it is None."""
    return Version(
        id=identifier,
        created_at=now,
        not_after=None if leaf is None else leaf.not_valid_after_utc,
        serial=None if leaf is None else leaf.serial_number,
        fingerprint=None if leaf is None else leaf.fingerprint(SHA256()).hex(),
        issuer=source.issuer or None,
        order_uri=source.order_uri,
        placeholder=leaf is not None and leaf.serial_number == facts.PLACEHOLDER_SERIAL,
        taken=identifier.endswith(layouts.TAKEN),
        replaces=source.replaces,
    )


def newest(versions: Iterable[Version]) -> Version | None:
    """The one that goes live after all others: by its end, or as it was ordered in the place of the newest before it."""
    found: Version | None = None
    for each in sorted(versions, key=lambda version: version.id):
        if found is None or each.replaces == found.fingerprint or _end(each) >= _end(found):
            found = each
    return found


def _end(version: Version) -> datetime:
    return version.not_after or version.created_at


def digest(data: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(data).hexdigest()


def dump(manifest: Manifest) -> bytes:
    """The manifest as JSON for people and `load`."""
    version = manifest.version
    document = {
        "schema": SCHEMA,
        "name": manifest.name,
        "version": version.id,
        "created_at": _show_time(version.created_at),
        "not_after": _show_time(version.not_after),
        "serial": None if version.serial is None else facts.show_serial(version.serial),
        "fingerprint": version.fingerprint,
        "issuer": version.issuer,
        "order_uri": version.order_uri,
        "placeholder": version.placeholder,
        "taken": version.taken,
        "replaces": version.replaces,
        "files": dict(manifest.files),
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def load(text: bytes) -> Manifest:
    """What `dump` wrote; keys of a later renewd are passed over. Raises ValueError for anything else."""
    try:
        document = json.loads(text)
        version = Version(
            id=document["version"],
            created_at=datetime.fromisoformat(document["created_at"]),
            not_after=_read_time(document["not_after"]),
            serial=_read_serial(document["serial"]),
            fingerprint=document["fingerprint"],
            issuer=document["issuer"],
            order_uri=document["order_uri"],
            placeholder=document["placeholder"],
            taken=document["taken"],
            replaces=document.get("replaces"),
        )
        return Manifest(
            document["name"], version, {str(kind): str(sha) for kind, sha in document["files"].items()}
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a manifest: {error!r}") from error


def _show_time(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read_time(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _read_serial(text: Any) -> int | None:
    return None if text is None else int(text.replace(":", ""), 16)
