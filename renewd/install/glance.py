"""Whether anybody changed live files since they were installed: by times first, which costs next to nothing."""

import contextlib
import os

from renewd.config.targets import Place
from renewd.errors import InstallFailed
from renewd.install import layouts


def edited(place: Place, root: str) -> list[str]:
    """What somebody changed, one sentence each; nothing where renewd did not install, or the store in `root` is closed to us."""
    files = layouts.shown(place)
    if _untouched(place, root, files):
        return []
    from renewd.install import switching, versions
    from renewd.install.sites import Site

    with contextlib.suppress(InstallFailed, OSError):
        version = versions.current(root)
        if version is not None and versions.read_manifest(root, version) is not None:
            return switching.altered(Site(root, place.directory is not None, files, 0, -1, -1), version)
    return []


def _untouched(place: Place, root: str, files: tuple[tuple[str, str], ...]) -> bool:
    """True if no file and no link is younger than the installation. False says nothing: a restored backup is younger too."""
    try:
        if place.directory is None:
            since = os.lstat(f"{root}/{layouts.CURRENT}").st_ctime_ns  # made after the files were in place
            return all(os.lstat(path).st_ctime_ns < since for _, path in files)
        inside = f"{root}/{layouts.CURRENT}/"
        since = os.stat(inside + layouts.MANIFEST).st_ctime_ns  # a version's last file
        return all(os.readlink(path) == layouts.link_to_file(kind) for kind, path in files) and all(
            os.stat(inside + name).st_ctime_ns < since for name in layouts.STORED.values()
        )
    except OSError:
        return False
