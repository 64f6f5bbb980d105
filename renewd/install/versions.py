"""The version store: immutable folders, each whole from the moment it has its name, and the link to the live one."""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from renewd.errors import InstallFailed
from renewd.install import atomic, layouts, manifest
from renewd.install.atomic import Attributes
from renewd.install.manifest import Manifest
from renewd.install.sites import Site

KEPT = 5  # versions; the live one and the one before it besides
LEFTOVER = timedelta(hours=1)  # what is older and half-made, nobody works on any more
_UNCLEAR = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EACCES,
    errno.EPERM,
}  # nothing is said about the file
File = tuple[bytes, Attributes]


def path(root: str, version: str, name: str = "") -> str:
    """A version's folder, or the file of a version."""
    return os.path.join(root, layouts.VERSIONS, version, name)


def names(root: str) -> list[str]:
    """The identifiers of all versions, newest first."""
    try:
        found = os.listdir(os.path.join(root, layouts.VERSIONS))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(filter(layouts.is_identifier, found), reverse=True)


def current(root: str) -> str | None:
    """The version that is live here."""
    return _linked(root, layouts.CURRENT)


def previous(root: str) -> str | None:
    """The version that was live before the current one."""
    return _linked(root, layouts.PREVIOUS)


def _linked(root: str, name: str) -> str | None:
    target = atomic.link_target(os.path.join(root, name))
    return None if target is None else layouts.version_of_link(target)


def read_manifest(root: str, version: str) -> Manifest | None:
    """What the version says of itself; None if it is not there, cut off, another's, or lost with the disk below it.

    Raises InstallFailed where that cannot be told.
    """
    where = path(root, version, layouts.MANIFEST)
    try:
        with atomic.telling("read", where):
            found = manifest.load(_text(where))
    except ValueError:
        return None
    return found if found.version.id == version else None


def _text(where: str) -> bytes:
    """The file. Raises ValueError where it is no whole file, and OSError where this process cannot tell."""
    try:
        return atomic.read(where)
    except OSError as error:
        if error.errno in _UNCLEAR:
            raise
        raise ValueError(where) from error


def read(root: str, version: str, kind: str) -> bytes | None:
    """A version's file, None if it has none of that kind. Raises InstallFailed if it is not what was stored."""
    where = path(root, version, layouts.STORED[kind])
    with atomic.telling("read", where):
        stored = read_manifest(root, version)
        if stored is None:
            raise InstallFailed(f"there is no whole version {version} in {root}")
        if kind not in stored.files:
            return None
        data = atomic.read(where)
    if manifest.digest(data) != stored.files[kind]:
        raise InstallFailed(f"{where} was changed since it was installed", remedy="renew with --force")
    return data


def whole(root: str, version: str) -> bool:
    """True if every file of the version is there and is what the manifest says."""
    try:
        stored = read_manifest(root, version)
        if stored is None:
            return False
        return all(
            manifest.digest(atomic.read(path(root, version, layouts.STORED[kind]))) == digest
            for kind, digest in stored.files.items()
        )
    except (OSError, InstallFailed, KeyError):
        return False


