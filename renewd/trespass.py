"""Nobody but root and renewd's own user may have written into a state directory: what is noted there is acted upon."""

import os
import stat
from collections.abc import Iterator

from renewd.errors import StateUnusable

_OTHERS = 0o022  # may write
_ACTED_UPON = ("intents", "store")


def insist(state_directory: str) -> None:
    """Take others' write permission away from what is ours; a folder that is not there is fine.

    Raises StateUnusable for root where something belongs to another user, or could, as everybody may write there.
    """
    for path in (state_directory, *(os.path.join(state_directory, name) for name in _ACTED_UPON)):
        try:
            found = os.stat(path)
        except OSError:
            continue  # whoever needs it says what is wrong with it
        if found.st_mode & stat.S_ISVTX and found.st_mode & _OTHERS:
            raise StateUnusable(
                f"the state directory {path} is one into which everybody may write",
                remedy="set state_directory to a folder of renewd's own",
            )
        if os.geteuid() == 0:
            _insist_on_owners(path, state_directory)
        if found.st_mode & _OTHERS and found.st_uid == os.geteuid():
            os.chmod(path, stat.S_IMODE(found.st_mode) & ~_OTHERS)


def _insist_on_owners(path: str, state_directory: str) -> None:
    within = _entries(path) if path != state_directory else iter(())
    for each in (path, *within):
        owner = (os.stat if each == state_directory else os.lstat)(each).st_uid
        if owner != 0:
            raise StateUnusable(
                f"{each} belongs to user {owner}, who could make root write anywhere by it; nothing was done",
                remedy=f"see who put it there; then remove it, or make it root's: chown root {each}",
            )


def _entries(path: str) -> Iterator[str]:
    with os.scandir(path) as found:
        for entry in found:
            yield entry.path
