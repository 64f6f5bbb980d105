"""Pins: after a rollback by hand the live version stays until somebody says otherwise."""

import os
from datetime import datetime

from renewd.install import atomic, layouts
from renewd.install.atomic import Attributes


def put(root: str, version: str | None, now: datetime) -> None:
    """Pin what is live in this store; the file says what and since when, for people. Raises InstallFailed."""
    text = f"{version or 'nothing'} stays live since {now:%Y-%m-%d %H:%M:%S} UTC, until: renewd deploy\n".encode()
    with atomic.telling("write into", root), atomic.directory(root) as opened:
        name = layouts.PINNED
        atomic.replace_file(opened, name, layouts.temporary(name), text, Attributes(0o644))


def remove(root: str) -> None:
    """Unpin; not being pinned is no error. Raises InstallFailed."""
    if exists(root):
        with atomic.telling("write into", root), atomic.directory(root) as opened:
            atomic.remove(opened, layouts.PINNED)
            os.fsync(opened)


def exists(root: str) -> bool:
    """True if the store is pinned."""
    return os.path.lexists(os.path.join(root, layouts.PINNED))
