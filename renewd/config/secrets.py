"""Secrets: read when needed, shown as ***."""

import errno
import os
import re
import stat
from typing import NoReturn

from renewd.config.sources import SecretSource
from renewd.errors import SecretUnusable

CREDENTIALS = "/etc/renewd/credentials"  # from where the units load them
_BASE64 = re.compile(r"[A-Za-z0-9_+/-]+={0,2}").fullmatch  # CAs write it in either alphabet
_LARGEST = 4096  # bytes; an API key has some dozens


class Secret:
    """A text that no repr, str, format or JSON shows; `reveal()` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere")


def resolve(source: SecretSource) -> Secret:
    """The secret, read now. Raises SecretUnusable, which never shows it, if it cannot be used."""
    if source.env is not None:
        text = os.environ.get(source.env)
        if text is None:
            raise SecretUnusable(
                f"the environment variable {source.env} of a secret is not set",
                remedy="set it for the daemon, or read the secret from a file",
            )
        return _plain(text, f"the environment variable {source.env}", source)
    return _read(_path(source), source)


def _path(source: SecretSource) -> str:
    if source.file is not None:
        return source.file
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise SecretUnusable(
            f"the credential {source.credential} is not there: systemd passed none",
            remedy=f"write LoadCredential={source.credential}:PATH into the unit, and start renewd by it",
        )
    return os.path.join(directory, source.credential or "")


def _read(path: str, source: SecretSource) -> Secret:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unopened(path, error, source) from error
    try:
        # systemd lets a unit's user read a credential by an access list, which shows as a right of the group
        allow_group = source.allow_group or source.credential is not None
        _check(path, os.fstat(descriptor), allow_group=allow_group)
        content = os.read(descriptor, _LARGEST + 1)
    except OSError as error:
        raise SecretUnusable(f"the secret file {path} cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretUnusable(f"the secret file {path} is not text") from None
    return _plain(text.removesuffix("\n").removesuffix("\r"), f"the secret file {path}", source)


def _unopened(path: str, error: OSError, source: SecretSource) -> SecretUnusable:
    if isinstance(error, FileNotFoundError) and source.credential is not None:
        return SecretUnusable(
            f"the unit was not given the credential {source.credential}",
            remedy=f"put it into {CREDENTIALS}/{source.credential}, then: renewd install-systemd, then: systemctl restart renewd",
        )
    if isinstance(error, FileNotFoundError):
        return SecretUnusable(
            f"there is no secret file {path}", remedy=f"write the secret into it, then: chmod 600 {path}"
        )
    if error.errno == errno.ELOOP:
        return SecretUnusable(f"the secret file {path} is a symbolic link", remedy="name the file itself")
    why = (error.strerror or "").lower()
    remedy = "run as root, or as the user it belongs to" if isinstance(error, PermissionError) else None
    return SecretUnusable(f"the secret file {path} cannot be read: {why}", remedy=remedy)


def _check(path: str, status: os.stat_result, *, allow_group: bool) -> None:
    others = 0o037 if allow_group else 0o077  # with allow_group its group may read, no more
    if not stat.S_ISREG(status.st_mode):
        raise SecretUnusable(f"the secret file {path} is not a regular file", remedy="name a file")
    if status.st_uid not in (0, os.geteuid()):
        raise SecretUnusable(
            f"the secret file {path} belongs to user {status.st_uid}", remedy=f"chown root {path}"
        )
    if status.st_mode & others:
        mode = "640" if allow_group else "600"
        raise SecretUnusable(
            f"others than its owner can use the secret file {path} (mode {status.st_mode & 0o7777:04o})",
            remedy=f"chmod {mode} {path}, and have a new secret made if others may have read it",
        )
    if status.st_size > _LARGEST:
        raise SecretUnusable(
            f"the secret file {path} is larger than {_LARGEST} bytes", remedy="is it the right file?"
        )


def _plain(text: str, where: str, source: SecretSource) -> Secret:
    if not text:
        raise SecretUnusable(f"{where} is empty", remedy="write the secret into it")
    if source.lines:
        return Secret(text)
    if any(sign.isspace() or not sign.isprintable() for sign in text):
        raise SecretUnusable(
            f"{where} holds white space or control characters",
            remedy="one line with the secret is right, and nothing else",
        )
    if source.encoded and not (_BASE64(text) and len(text.rstrip("=")) % 4 != 1):
        raise SecretUnusable(f"{where} is not base64url", remedy="write it as the CA gave it to you")
    return Secret(text)
