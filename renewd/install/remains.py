"""What the state directory holds of a target that has no places any more, by its folder's name; nothing here is live."""

import os
import re
import shutil
from collections.abc import Collection

from renewd.config import sides
from renewd.install import atomic, intents, layouts

_FOLDERS = (layouts.STORE, sides.HANDED, layouts.QUARANTINE)  # in each one a folder a target
_TURN = re.compile(r"@[0-9]+$", re.ASCII)  # of a second place of fixed paths (layouts.stores)


def folders(state_directory: str, names: Collection[str]) -> list[str]:
    """The paths of the folders of these names that are there. Raises InstallFailed if that cannot be told.

    They are looked for among what is there, so that no name leads elsewhere.
    """
    found = []
    for parent in (os.path.join(state_directory, each) for each in _FOLDERS):
        with atomic.telling("read", parent):
            entries = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
        found += [os.path.join(parent, entry) for entry in entries if _TURN.sub("", entry) in names]
    return found


def interrupted(state_directory: str, names: Collection[str]) -> list[str]:
    """The paths of intents of switches that were not ended. Raises InstallFailed if they cannot be read."""
    wanted = {intents.path(state_directory, name) for name in names}
    return [path for path in intents.under_way(state_directory) if path in wanted]


def remove(path: str) -> None:
    """Take a file away, or a folder with all that is in it; a link to one is refused. Raises InstallFailed."""
    with atomic.telling("remove", path):
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
