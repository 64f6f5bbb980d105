"""Whether the users and groups that the file names are there."""

import grp
import pwd

from renewd.config import near


def user_problem(name: str) -> tuple[str, str] | None:
    """What is wrong with a user's name and what would be right; None if there is such a user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return f"there is no user {name}", _near(name, [user.pw_name for user in pwd.getpwall()])
    return None


def group_problem(name: str) -> tuple[str, str] | None:
    """What is wrong with a group's name and what would be right; None if there is such a group."""
    try:
        grp.getgrnam(name)
    except KeyError:
        return f"there is no group {name}", _near(name, [group.gr_name for group in grp.getgrall()])
    return None


def _near(name: str, known: list[str]) -> str:
    meant = near.nearest(name, known)
    return f"did you mean {meant}?" if meant else "make it, or write another"
