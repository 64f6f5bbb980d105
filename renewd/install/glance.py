"""Whether anybody changed live files since they were installed: by times first, which costs next to nothing."""

import contextlib
import os

from renewd.config.targets import Place
from renewd.errors import InstallFailed
from renewd.install import atomic, layouts

Files = tuple[tuple[str, str], ...]


def younger(place: Place, root: str) -> bool:
    """Whether any file may have changed or gone since renewd installed it; False where it did not install."""
    look = _files_older if place.directory is None else _version_older
    try:
        return not look(root, layouts.shown(place))
    except OSError:
        return False


def gone(place: Place, root: str) -> list[str]:
    """The files of a live version that are not there any more, as programs open them."""
    if atomic.link_target(f"{root}/{layouts.CURRENT}") is None:
        return []
    return [path for _, path in layouts.shown(place) if not os.path.exists(path)]


def edited(place: Place, root: str) -> list[str]:
    """What somebody changed, one sentence each; nothing where renewd did not install, or the store in `root` is closed to us."""
    files = layouts.shown(place)
    look = _files_older if place.directory is None else _version_older
    try:
        if look(root, files):
            return []
    except OSError:  # nothing of renewd's is live there
        return []
    return _closely(place, root, files)


def _files_older(root: str, files: Files) -> bool:
    """True if no file is younger than the installation. False says nothing: a restored backup is younger too.

    Raises OSError where nothing was installed.
    """
    since = os.lstat(f"{root}/{layouts.CURRENT}").st_ctime_ns  # made after the files were in place
    try:
        return all(os.lstat(path).st_ctime_ns <= since for _, path in files)
    except FileNotFoundError:
        return False


def _version_older(root: str, files: Files) -> bool:
    """Likewise for a folder of links: all are renewd's, and no file they lead to is younger than the version's last one."""
    version = os.open(f"{root}/{layouts.CURRENT}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        since = os.stat(layouts.MANIFEST, dir_fd=version).st_ctime_ns
        with contextlib.suppress(FileNotFoundError):
            return all(
                os.stat(name, dir_fd=version).st_ctime_ns <= since for name in layouts.STORED.values()
            ) and all(atomic.link_target(path) == layouts.link_to_file(kind) for kind, path in files)
        return False
    finally:
        os.close(version)


def _closely(place: Place, root: str, files: Files) -> list[str]:
    from renewd.install import switching, versions
    from renewd.install.sites import Site

    with contextlib.suppress(InstallFailed, OSError):
        version = versions.current(root)
        if version is not None and versions.read_manifest(root, version) is not None:
            return switching.altered(Site(root, place.directory is not None, files, 0, -1, -1), version)
    return []
