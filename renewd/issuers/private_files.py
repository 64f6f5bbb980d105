"""Files that hold keys: written whole, for their owner alone, and on the disk before anybody relies on them."""

import contextlib
import os
import threading
from collections.abc import Iterator

from renewd import locks, whole
from renewd.errors import Unreachable

_PRIVATE, _FOLDER = 0o600, 0o700


def write(folder: str, name: str, data: bytes) -> None:
    """The file, new or in place of the one that is there. Raises Unreachable if it cannot be kept: nothing was sent yet."""
    with telling(f"keep {name} in {folder}"):
        os.makedirs(folder, _FOLDER, exist_ok=True)
        whole.store(os.path.join(folder, name), data, _PRIVATE)


def read(folder: str, name: str) -> bytes | None:
    """The file's content; None if there is none. Raises Unreachable if it cannot be read."""
    with telling(f"read {name} in {folder}"):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None


def replace(folder: str, name: str, other: str) -> None:
    """The file in the place of another one, at once. Raises Unreachable."""
    with telling(f"rename {name} in {folder}"):
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.rename(name, other, src_dir_fd=at, dst_dir_fd=at)
            os.fsync(at)
        finally:
            os.close(at)


def remove(folder: str, name: str) -> None:
    """No such file any more. Raises Unreachable."""
    with telling(f"remove {name} in {folder}"), contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, name))


@contextlib.contextmanager
def locked(folder: str, name: str, stop: threading.Event) -> Iterator[None]:
    """Alone among all processes and threads that lock the same file. Raises Unreachable if that takes long, or once `stop` is set."""
    with telling(f"lock {name} in {folder}"):
        os.makedirs(folder, _FOLDER, exist_ok=True)
        descriptor = os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
    try:
        with telling(f"lock {name} in {folder}"):
            locks.take(descriptor, stop=stop)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def telling(action: str) -> Iterator[None]:
    """Any OSError inside becomes Unreachable: what could not be done, and why."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        remedy = "Let renewd write its state directory, and see that there is room."
        if isinstance(error, locks.Kept):
            remedy = "See what hangs there, or was stopped."
        raise Unreachable(f"cannot {action}: {why}", stage="key", remedy=remedy) from error
