"""Small files of the state directory with a row for each target: lost, they are made again."""

import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

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
    path = os.path.join(state_directory, file)
    with suppress(OSError):
        os.makedirs(state_directory, mode=0o700, exist_ok=True)
        written = f"{path}.{os.getpid()}.tmp"
        try:
            with open(written, "w", encoding="utf-8") as opened:
                json.dump({"schema": 1, "targets": rows}, opened, ensure_ascii=False)
            os.replace(written, path)
        except OSError:
            with suppress(FileNotFoundError):
                os.unlink(written)
