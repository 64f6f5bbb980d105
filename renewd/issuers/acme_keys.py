"""The keys of certificates that an ACME CA is asked for: made here, and on the disk before the order is."""

import contextlib
import glob
import hashlib
import os
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from renewd.certs import csr, keys
from renewd.config.targets import Target
from renewd.errors import OrderGone
from renewd.issuers import private_files

if TYPE_CHECKING:
    from renewd.certs.bundle import PrivateKey

ORPHANED = 30 * 86400.0  # seconds; no order lives as long as that
UNUSED = 800 * 86400.0  # seconds that a key to be used again is kept without being used
_NAME = re.compile(r"[A-Za-z0-9._+@-]{1,255}\.pem")
_KEPT = "kept-"  # how the names of keys begin that are used again
_LONGEST = 160  # characters of a target's folder's name
_STORED = re.compile(
    r"(.+)@([0-9a-f]{16})\.pem"
)  # a random number, or a target's mark, behind its folder's name


class Keys:
    """One folder of keys."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def make(self, target: Target, key_type: str, *, reuse: bool) -> str:
        """The name of a key that is stored now; with `reuse` the target's last one of this type."""
        if not reuse:
            name = f"{target.slug[:_LONGEST]}@{os.urandom(8).hex()}.pem"
            return self._store(name, csr.new_key(key_type))
        name = _kept(target, key_type)
        if not self.has(target, key_type):
            return self._store(name, csr.new_key(key_type))
        with contextlib.suppress(OSError):
            os.utime(os.path.join(self._folder, name))
        return name

    def has(self, target: Target, key_type: str) -> bool:
        """Whether there is a key of this type to be used again."""
        try:
            self.load(_kept(target, key_type))
        except OrderGone:
            return False
        return True

    def keep(self, target: Target, key: "PrivateKey") -> None:
        """This key is to be used again."""
        self._store(_kept(target, keys.key_type(key)), key)

    def load(self, name: str) -> "PrivateKey":
        """The key. Raises OrderGone if it is not there: nothing that was ordered for it is of any use."""
        content = private_files.read(self._folder, name) if _NAME.fullmatch(name) else None
        if content is None:
            raise OrderGone(f"the key that the order was made for, {name!r}, is not in {self._folder}")
        try:
            return keys.load_key(content)
        except ValueError as error:
            raise OrderGone(
                f"the key that the order was made for cannot be used: {self._folder}/{name} {error}"
            ) from error

    def forget(self, target: Target) -> None:
        """A target's key is not used again."""
        mark = f"@{_mark(target.identity)}.pem"
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as found:
            for entry in found:
                if entry.name.startswith(_KEPT) and entry.name.endswith(mark):
                    os.unlink(entry.path)

    def drop(self, name: str) -> None:
        """Forget a key that nothing was ordered for; one that is to be used again stays."""
        if _NAME.fullmatch(name) and not name.startswith(_KEPT):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._folder, name))

    def sweep(self, now: float) -> None:
        """Take away what nothing can need any more; `now` is in seconds since 1970."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as found:
            for entry in found:
                with contextlib.suppress(OSError):
                    age = now - entry.stat(follow_symlinks=False).st_mtime
                    if age > (UNUSED if entry.name.startswith(_KEPT) else ORPHANED):
                        os.unlink(entry.path)

    def _store(self, name: str, key: "PrivateKey") -> str:
        private_files.write(self._folder, name, csr.pem(key))
        return name


def found(state_directory: str, slugs: Collection[str], identities: Collection[str]) -> list[str]:
    """The paths of the keys that were made for targets at whichever CA: of orders by the names of the targets' folders.

    Where such a name was cut nothing tells whose it is, and `sweep` takes it away.
    """
    marks = {_mark(identity) for identity in identities}
    return [
        path
        for path in sorted(
            glob.glob(os.path.join(glob.escape(state_directory), "acme", "*", "keys", "*.pem"))
        )
        if _is_of(os.path.basename(path), slugs, marks)
    ]


def _is_of(name: str, slugs: Collection[str], marks: Collection[str]) -> bool:
    parts = _STORED.fullmatch(name)
    if parts is None:
        return False
    slug, mark = parts.groups()
    return mark in marks or (slug in slugs and len(slug) < _LONGEST)


def _kept(target: Target, key_type: str) -> str:
    """The name of the key that is used again."""
    return f"{_KEPT}{key_type}-{target.slug[:_LONGEST]}@{_mark(target.identity)}.pem"


def _mark(identity: str) -> str:
    """What tells two targets apart whose folders' names were cut."""
    return hashlib.sha256(identity.encode()).hexdigest()[:16]
