"""Which certificates were revoked by renewd: they are replaced at once, and never put back unless a person names one."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from renewd import whole
from renewd.clock import aware
from renewd.errors import StateUnusable

FILE = "revoked.json"


@dataclass(frozen=True, slots=True)
class Revocation:
    """When a certificate was revoked and why, and when it would have ended: until then it is remembered."""

    at: datetime
    reason: str
    not_after: datetime

    def __str__(self) -> str:
        return f"it was revoked on {self.at:%Y-%m-%d} ({self.reason})"


def known(state_directory: str) -> Mapping[int, Revocation]:
    """All of them, by serial; none of a file that is not whole."""
    try:
        with open(os.path.join(state_directory, FILE), encoding="utf-8") as file:
            rows = json.load(file)["serials"]
        return {int(serial, 16): _revocation(row) for serial, row in rows.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return {}


def remember(state_directory: str, leaf: x509.Certificate, reason: str, now: datetime) -> None:
    """It was revoked now; the first time counts. Raises StateUnusable."""
    kept = {serial: one for serial, one in known(state_directory).items() if one.not_after > now}
    kept.setdefault(leaf.serial_number, Revocation(now, reason, leaf.not_valid_after_utc))
    rows = {f"{serial:x}": _row(one) for serial, one in sorted(kept.items())}
    path = os.path.join(state_directory, FILE)
    try:
        whole.store(path, json.dumps({"schema": 1, "serials": rows}).encode())
    except OSError as error:
        raise StateUnusable(
            f"it is revoked, but that could not be noted in {path}: {error.strerror}",
            remedy="make room or mend the rights there, then revoke it again: the CA only says that it is",
        ) from error


def _row(one: Revocation) -> dict[str, str]:
    return {"at": one.at.isoformat(), "reason": one.reason, "not_after": one.not_after.isoformat()}


def _revocation(row: Mapping[str, str]) -> Revocation:
    """Raises ValueError, TypeError or KeyError for what none is."""
    return Revocation(aware(row["at"]), str(row["reason"]), aware(row["not_after"]))
