"""Showing a version at fixed paths: each path a regular file, replaced by a rename of its own.

There is no rename of several files at once, so for an instant a certificate and a key of two versions stand side by
side; the intent file makes sure that this instant ends, whatever happens in it.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping

from renewd.certs import bundle
from renewd.errors import InstallFailed
from renewd.install import atomic, attributes, edits, layouts, versions
from renewd.install.atomic import Attributes
from renewd.install.sites import Site


def prepare(site: Site, version: str) -> None:
    """Write what is to be shown beside the files that are there, synced; nobody sees it yet."""
    for kind, path in site.files:
        data = versions.read(site.root, version, kind)
        if data is None:
            continue
        with atomic.telling("write beside", path):
            atomic.make_directories(os.path.dirname(path), 0o755)
            with _folder(path) as (folder, name):
                temporary = layouts.temporary(name)
                atomic.remove(folder, temporary)
                atomic.write(folder, temporary, data, _attributes(site, version, kind, path))


def _attributes(site: Site, version: str, kind: str, path: str) -> Attributes:
    """As configured; but what was found on the disk before renewd came goes back as it was found."""
    if version.endswith(layouts.TAKEN):
        stored = versions.path(site.root, version, layouts.STORED[kind])
        return attributes.original(stored, private=kind in bundle.PRIVATE)
    return attributes.kept(path, site.shown_attributes(kind))


def discard(site: Site) -> None:
    """Take away what `prepare` wrote."""
    for _, path in site.files:
        with contextlib.suppress(OSError), _folder(path) as (folder, name):
            atomic.remove(folder, layouts.temporary(name))


def switch(site: Site, version: str | None) -> None:
    """Rename what `prepare` wrote into place; None, or a kind that the version has not, takes the file away."""
    stored = None if version is None else versions.read_manifest(site.root, version)
    if version is not None and stored is None:  # nothing is taken away for want of a manifest
        raise InstallFailed(f"there is no whole version {version} in {site.root}")
    kinds = {} if stored is None else stored.files
    for kind, path in site.files:
        with atomic.telling("replace", path):
            if kind in kinds:
                with _folder(path) as (folder, name):
                    atomic.rename(folder, layouts.temporary(name), name)
            else:
                _take_away(path)
    _sync({os.path.dirname(path): path for _, path in site.files})
    _record(site, version)


def _take_away(path: str) -> None:
    if os.path.lexists(path):
        with _folder(path) as (folder, name):
            atomic.remove(folder, name)


def _sync(paths: Mapping[str, str]) -> None:
    """Make the renames in each folder last; a folder that could not even be made has none."""
    for folder, path in paths.items():
        if os.path.isdir(folder):
            with atomic.telling("sync the folder of", path), _folder(path) as (opened, _):
                os.fsync(opened)


def _record(site: Site, version: str | None) -> None:
    with atomic.telling("switch", site.root), atomic.directory(site.root) as root:
        if version is None:
            atomic.remove(root, layouts.CURRENT)
        else:
            versions.point(root, version)
        os.fsync(root)


@contextlib.contextmanager
def _folder(path: str) -> Iterator[tuple[int, str]]:
    """The folder that the path lies in, opened, and the path's last part."""
    folder, name = os.path.split(path)
    with atomic.directory(os.path.realpath(folder)) as opened:
        yield opened, name


def shows(site: Site, version: str) -> bool:
    """True if the version was the last to be put there, and there is a file at every path."""
    return versions.current(site.root) == version and all(os.path.lexists(path) for _, path in site.files)


def altered(site: Site, version: str) -> list[str]:
    """What is no longer as it was installed, one sentence each."""
    return edits.found(site.root, version, site.files)
