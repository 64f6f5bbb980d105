"""The user that a hook runs as."""

import os
import pwd
from dataclasses import dataclass

from renewd.hooks.program import NotRunnable


@dataclass(frozen=True, slots=True)
class User:
    """Whom a process becomes, with all groups that the user is in."""

    uid: int
    gid: int
    groups: tuple[int, ...]


def find(name: str | None) -> User | None:
    """The user of that name; None if it is who renewd runs as. Raises NotRunnable for one who is not there."""
    if name is None:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise NotRunnable(f"there is no user {name} to run it as") from None
    if entry.pw_uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise NotRunnable(f"only root can run it as {name}, and renewd does not run as root")
    return User(entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(name, entry.pw_gid)))
