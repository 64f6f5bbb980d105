"""Taking over: what somebody else put where renewd installs is kept as a version before anything is switched."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from renewd.certs import bundle
from renewd.install import atomic, attributes, contents, layouts, links, manifest, versions
from renewd.install.manifest import Manifest, Source
from renewd.install.sites import Site
from renewd.install.versions import File

Found = Mapping[str, tuple[str, bytes]]  # kind → path and content


def take(site: Site, name: str, now: datetime) -> None:
    """Make what is shown there and is not renewd's a version, with `current` pointing to it; readers see the same all along.

    `name` is the target's. Raises InstallFailed; what is shown stays what it was.
    """
    strays = _found(site, ours=False)
    if not strays:
        return
    live = versions.current(site.root)
    if live is None or not _same(site, live, strays):
        live = _keep(site, name, now)
    with atomic.telling("take over", site.root), atomic.directory(site.root) as root:
        versions.point(root, live)
        os.fsync(root)  # what the links lead through lasts before there is one of them
        if site.linked:
            links.link(root, site, list(strays))
            os.fsync(root)


def _found(site: Site, *, ours: bool) -> dict[str, tuple[str, bytes]]:
    """What a program that opens the files would see; `ours` also what renewd's own links show."""
    found = {}
    for kind, path in site.files:
        with atomic.telling("read", path):
            if site.linked and not ours and atomic.link_target(path) == layouts.link_to_file(kind):
                continue
            try:
                found[kind] = path, atomic.read(os.path.realpath(path))
            except FileNotFoundError:  # nothing there, or a link that leads nowhere
                continue
    return found


def _same(site: Site, live: str, strays: Found) -> bool:
    stored = versions.read_manifest(site.root, live)
    return stored is not None and all(
        stored.files.get(kind) == manifest.digest(data) for kind, (_, data) in strays.items()
    )


def _keep(site: Site, name: str, now: datetime) -> str:
    """All that is shown as a version, with the kinds that follow from it; its identifier."""
    found = _found(site, ours=True)
    shown = {kind: data for kind, (_, data) in found.items()}
    files: dict[str, File] = {
        kind: (data, site.stored_attributes(kind)) for kind, data in contents.completed(shown).items()
    }
    for kind, (path, data) in found.items():
        files[kind] = data, attributes.original(path, private=kind in bundle.PRIVATE)
    leaf = contents.leaf(shown)
    mark = manifest.digest(b"".join(shown.values())) if leaf is None else bundle.fingerprint(leaf)
    since = _modified(found) if leaf is None else leaf.not_valid_before_utc
    identifier = versions.unused([site.root], since, mark, taken=True)
    described = manifest.describe(identifier, leaf, Source(""), now)
    hashes = {kind: manifest.digest(data) for kind, (data, _) in files.items()}
    versions.stage(site, Manifest(name, described, hashes), files)
    return identifier


def _modified(found: Found) -> datetime:
    """When the newest of the files was written: it has to sort before what renewd installs."""
    newest = max(os.stat(path).st_mtime for path, _ in found.values())
    return datetime.fromtimestamp(newest, UTC)
