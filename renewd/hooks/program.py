"""The program behind a hook: found on a fixed path, and run only where nobody else could have put it."""

import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterator

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BY_ERRNO = {
    errno.EAGAIN: "no process could be started: too many are running",
    errno.ENOMEM: "no process could be started: the memory is used up",
    errno.EMFILE: "no process could be started: renewd has too many files open",
    errno.ENFILE: "no process could be started: the machine has too many files open",
    errno.ENOENT: "the interpreter named in its first line is not there",
    errno.EACCES: "it may not be executed",
    errno.ENOEXEC: "it is no program: a script needs a first line such as #!/bin/sh",
    errno.E2BIG: "its arguments are too long",
}


class NotRunnable(Exception):
    """A hook cannot even be started; the text says why, for people."""


def find(name: str, trusted: Collection[int] = ()) -> str:
    """The path of a program. `trusted` are users, besides root and renewd's own, who may own it.

    Raises NotRunnable if there is none, it cannot be executed, or somebody else could change it.
    """
    path = _path(name)
    if path is None or not os.path.exists(path):
        raise NotRunnable(f"{name or 'an empty command'}: no such program")
    if os.path.isdir(path):
        raise NotRunnable(f"{name}: is a folder, not a program")
    if not os.access(path, os.X_OK):
        raise NotRunnable(f"{name}: is not executable; chmod +x {path} makes it so")
    for place, status in _leading_to(path):
        problem = _risk(status, {0, os.geteuid(), *trusted})
        if problem:
            raise NotRunnable(f"{name} is not run: {place} {problem}, so it may not be what you put there")
    return path


def words(name: str, error: OSError) -> str:
    """Why starting it failed, for people."""
    return f"{name}: {_BY_ERRNO.get(error.errno or 0) or (error.strerror or str(error)).lower()}"


def _path(name: str) -> str | None:
    if "/" in name:
        return os.path.join("/", name)  # hooks run in /
    if not name:
        return None
    return shutil.which(name, path=PATH) or shutil.which(name, mode=os.F_OK, path=PATH)


def _leading_to(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every folder and link on the way to an existing file, and the file: whoever can change one can change them all."""
    here, ahead = "/", path.split("/")[::-1]
    yield here, os.lstat(here)
    while ahead:
        part = ahead.pop()
        if part == "..":
            here = os.path.dirname(here)
        elif part not in {"", "."}:
            place = os.path.join(here, part)
            status = os.lstat(place)
            yield place, status
            if stat.S_ISLNK(status.st_mode):
                to = os.readlink(place)
                here = "/" if to.startswith("/") else here
                ahead.extend(to.split("/")[::-1])
            else:
                here = place


def _risk(status: os.stat_result, owners: set[int]) -> str:
    """Why somebody else could change what is there; empty if nobody can."""
    mode = status.st_mode
    if status.st_uid not in owners:
        return f"belongs to user {status.st_uid}"
    if stat.S_ISLNK(mode) or (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
        return ""  # a link has no mode; in a sticky folder, such as /tmp, a name belongs to its owner
    if mode & stat.S_IWOTH:
        return "can be changed by everybody"
    if mode & stat.S_IWGRP and status.st_gid != 0:
        return f"can be changed by group {status.st_gid}"
    return ""
