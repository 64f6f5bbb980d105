"""Showing a version as a directory of links: one rename switches them all, since every one leads through `current`."""

import os

from renewd.errors import InstallFailed
from renewd.install import atomic, edits, layouts, versions
from renewd.install.sites import Site


def switch(site: Site, version: str | None) -> None:
    """Let every file show the version; None takes our links away again, where there was nothing before them."""
    with atomic.telling("switch", site.root), atomic.directory(site.root) as root:
        if version is None:
            _take_away(root, site)
        else:
            if not os.path.isdir(versions.path(site.root, version)):
                raise InstallFailed(f"there is no version {version} in {site.root}")
            versions.point(root, version)
            link(root, site, [kind for kind, _ in site.files])
        os.fsync(root)


def link(root: int, site: Site, kinds: list[str]) -> None:
    """Make the files of these kinds links through `current`, where they are not. `root` is a descriptor."""
    for kind, path in site.files:
        name = os.path.basename(path)
        target = layouts.link_to_file(kind)
        if kind in kinds and atomic.link_target(name, within=root) != target:
            atomic.replace_link(root, name, layouts.temporary(name), target)


def _take_away(root: int, site: Site) -> None:
    for kind, path in site.files:
        name = os.path.basename(path)
        if atomic.link_target(name, within=root) == layouts.link_to_file(kind):
            atomic.remove(root, name)
    atomic.remove(root, layouts.CURRENT)


def shows(site: Site, version: str) -> bool:
    """True if the links lead to the version."""
    return versions.current(site.root) == version and all(
        atomic.link_target(path) == layouts.link_to_file(kind) for kind, path in site.files
    )


def altered(site: Site, version: str) -> list[str]:
    """What is no longer as it was installed, one sentence each."""
    problems = [
        f"{path} is no longer renewd's link to {layouts.link_to_file(kind)}"
        for kind, path in site.files
        if atomic.link_target(path) != layouts.link_to_file(kind)
    ]
    if versions.current(site.root) != version:
        problems.append(f"{site.root}/{layouts.CURRENT} no longer shows version {version}")
    return problems + edits.found(site.root, version, edits.stored(site.root, version))
