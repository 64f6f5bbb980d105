"""Quarantine: what was refused is kept for people to look at, out of reach of every server, for a week."""

import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509

from renewd.certs import bundle, panic
from renewd.certs.bundle import Material
from renewd.install import atomic, contents, layouts, manifest
from renewd.install.atomic import Attributes

KEPT = timedelta(days=7)
PROBLEMS = "problems.txt"
FINGERPRINTS = "fingerprints.txt"
_PRIVATE = Attributes(0o600)


def put(folder: str, material: Material, problems: Sequence[str], now: datetime) -> str:
    """Keep the material as it came in a folder of its own, and say why; that folder's path. Raises InstallFailed."""
    leaves = _leaves(material)
    mark = leaves[0] if leaves else manifest.digest(b"".join(material.pem) + (material.pfx or b""))
    name = layouts.identifier(now, mark)
    kept = os.path.join(folder, name)
    with atomic.telling("write into", kept):
        if not os.path.isdir(kept):
            atomic.make_directories(kept, 0o700)
            with atomic.directory(kept) as opened:
                for file, data in _files(material, problems, leaves).items():
                    atomic.write(opened, file, data, _PRIVATE)
                os.fsync(opened)
    return kept


def _files(material: Material, problems: Sequence[str], leaves: Sequence[str]) -> dict[str, bytes]:
    files = {f"material-{turn}.pem": text for turn, text in enumerate(material.pem, 1)}
    if material.pfx is not None:
        files["material.pfx"] = material.pfx
    files[PROBLEMS] = "".join(f"{problem}\n" for problem in problems).encode()
    files[FINGERPRINTS] = "".join(f"{leaf}\n" for leaf in leaves).encode()
    return files


def fingerprints(folder: str, now: datetime) -> frozenset[str]:
    """The SHA-256 of every leaf that was refused within the week. Raises InstallFailed."""
    found: set[str] = set()
    with atomic.telling("read", folder):
        for name in _names(folder):
            path = os.path.join(folder, name, FINGERPRINTS)
            if not _over(name, now) and os.path.lexists(path):  # a crash may have cut it short
                found.update(atomic.read(path).decode().split())
    return frozenset(found)


def sweep(folders: str, now: datetime) -> None:
    """Take away what has been there for more than a week, of every target. Raises InstallFailed."""
    with atomic.telling("clean up", folders):
        targets = sorted(os.listdir(folders)) if os.path.isdir(folders) else []
        for folder in (os.path.join(folders, target) for target in targets):
            for name in _names(folder):
                if _over(name, now):
                    shutil.rmtree(os.path.join(folder, name))


def _over(name: str, now: datetime) -> bool:
    return now - layouts.created_at(name) > KEPT


def _names(folder: str) -> list[str]:
    try:
        return sorted(filter(layouts.is_identifier, os.listdir(folder)))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _leaves(material: Material) -> list[str]:
    """The fingerprints of what may be a leaf: every certificate that is not a CA's, since one CA's refusal is not all's."""
    return [bundle.fingerprint(found) for found in _certificates(material) if not _authority(found)]


def _certificates(material: Material) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    files = [{"cert": text} for text in material.pem]
    if material.pfx is not None:
        files.append({"pfx": material.pfx})
    for file in files:
        if (leaf := contents.leaf(file, material.password)) is not None:
            found += [leaf] if "pfx" in file else contents.certificates(file)
    return found


def _authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    except BaseException as error:  # noqa: BLE001 - a panic is none of Exception's; all others are raised again
        panic.only(error)
        return False
