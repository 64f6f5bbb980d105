"""HTTP-01 by files below the folder that a web server serves.

Nothing is ever written or removed through a symbolic link below the web root. A file or link that already has a
token's name is replaced by a rename, never written into; one with other content is not taken away.
"""

import errno
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from renewd.certs.order import Token
from renewd.challenges import http01, look
from renewd.challenges.base import Sight
from renewd.config import sides
from renewd.deadline import Resolve
from renewd.errors import ChallengeFailed

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_LONGEST = 2048  # bytes; no key authorization is as long
_made: set[tuple[int, int]] = set()  # (device, inode) of the folders that this process made
_lock = threading.Lock()  # targets share web roots: one may not take away the folder another is about to use


class Webroot:
    """Files in `<folder>/.well-known/acme-challenge/`, which the web server can read whatever the umask."""

    type = http01.TYPE

    def __init__(self, folder: str, resolve: Resolve | None = None) -> None:
        self._folder = folder
        self._resolve = resolve

    def place(self, tokens: Sequence[Token]) -> None:
        """Write a file for each token. Raises ChallengeFailed with none of them left behind."""
        http01.check(tokens)
        try:
            with _lock, _open(self._folder) as folders:
                for token in tokens:
                    _write(folders[-1], token)
        except OSError as error:
            with suppress(ChallengeFailed):  # the first failure is the one to be told
                self.remove(tokens)
            raise self._failed(error, "put into") from error

    def look(self, tokens: Sequence[Token]) -> Sequence[Sight]:
        """What the web server shows at the tokens' addresses."""
        return look.look(tokens, self._resolve)

    def remove(self, tokens: Sequence[Token]) -> None:
        """Take away the files that hold these tokens, then the folders that were made for them, if empty."""
        try:
            with _lock, _open(self._folder, make=False) as folders:
                for token in filter(http01.answers, tokens):
                    with suppress(FileNotFoundError):  # unless a crash left it
                        os.unlink(_passing(token), dir_fd=folders[-1])
                    if _holds(folders[-1], token):
                        os.unlink(token.name, dir_fd=folders[-1])
                _tidy(folders)
        except FileNotFoundError:
            return  # the folders are gone, and the tokens with them
        except OSError as error:
            raise self._failed(error, "taken out of") from error

    def _failed(self, error: OSError, how: str) -> ChallengeFailed:
        why = (error.strerror or "it failed").lower()
        where = os.path.join(self._folder, *http01.FOLDERS)
        remedy = (
            f"Make {self._folder} a folder that renewd may write to, with no link for {http01.PREFIX} in it."
        )
        if error.errno == errno.EROFS and sides.walled():
            remedy = sides.WALLED
        return ChallengeFailed(f"the challenge cannot be {how} {where}: {why}", remedy=remedy)


@contextmanager
def _open(root: str, *, make: bool = True) -> Iterator[list[int]]:
    """Descriptors of the web root, .well-known and acme-challenge; missing ones are made unless not asked to."""
    opened = [os.open(root, _FOLDER)]  # the web root itself may be a link: it is the configuration's word
    try:
        for name in http01.FOLDERS:
            opened.append(_enter(opened[-1], name, make=make))
        yield opened
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _enter(parent: int, name: str, *, make: bool) -> int:
    made = False
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=parent)
            made = True
    descriptor = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    try:
        if made:
            os.fchmod(descriptor, 0o755)
            _made.add(_identity(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _write(folder: int, token: Token) -> None:
    temporary = _passing(token)
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o644, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(token.value.encode())
        os.rename(temporary, token.name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise


def _passing(token: Token) -> str:
    """The name of a token's file until it is whole: always the same, so that what a crash leaves is found again."""
    return f".renewd-{token.name}"


def _holds(folder: int, token: Token) -> bool:
    """Whether the token's file is there and holds the token, and nothing else."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(token.name, flags, dir_fd=folder)
    except OSError:
        return False  # not there, or a link: not ours
    try:
        return os.read(descriptor, _LONGEST) == token.value.encode()
    except OSError:
        return False  # a folder: not ours
    finally:
        os.close(descriptor)


def _tidy(folders: list[int]) -> None:
    for parent, folder, name in reversed(list(zip(folders, folders[1:], http01.FOLDERS, strict=False))):
        if _identity(folder) not in _made:
            return
        try:
            os.rmdir(name, dir_fd=parent)
        except OSError:
            return  # something is in it yet
        _made.discard(_identity(folder))


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
