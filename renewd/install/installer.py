"""The installer: stage a version, switch to it, go back; every other module here is a part of that."""

import os
from collections.abc import Sequence

from cryptography import x509

from renewd.certs import bundle as bundles
from renewd.certs.bundle import Bundle, Material, PrivateKey
from renewd.clock import Clock
from renewd.config.targets import Target
from renewd.errors import InstallFailed
from renewd.install import (
    intents,
    layouts,
    live,
    manifest,
    mounts,
    obstacles,
    pins,
    placeholder,
    quarantine,
    recovery,
    room,
    sites,
    staging,
    switching,
    takeover,
    versions,
)
from renewd.install.manifest import Source, Version
from renewd.install.recovery import Recovered
from renewd.install.sites import Site

__all__ = ["Installer", "Recovered", "Source", "Version"]


class Installer:
    """Puts bundles in place for targets. One at a time for a target; the state directory's lock is the caller's."""

    def __init__(self, state_directory: str, clock: Clock) -> None:
        self._state = state_directory
        self._clock = clock

    # What is there

    def current(self, target: Target) -> str | None:
        """The version that is live in all of the target's places; None where there is none, or not the same one."""
        found = self._seen(target)
        live = versions.current(found[0].root) if found else None
        return live if live is not None and all(switching.shows(site, live) for site in found) else None

    def previous(self, target: Target) -> str | None:
        """The version that was live before the current one, if it is still there."""
        found = (versions.previous(site.root) for site in self._seen(target))
        known = {version.id for version in self.versions(target)}
        return next((version for version in found if version in known), None)

    def versions(self, target: Target) -> list[Version]:
        """All whole versions, newest first; whether their files are unchanged only `load` looks."""
        found: dict[str, Version] = {}
        for site in self._seen(target):
            for name in versions.names(site.root):
                if name not in found and (stored := versions.read_manifest(site.root, name)) is not None:
                    found[name] = stored.version
        return sorted(found.values(), key=lambda version: version.id, reverse=True)

    def version(self, target: Target, identifier: str | None) -> Version | None:
        """The whole version that is called so, if there is one."""
        return next((version for version in self.versions(target) if version.id == identifier), None)

    def altered(self, target: Target) -> list[str]:
        """What is live otherwise than renewd installed it (a hook may have edited it), one sentence each."""
        return [
            problem
            for site in self._seen(target)
            if (version := versions.current(site.root)) is not None
            for problem in switching.altered(site, version)
        ]

    def load(self, target: Target, version: str) -> Bundle:
        """The version's bundle, without the PFX's password. Raises InstallFailed if it is not there or not whole."""
        return staging.load(_holder(self._seen(target), version), version)

    def live_leaf(self, target: Target) -> x509.Certificate | None:
        """The leaf that programs see in the first place that shows one, whoever put it there; a placeholder is none."""
        return live.leaf(target, self._state)

    def live_chain(self, target: Target) -> tuple[x509.Certificate, ...] | None:
        """What programs are handed behind that leaf, where it can be read as PEM; None elsewhere."""
        return live.chain(target, self._state)

    def live_key(self, target: Target) -> PrivateKey | None:
        """The private key of that leaf, where it can be read as PEM; None elsewhere."""
        return live.key(target, self._state)

    def told(self, target: Target) -> tuple[str | None, dict[str, str]]:
        """What hooks are told: the first directory, if there is one, and a path for each kind of file."""
        directory = next((place.directory for place in target.places if place.directory is not None), None)
        paths: dict[str, str] = {}
        for place in target.places:
            for kind, path in layouts.shown(place):
                paths.setdefault(kind, path)
        return directory, paths

    def room(self, target: Target) -> list[str]:
        """What would make an installation fail, one sentence each; nothing lasting is changed."""
        try:
            return [problem for site in self._sites(target) for problem in room.problems(site)]
        except InstallFailed as error:
            return [f"{error}; {error.remedy}"]

    def mounts(self, target: Target) -> list[str]:
        """What is doubtful about the file systems that the target's files and stores are on, one sentence each."""
        mounted = mounts.read()
        folders = {
            os.path.realpath(folder)
            for site in self._seen(target)
            for folder in (site.root, *(os.path.dirname(path) for _, path in site.files))
        }
        return [found for folder in sorted(folders) if (found := mounts.warning(mounted, folder)) is not None]

    # Putting it there

    def stage(self, target: Target, bundle: Bundle, source: Source) -> str:
        """Write the bundle as a new version into every place's store; its identifier.

        Raises InstallFailed; what is live is untouched either way.
        """
        found = self._sites(target)
        _clear(found)
        now = self._clock.now()
        version = versions.unused([site.root for site in found], now, bundles.fingerprint(bundle.leaf))
        described = manifest.describe(version, bundle.leaf, source, now)
        done: list[Site] = []
        try:
            for site, place in zip(found, target.places, strict=True):
                staging.stage(site, target.name, described, staging.files(bundle, place.settings))
                done.append(site)
        except BaseException:
            for site in done:
                versions.remove(site.root, version)
            raise
        return version

    def switch(self, target: Target, version: str) -> str | None:
        """Let all places show the version; the one that was live before, if there was one.

        What others put there is kept as a version first. Raises InstallFailed, with everything shown as it was.
        """
        with intents.alone(self._state):
            return self._switch(target, version)

    def _switch(self, target: Target, version: str) -> str | None:
        now, path = self._clock.now(), intents.path(self._state, target.slug)
        interrupted = recovery.settle(self._state, path, now)
        over = interrupted is not None and not interrupted.ok  # what cannot be ended is ended by this one
        before = recovery.before(path) if over else {}
        found = self._sites(target)
        _clear(found)
        holder = _holder(found, version)
        for site, place in zip(found, target.places, strict=True):
            if versions.read_manifest(site.root, version) is None:
                staging.copy(holder, site, place.settings, version)
        for site in found:
            takeover.take(site, target.name, now)
        intent = switching.plan(target.name, target.slug, found, version, before)
        switching.carry_out(self._state, intent, over=over)
        return next((move.before for move in intent.moves if move.before is not None), None)

    def placeholder(self, target: Target) -> bool:
        """Put a self-signed certificate where the target wants one and nothing at all is there; True if it did."""
        if not any(place.settings.placeholder for place in target.places):
            return False
        paths = [path for place in target.places for _, path in layouts.shown(place)]
        with intents.alone(self._state):  # another process may put a certificate there just now
            if any(os.path.lexists(path) for path in paths):
                return False
            made = placeholder.make(target.domains, self._clock.now())
            self._switch(target, self.stage(target, made, Source("")))
        return True

    def prune(self, target: Target) -> None:
        """Take away versions that nobody goes back to, and what crashes left behind. Raises InstallFailed."""
        for site in self._seen(target):
            versions.prune(site, self._clock.now())

    def sweep(self) -> None:
        """Take away what was refused more than a week ago, whoever it was for. Raises InstallFailed."""
        quarantine.sweep(os.path.join(self._state, layouts.QUARANTINE), self._clock.now())

    def recover(self) -> list[Recovered]:
        """End every interrupted switch: forward where the new version is whole everywhere, else back. Twice is no harm."""
        with intents.alone(self._state, make=False):
            return recovery.recover(self._state, self._clock.now())

    # Pins and quarantine

    def pin(self, target: Target) -> None:
        """What is live stays live until `unpin`. Raises InstallFailed."""
        for site in self._seen(target):
            pins.put(site.root, versions.current(site.root), self._clock.now())

    def unpin(self, target: Target) -> None:
        """Newer versions may go live again. Raises InstallFailed."""
        for site in self._seen(target):
            pins.remove(site.root)

    def pinned(self, target: Target) -> bool:
        """True after `pin`."""
        return any(pins.exists(site.root) for site in self._seen(target))

    def quarantine(self, target: Target, material: Material, problems: Sequence[str]) -> str:
        """Keep refused material for a week, for people to look at; its folder. Raises InstallFailed."""
        return quarantine.put(self._quarantine(target), material, problems, self._clock.now())

    def quarantined(self, target: Target) -> frozenset[str]:
        """The SHA-256 of the leaves refused within the last week."""
        return quarantine.fingerprints(self._quarantine(target), self._clock.now())

    def _quarantine(self, target: Target) -> str:
        return os.path.join(self._state, layouts.QUARANTINE, layouts.folder(target.slug))

    def _sites(self, target: Target) -> tuple[Site, ...]:
        """To write there. Raises InstallFailed if an owner does not exist."""
        return sites.of(target, self._state)

    def _seen(self, target: Target) -> tuple[Site, ...]:
        """To look there, whoever is to own it."""
        return sites.of(target, self._state, owned=False)


def _clear(found: Sequence[Site]) -> None:
    """Nothing may stand in the way of any site, before one of them is touched."""
    for site in found:
        obstacles.refuse(site)
    for site in found:
        obstacles.tighten(site)


def _holder(found: Sequence[Site], version: str) -> Site:
    for site in found:
        if versions.read_manifest(site.root, version) is not None:
            return site
    raise InstallFailed(
        f"there is no version {version}", remedy="renewd rollback NAME lists those that are there"
    )
