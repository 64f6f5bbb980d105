"""Rows to values and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Row

from renewd.journal.attempt import Attempt, Failure, State, Step

LONGEST_TEXT = 4096  # of one fact of a step: a hook's output is kept for reading, not for keeping
FIELDS = frozenset(field.name for field in fields(Attempt))
_UNTOLD = ("tokens", "snapshot", "failure")  # for the machine, or told elsewhere: no step repeats them


def attempt(row: Row[Any]) -> Attempt:
    """The attempt that a row of `attempts` holds."""
    kept = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    kept["state"] = State(kept["state"])
    kept["failure"] = kept["failure"] and Failure(**kept["failure"])
    kept["owed"] = tuple(kept["owed"].split(",")) if kept["owed"] else ()
    kept["tokens"] = tuple(kept["tokens"])
    return Attempt(**kept)


def step(row: Row[Any]) -> Step:
    """The step that a row of `steps` holds."""
    return Step(row.at, row.event, row.facts)


def values(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that are fields of an attempt, as its columns hold them; others are a step's own."""
    kept = {name: value for name, value in facts.items() if name in FIELDS}
    for name, value in kept.items():
        if name == "owed":
            kept[name] = ",".join(value)
        elif name in _UNTOLD:
            kept[name] = value if value is None else plain(value)
        elif isinstance(value, Enum):
            kept[name] = value.value
    return kept


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as a step tells them: what is null or for the machine only is left out, long texts are cut."""
    return {
        name: _cut(plain(value)) for name, value in facts.items() if value is not None and name not in _UNTOLD
    }


def plain(value: Any) -> Any:
    """The value as JSON knows it; what JSON does not know becomes its text (a Secret `***`)."""
    if value is None or isinstance(value, bool | int | float) or type(value) is str:
        return value
    if isinstance(value, datetime):
        return moment(value)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return str(value)


def moment(value: datetime) -> str:
    """RFC 3339, in UTC, such as `2026-11-23T12:04:31Z`. Raises ValueError for a time without its zone."""
    if value.tzinfo is None:
        raise ValueError("a time without its zone was to be stored")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return "…" + value[1 - LONGEST_TEXT :]  # the end of a hook's output is what tells
    return value
