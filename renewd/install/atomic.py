"""The system calls that make a file appear whole or not at all; all of them work beneath an open directory.

Nothing here follows a link in the last part of a path, leaves a descriptor open, or calls fsync twice on one file:
after a failed fsync the kernel forgets the unwritten pages, so only a new file tells the truth.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from renewd.errors import InstallFailed

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in the way does not block
_REMEDIES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "raise the disk quota, or free some space there",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "mount the file system writable",
    errno.EACCES: "run renewd as a user who may write there",
    errno.EPERM: "run renewd as root, or take away what protects the file (chattr -i; owner and group in `install`)",
    errno.EIO: "the disk or the network below it fails: look at dmesg",
    errno.EBUSY: "a single file seems to be mounted there: mount its directory instead",
    errno.EXDEV: "the folder is spread over two file systems: put it on one",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "the whole machine is out of open files: raise fs.file-max",
    errno.ENOTDIR: "a file or link is where a folder should be: move it away",
    errno.ELOOP: "a link is where a file or folder should be: move it away",
    errno.EISDIR: "a folder is where a file should be: move it away",
    errno.ENAMETOOLONG: "choose a shorter path",
}


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a new file gets before anybody sees it; -1 leaves owner or group as they are."""

    mode: int
    uid: int = -1
    gid: int = -1
    extended: tuple[tuple[str, bytes], ...] = ()  # access list and security label, kept from the old file


@contextlib.contextmanager
def telling(action: str, path: str) -> Iterator[None]:
    """Any OSError inside becomes InstallFailed: what could not be done to which path, why, and what helps."""
    try:
        yield
    except OSError as error:
        raise InstallFailed(
            f"cannot {action} {path}: {words(error)}", remedy=_REMEDIES.get(error.errno or 0, "")
        ) from error


def words(error: OSError) -> str:
    """The system's own sentence for an error, in lower case."""
    said = os.strerror(error.errno) if error.errno else str(error)
    return said[:1].lower() + said[1:]


@contextlib.contextmanager
def directory(path: str, *, within: int | None = None) -> Iterator[int]:
    """A descriptor of the folder; a link in its place is an error."""
    descriptor = os.open(path, _DIRECTORY, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make_directories(path: str, mode: int) -> None:
    """The folder and whatever is missing above it, each with `mode` and known to the disk; existing ones stay as they are."""
    if os.path.isdir(path):
        return
    parent, name = os.path.split(path.rstrip("/"))
    make_directories(parent, mode)
    with directory(os.path.realpath(parent)) as above:
        try:
            os.mkdir(name, mode, dir_fd=above)
        except FileExistsError:  # two targets that share a folder above are staged side by side
            if os.path.isdir(path):
                return
            raise
        os.chmod(name, mode, dir_fd=above)  # whatever the umask took away
        os.fsync(above)


def write(within: int, name: str, data: bytes, attributes: Attributes) -> None:
    """A new file, complete and on the disk. Raises FileExistsError; whatever goes wrong, nothing stays behind."""
    descriptor = os.open(name, _NEW, 0o600, dir_fd=within)
    try:
        try:
            _fill(descriptor, data, attributes)
        finally:
            os.close(descriptor)
    except BaseException:
        remove(within, name)
        raise


def _fill(descriptor: int, data: bytes, attributes: Attributes) -> None:
    if (attributes.uid, attributes.gid) != (-1, -1):
        os.fchown(descriptor, attributes.uid, attributes.gid)
    os.fchmod(descriptor, attributes.mode)
    for name, value in attributes.extended:  # after fchmod, which rewrites an access list's mask
        os.setxattr(descriptor, name, value)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def read(name: str, *, within: int | None = None) -> bytes:
    """The whole file. Raises OSError, also for anything that is not a regular file's content."""
    descriptor = os.open(name, _READ, dir_fd=within)
    try:
        parts = []
        while part := os.read(descriptor, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def replace_file(within: int, name: str, temporary: str, data: bytes, attributes: Attributes) -> None:
    """The file anew in one rename, and the folder synced: for files of our own that stand alone."""
    remove(within, temporary)
    write(within, temporary, data, attributes)
    rename(within, temporary, name)
    os.fsync(within)


def replace_link(within: int, name: str, temporary: str, target: str) -> None:
    """The link anew in one rename; whoever opens it sees the old or the new target. The folder is not synced here."""
    remove(within, temporary)
    os.symlink(target, temporary, dir_fd=within)
    rename(within, temporary, name)


def rename(within: int, old: str, new: str) -> None:
    """One rename inside a folder; if it fails, `old` is taken away."""
    try:
        os.rename(old, new, src_dir_fd=within, dst_dir_fd=within)
    except BaseException:
        remove(within, old)
        raise


def remove(within: int, name: str) -> None:
    """Take the file or link away, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=within)


def link_target(name: str, *, within: int | None = None) -> str | None:
    """Where a link points; None if there is no link of that name."""
    try:
        return os.readlink(name, dir_fd=within)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EINVAL, errno.ENOTDIR}:
            return None
        raise


def exists(within: int, name: str) -> bool:
    """True if there is anything of that name, a link that leads nowhere included."""
    try:
        os.stat(name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
