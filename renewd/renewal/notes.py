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
    _write(state_directory, file, {**kept, **found})


def drop(state_directory: str, file: str, identities: Collection[str]) -> None:
    """Forget these. A full disk costs this alone: what is not watched goes with the next row that is written."""
    known = read(state_directory, file)
    kept = {identity: row for identity, row in known.items() if identity not in identities}
    if kept != known:
        _write(state_directory, file, kept)


def _write(state_directory: str, file: str, rows: Mapping[str, Row]) -> None:
    text = json.dumps({"schema": 1, "targets": dict(sorted(rows.items()))}, ensure_ascii=False)
    whole.note(os.path.join(state_directory, file), text)
