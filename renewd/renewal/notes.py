"""Small files of the state directory with a row for each target: lost, they are made again."""

import json
import os
from collections.abc import Collection, Mapping
from typing import Any

from renewd import whole

Row = dict[str, Any]


def read(state_directory: str, file: str) -> dict[str, Row]:
    """The rows by the targets' identities; none of a file that is not whole."""
    try:
        with open(os.path.join(state_directory, file), encoding="utf-8") as opened:
            targets = json.load(opened)["targets"]
        return {str(identity): row for identity, row in targets.items() if isinstance(row, dict)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def keep(state_directory: str, file: str, found: Mapping[str, Row], watched: Collection[str]) -> None:
    """Write these over what was kept of them, and forget what is not watched. A full disk costs this alone."""
    kept = {identity: row for identity, row in read(state_directory, file).items() if identity in watched}
    rows = dict(sorted({**kept, **found}.items()))
    text = json.dumps({"schema": 1, "targets": rows}, ensure_ascii=False)
    whole.note(os.path.join(state_directory, file), text)
