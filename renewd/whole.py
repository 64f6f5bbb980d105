"""Small files written whole: who reads one finds what was there before or all of what is new, never a part of it.

Not for what a web server sees, which has owners, access lists and a way back (install.atomic).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

LEFTOVER = timedelta(hours=1)  # what is older and half written, nobody works on any more
_MARK = ".renewd"  # how names end beside a file until it is whole
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def note(path: str, text: str) -> bool:
    """What is made again when it is lost, as a power cut may lose it; False if it cannot be kept, which costs nothing else."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with _beside(path) as beside:
            _fill(beside, text.encode(), 0o600)
            os.rename(beside, path)
    except OSError:
        return False
    return True


def store(path: str, data: bytes, mode: int = 0o600, *, within: int | None = None, over: bool = True) -> None:
    """What somebody relies on: it is on the disk from now on. `within` is an open folder that the path begins at.

    Raises OSError, and FileExistsError where something is there that it is not to be written `over`.
    """
    with _beside(path, within) as beside:
        _fill(beside, data, mode, within, durable=True)
        (os.rename if over else os.link)(beside, path, src_dir_fd=within, dst_dir_fd=within)
    folder = os.open(os.path.dirname(path) or ".", _FOLDER, dir_fd=within)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sweep(folder: str, now: datetime, also: tuple[str, ...] = ()) -> None:
    """Take away what crashes left half written there, and what is as old and whose name ends with one of `also`."""
    oldest = (now - LEFTOVER).timestamp()
    with suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            half = entry.name.startswith(".") and entry.name.endswith(_MARK)
            with suppress(OSError):  # somebody else took it away
                if (half or entry.name.endswith(also)) and entry.stat(
                    follow_symlinks=False
                ).st_mtime < oldest:
                    os.unlink(entry.path)


@contextmanager
def _beside(path: str, within: int | None = None) -> Iterator[str]:
    """A name of its own for the new file, of which nothing is left afterwards."""
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name}.{os.urandom(6).hex()}{_MARK}")
    try:
        yield beside
    finally:
        with suppress(OSError):
            os.unlink(beside, dir_fd=within)


def _fill(path: str, data: bytes, mode: int, within: int | None = None, *, durable: bool = False) -> None:
    with open(os.open(path, _NEW, 0o600, dir_fd=within), "wb") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask says
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
