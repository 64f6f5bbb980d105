"""What CAs suggested at last, kept in one small file beside the journal: lost, they are asked again."""

import json
import os
import threading
from collections.abc import Collection, Mapping
from typing import Any

from renewd import whole
from renewd.clock import aware
from renewd.planning.suggested import Suggestion, Window

FILE = "suggestions.json"


class Kept:
    """The suggestions by the targets' identities, read again whenever the file is another one."""

    def __init__(self, state_directory: str) -> None:
        self._path = os.path.join(state_directory, FILE)
        self._lock = threading.Lock()
        self._mark: tuple[int, ...] = ()
        self._known: Mapping[str, Suggestion] = {}

    def known(self) -> Mapping[str, Suggestion]:
        """All of them; none of a file that is not whole."""
        with self._lock:
            mark = self._seen()
            if mark != self._mark:
                self._mark, self._known = mark, _read(self._path) if mark else {}
            return self._known

    def keep(self, new: Mapping[str, Suggestion], watched: Collection[str]) -> None:
        """Write these over what was kept of them, and forget what is not watched. A full disk costs this alone."""
        kept = {
            identity: suggestion for identity, suggestion in self.known().items() if identity in watched
        } | dict(new)
        with self._lock:
            self._known = kept  # though it may not be written
            rows = {identity: _row(suggestion) for identity, suggestion in sorted(kept.items())}
            whole.note(self._path, json.dumps({"schema": 1, "targets": rows}, ensure_ascii=False))
            self._mark = self._seen()

    def _seen(self) -> tuple[int, ...]:
        """What tells one file from another."""
        try:
            found = os.stat(self._path)
        except OSError:
            return ()
        return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: str) -> dict[str, Suggestion]:
    try:
        with open(path, encoding="utf-8") as file:
            targets = json.load(file)["targets"]
        return {str(identity): _suggestion(row) for identity, row in targets.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return {}


def _row(suggestion: Suggestion) -> dict[str, Any]:
    row: dict[str, Any] = {
        "serial": f"{suggestion.serial:x}",
        "issuer": suggestion.issuer,
        "next_at": suggestion.next_at.isoformat(),
    }
    window, moment = suggestion.window, suggestion.moment
    if window is not None and moment is not None:
        row |= {"start": window.start.isoformat(), "end": window.end.isoformat(), "page": window.page}
        row |= {"moment": moment.isoformat(), "incident": suggestion.incident}
    if suggestion.follows:
        row["follows"] = True
    if suggestion.failures:
        row |= {"failures": suggestion.failures, "said": suggestion.said}
    return row


def _suggestion(row: dict[str, Any]) -> Suggestion:
    """Raises ValueError, TypeError or KeyError for what none is."""
    window = None
    if "start" in row:
        window = Window(aware(row["start"]), aware(row["end"]), str(row.get("page", "")))
    return Suggestion(
        int(row["serial"], 16),
        str(row["issuer"]),
        aware(row["next_at"]),
        window,
        None if window is None else aware(row["moment"]),
        row.get("incident") is True,
        row.get("follows") is True,
        int(row.get("failures", 0)),
        str(row.get("said", "")),
    )