def stage(site: Site, version: Manifest, files: Mapping[str, File]) -> None:
    """Write a new version: beside the others under a passing name, synced, read back, then renamed. Raises InstallFailed.

    Whatever goes wrong, what was there before is untouched and nothing new stays.
    """
    identifier = version.version.id
    staged = layouts.STAGE + identifier
    with atomic.telling("write into", os.path.join(site.root, layouts.VERSIONS)):
        atomic.make_directories(site.root, site.folder_mode)
        atomic.make_directories(os.path.join(site.root, layouts.VERSIONS), site.folder_mode)
        with atomic.directory(site.root) as root, atomic.directory(layouts.VERSIONS, within=root) as folder:
            _clear(folder, staged)
            os.mkdir(staged, 0o700, dir_fd=folder)
            try:
                with atomic.directory(staged, within=folder) as stage_folder:
                    _fill(stage_folder, site.folder_mode, version, files)
                os.rename(staged, identifier, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except BaseException:
                with contextlib.suppress(OSError):  # of a failed fsync nothing can be made good
                    os.rename(identifier, staged, src_dir_fd=folder, dst_dir_fd=folder)
                _discard(folder, staged)
                raise


def _fill(folder: int, mode: int, version: Manifest, files: Mapping[str, File]) -> None:
    for kind, (data, attributes) in files.items():
        atomic.write(folder, layouts.STORED[kind], data, attributes)
    atomic.write(folder, layouts.MANIFEST, manifest.dump(version), Attributes(0o600))
    os.fchmod(folder, mode)
    os.fsync(folder)
    for kind, (data, _) in files.items():
        if atomic.read(layouts.STORED[kind], within=folder) != data:
            raise InstallFailed(
                f"{layouts.STORED[kind]} of version {version.version.id} reads back other than it was written",
                remedy="the disk or the network below it fails: look at dmesg",
            )


def _discard(folder: int, staged: str) -> None:
    """Take away what could not be finished, without a descriptor more; what stays is swept later."""
    with contextlib.suppress(OSError):
        for name in (*layouts.STORED.values(), layouts.MANIFEST):
            atomic.remove(folder, f"{staged}/{name}")
        os.rmdir(staged, dir_fd=folder)


def unused(roots: Sequence[str], at: datetime, fingerprint: str, *, taken: bool = False) -> str:
    """An identifier for a new version in these stores: of the given second, or of a later one where that is taken.

    No two that renewd staged are of one second, so that their order is the one in which they came. Raises InstallFailed.
    """
    there: set[str] = set()
    for root in roots:
        with atomic.telling("read", os.path.join(root, layouts.VERSIONS)):
            there.update(names(root))
    found = there if taken else {name[: layouts.STAMP] for name in there}
    name = layouts.identifier(at, fingerprint, taken=taken)
    while (name if taken else name[: layouts.STAMP]) in found:
        at += timedelta(seconds=1)
        name = layouts.identifier(at, fingerprint, taken=taken)
    return name


def point(root: int, version: str) -> None:
    """Switch `current` to the version, in one rename; the folder is synced by the caller. `root` is a descriptor."""
    target = layouts.link_to_version(version)
    before = atomic.link_target(layouts.CURRENT, within=root)
    if before == target:
        return
    atomic.replace_link(root, layouts.CURRENT, layouts.temporary(layouts.CURRENT), target)
    if before is not None:
        atomic.replace_link(root, layouts.PREVIOUS, layouts.temporary(layouts.PREVIOUS), before)


def remove(root: str, version: str) -> None:
    """Take a version away: first its name, so that half of it is never taken for a whole one."""
    with (
        atomic.telling("remove", path(root, version)),
        atomic.directory(os.path.join(root, layouts.VERSIONS)) as folder,
    ):
        gone = layouts.STAGE + version
        _clear(folder, gone)
        os.rename(version, gone, src_dir_fd=folder, dst_dir_fd=folder)
        shutil.rmtree(gone, dir_fd=folder)


def _clear(folder: int, name: str) -> None:
    """Take away what a crash left of the same version."""
    if atomic.exists(folder, name):
        shutil.rmtree(name, dir_fd=folder)


def prune(site: Site, now: datetime) -> None:
    """Take away all but the newest versions, the live one and the one before it; and what crashes left behind."""
    root = site.root
    found = names(root)
    kept = {*found[:KEPT], current(root), previous(root)}
    for version in found:
        if version not in kept:
            remove(root, version)
    for leftover in _half_made(site):
        with atomic.telling("clean up", leftover):
            _sweep(leftover, now)


def _half_made(site: Site) -> Iterator[str]:
    """The paths of everything that renewd makes under a passing name."""
    folder = os.path.join(site.root, layouts.VERSIONS)
    if os.path.isdir(folder):
        yield from (
            os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(layouts.STAGE)
        )
    links = (os.path.join(site.root, name) for name in (layouts.CURRENT, layouts.PREVIOUS, layouts.PINNED))
    for shown in (*links, *(shown for _, shown in site.files)):
        parent, name = os.path.split(shown)
        yield os.path.join(parent, layouts.temporary(name))


def _sweep(leftover: str, now: datetime) -> None:
    """Take it away if it is there and nobody can be working on it any more."""
    try:
        found = os.lstat(leftover)
    except (FileNotFoundError, NotADirectoryError):
        return
    if found.st_mtime >= (now - LEFTOVER).timestamp():
        return
    if stat.S_ISDIR(found.st_mode):
        shutil.rmtree(leftover)
    else:
        os.unlink(leftover)
