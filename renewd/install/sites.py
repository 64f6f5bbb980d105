"""Sites: a target's places as they are on this machine, owners as numbers; all that switching needs to know."""

import grp
import pwd
from dataclasses import dataclass

from renewd.certs import bundle
from renewd.config.model import Install
from renewd.config.targets import Target
from renewd.errors import InstallFailed
from renewd.install import layouts
from renewd.install.atomic import Attributes


@dataclass(frozen=True, slots=True)
class Site:
    """One place with its store. It goes into the intent file, so that a switch can be completed without configuration."""

    root: str  # of the version store
    linked: bool  # the store itself is what programs see (`install.directory`), not copies out of it
    files: tuple[tuple[str, str], ...]  # (kind, path), in the order of switching
    mode: int  # of private parts
    uid: int  # -1: whoever renewd runs as
    gid: int

    @property
    def folder_mode(self) -> int:
        """Of version folders: public parts in them are for everybody, copies in the state directory for nobody."""
        return 0o755 if self.linked else 0o700

    def shown_attributes(self, kind: str) -> Attributes:
        """Of a file that programs open."""
        if kind in bundle.PRIVATE:
            return Attributes(self.mode, self.uid, self.gid)
        return Attributes(layouts.PUBLIC_MODE)

    def stored_attributes(self, kind: str) -> Attributes:
        """Of a file in the store."""
        return self.shown_attributes(kind) if self.linked else Attributes(0o600)


def of(target: Target, state_directory: str, *, owned: bool = True) -> tuple[Site, ...]:
    """The target's places, in the configuration's order. Raises InstallFailed if an owner or group does not exist.

    To look at what is there nobody needs to be `owned`.
    """
    roots = layouts.stores(state_directory, target.slug, target.places)
    return tuple(
        Site(
            root=root,
            linked=place.directory is not None,
            files=layouts.shown(place),
            mode=place.settings.mode,
            uid=_uid(place.settings) if owned else -1,
            gid=_gid(place.settings) if owned else -1,
        )
        for root, place in zip(roots, target.places, strict=True)
    )


def _uid(settings: Install) -> int:
    name = settings.owner
    if name is None:
        return -1
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return _number(name, "user", "install.owner")


def _gid(settings: Install) -> int:
    name = settings.group
    if name is None:
        return -1
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return _number(name, "group", "install.group")


def _number(name: str, what: str, key: str) -> int:
    """The ID that is written in digits, as images without a user database need it."""
    if name.isascii() and name.isdigit():
        return int(name)
    raise InstallFailed(
        f"there is no {what} {name} on this machine",
        remedy=f"create it, or correct {key} in the configuration",
    )
