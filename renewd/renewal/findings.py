"""What preflights find: the newest findings are kept in one small file beside the journal: lost, they are looked for again."""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from renewd.clock import aware
from renewd.renewal import notes

Level = Literal["ok", "warns", "blocks"]

FILE = "preflight.json"
_VARIES = re.compile(r"[0-9a-f]{8,}|\d+")  # of the same trouble, tokens and numbers differ each time


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what is so, and what to do where it is not well; `passing` may be otherwise in an hour."""

    name: str
    level: Level
    what: str
    remedy: str = ""
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Newest:
    """What was found at last, without what is well; `said` is the mark of what was told last, and empty for nothing."""

    at: datetime
    findings: tuple[Finding, ...] = ()
    said: str = ""
    said_at: datetime | None = None

    @property
    def blocks(self) -> bool:
        """Whether any of it would stop a renewal."""
        return any(finding.level == "blocks" for finding in self.findings)


def of(found: Sequence[Finding], at: datetime, before: Newest | None) -> Newest:
    """The newest findings from a look at `at`; what was told before is remembered."""
    kept = tuple(finding for finding in found if finding.level != "ok")
    return Newest(at, kept, before.said if before else "", before.said_at if before else None)


def mark(found: Sequence[Finding]) -> str:
    """What makes findings the same ones as before; empty if all is well."""
    return " | ".join(_VARIES.sub("#", f"{each.level} {each.what}") for each in found if each.level != "ok")


def read(state_directory: str) -> dict[str, Newest]:
    """The newest findings by the targets' identities; none that is not whole."""
    found = {}
    for identity, row in notes.read(state_directory, FILE).items():
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            found[identity] = _newest(row)
    return found


def keep(state_directory: str, found: Mapping[str, Newest], watched: Collection[str]) -> None:
    """Write these over what was kept of them, and forget what is not watched. A full disk costs this alone."""
    rows = {identity: _row(newest) for identity, newest in found.items()}
    notes.keep(state_directory, FILE, rows, watched)


def _row(newest: Newest) -> dict[str, Any]:
    row: dict[str, Any] = {"at": newest.at.isoformat()}
    if newest.findings:
        row["findings"] = [
            {"name": each.name, "level": each.level, "what": each.what, "remedy": each.remedy}
            for each in newest.findings
        ]
    if newest.said and newest.said_at is not None:
        row |= {"said": newest.said, "said_at": newest.said_at.isoformat()}
    return row


def _newest(row: dict[str, Any]) -> Newest:
    said_at = row.get("said_at")
    return Newest(
        aware(row["at"]),
        tuple(Finding(**each) for each in row.get("findings", ())),
        str(row.get("said", "")),
        None if said_at is None else aware(said_at),
    )
