"""Whether a site can be written to, with room to spare; found out before an order costs anything."""

import contextlib
import fcntl
import fnmatch
import os
import sys
from collections.abc import Iterator

from renewd.errors import InstallFailed
from renewd.install import atomic, layouts, obstacles, versions
from renewd.install.atomic import Attributes
from renewd.install.sites import Site

SPARE = 10  # times the size of a set
_SET = (
    64 * 1024
)  # bytes: an upper bound of a set with RSA keys and a long chain, manifest and blocks included
_INODES = 20  # a version needs eight
_PROBE = "probe-{}"  # each has a name of its own: several targets in a folder are looked at side by side
_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS, ioctl_iflags(2)
_IMMUTABLE = 0x10 | 0x20  # FS_IMMUTABLE_FL, FS_APPEND_FL


def problems(site: Site) -> list[str]:
    """What would make an installation fail, one sentence each. Nothing lasting is changed."""
    found = []
    try:
        found += [str(obstacle) for obstacle in obstacles.obstacles(site)]
        for folder in dict.fromkeys(_existing(folder) for folder in _folders(site)):
            found += _writable(folder, site)
            found += _spacious(folder)
        found += [f"{path} is immutable; chattr -i {path}" for path in _immutable(site)]
    except OSError as error:
        found.append(f"{error.filename or site.root} cannot be looked at: {atomic.words(error)}")
    return found


def _folders(site: Site) -> Iterator[str]:
    yield os.path.join(site.root, layouts.VERSIONS)
    yield site.root
    if not site.linked:
        yield from (os.path.dirname(path) for _, path in site.files)


def _existing(folder: str) -> str:
    """The folder, or the nearest one above it that is there."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _writable(folder: str, site: Site) -> Iterator[str]:
    """Tried out with a file that is taken away at once, with owner and mode as the key will have them."""
    try:
        with atomic.telling("write into", folder), atomic.directory(os.path.realpath(folder)) as opened:
            probe = layouts.temporary(_PROBE.format(os.urandom(6).hex()))
            atomic.write(opened, probe, b"", Attributes(site.mode, site.uid, site.gid))
            made = os.stat(probe, dir_fd=opened).st_mtime
            atomic.remove(opened, probe)
            _sweep(opened, made)
    except InstallFailed as error:
        yield f"{error}; {error.remedy}" if error.remedy else str(error)


def _sweep(folder: int, now: float) -> None:
    """Take away what a crash left of such a look."""
    for name in fnmatch.filter(os.listdir(folder), layouts.temporary(_PROBE.format("*"))):
        with contextlib.suppress(FileNotFoundError):  # whoever made it, or swept it too
            if (
                now - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime
                > versions.LEFTOVER.total_seconds()
            ):
                os.unlink(name, dir_fd=folder)


def _spacious(folder: str) -> Iterator[str]:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < SPARE * _SET:
        yield f"the disk of {folder} has {free // 1024} KiB left; free {SPARE * _SET // 1024} KiB at least"
    if found.f_files and found.f_favail < _INODES:  # some file systems count none
        yield f"the disk of {folder} has {found.f_favail} inodes left; remove files there"


def _immutable(site: Site) -> Iterator[str]:
    for _, path in site.files:
        with contextlib.suppress(OSError):  # not there, or a file system that knows no such flag
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                flags = fcntl.ioctl(descriptor, _GET_FLAGS, b"\0" * 8)
            finally:
                os.close(descriptor)
            if int.from_bytes(flags, sys.byteorder) & _IMMUTABLE:
                yield path
