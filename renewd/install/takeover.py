"""Taking over: what somebody else put or changed where renewd installs is kept as a version before anything is switched."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509

from renewd.certs import bundle
from renewd.install import atomic, attributes, contents, layouts, links, manifest, versions
from renewd.install.manifest import Manifest, Source
from renewd.install.sites import Site
from renewd.install.versions import File

Found = Mapping[str, tuple[str, bytes]]  # kind → path and content


def take(site: Site, name: str, now: datetime) -> str | None:
    """Make what is shown there and is not renewd's a version, with `current` pointing to it; readers see the same all along.

    That is what others put there, and renewd's own files where somebody changed them. `name` is the target's. The version
    that was made, if one was. Raises InstallFailed; what is shown stays what it was.
    """
    live, found = versions.current(site.root), _found(site)
    stored = None if live is None else versions.read_manifest(site.root, live)
    hashes = {} if stored is None else stored.files
    changed = [kind for kind, (_, data) in found.items() if hashes.get(kind) != manifest.digest(data)]
    strays = [kind for kind, (path, _) in found.items() if _stray(site, kind, path)]
    if not changed and not strays and (live is not None or not found):
        return None
    kept = None
    if live is None or changed:
        live = kept = _keep(site, name, found, _Kept(live, now))
    with atomic.telling("take over", site.root), atomic.directory(site.root) as root:
        versions.point(root, live)
        os.fsync(root)  # what the links lead through lasts before there is one of them
        if site.linked:
            links.link(root, site, strays)
            os.fsync(root)
    return kept


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is known of the time that a kept version is from."""

    live: str | None  # the version that was live, whose files somebody changed
    now: datetime

    def since(self, found: Found, leaf: x509.Certificate | None) -> datetime:
        """It has to sort before what renewd installs next, and after what it installed before."""
        if self.live is not None:
            return layouts.created_at(self.live) + timedelta(seconds=1)
        return _modified(found) if leaf is None else leaf.not_valid_before_utc


def _found(site: Site) -> dict[str, tuple[str, bytes]]:
    """What a program that opens the files sees, and of a live version the file that has no link of its own."""
    found = {}
    paths = dict(site.files)
    if site.linked:
        paths.setdefault("combined", os.path.join(site.root, layouts.link_to_file("combined")))
    for kind, path in paths.items():
        with atomic.telling("read", path):
            try:
                found[kind] = path, atomic.read(os.path.realpath(path))
            except FileNotFoundError:  # nothing there, or a link that leads nowhere
                continue
    return found


def _stray(site: Site, kind: str, path: str) -> bool:
    """True for a file in the place of one of renewd's links."""
    shown = site.linked and kind in dict(site.files)
    return shown and atomic.link_target(path) != layouts.link_to_file(kind)


def _keep(site: Site, name: str, found: Found, kept: _Kept) -> str:
    """All that is shown as a version, with the kinds that follow from it; its identifier."""
    shown = {kind: data for kind, (_, data) in found.items()}
    files: dict[str, File] = {
        kind: (data, site.stored_attributes(kind)) for kind, data in contents.completed(shown).items()
    }
    for kind, (path, data) in found.items():
        files[kind] = data, attributes.original(path, private=kind in bundle.PRIVATE)
    leaf = contents.leaf(shown)
    mark = manifest.digest(b"".join(shown.values())) if leaf is None else bundle.fingerprint(leaf)
    identifier = versions.unused([site.root], kept.since(found, leaf), mark, taken=True)
    described = manifest.describe(identifier, leaf, Source(""), kept.now)
    hashes = {kind: manifest.digest(data) for kind, (data, _) in files.items()}
    versions.stage(site, Manifest(name, described, hashes), files)
    return identifier


def _modified(found: Found) -> datetime:
    """When the newest of the files was written: it has to sort before what renewd installs."""
    newest = max(os.stat(path).st_mtime for path, _ in found.values())
    return datetime.fromtimestamp(newest, UTC)
