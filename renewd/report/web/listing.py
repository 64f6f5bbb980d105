"""Which certificates are shown, in what order, page by page. Pure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from renewd.report.snapshot import UNUSABLE, Row, Snapshot
from renewd.report.web.query import PER_PAGE, Query, monday
from renewd.report.web.timeline import Timeline, draw
from renewd.report.web.views import Line, line

FIRST = 10  # of those who need somebody, before a link to all of them
_LATEST = datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is the same for every reader of one snapshot; `troubled` has the most urgent first."""

    known: Snapshot
    troubled: tuple[Row, ...]
    names: frozenset[str]  # of the troubled
    counts: Counter[str]
    timeline: Timeline

    @classmethod
    def of(cls, known: Snapshot) -> "Summary":
        """Made once for a snapshot."""
        troubled = tuple(sorted((row for row in known.rows if row.troubled(known.at)), key=_urgency))
        counts = Counter(row.state for row in known.rows)
        names = frozenset(row.name for row in troubled)
        return cls(known, troubled, names, counts, draw(known.rows, known.at))


def _urgency(row: Row) -> tuple[int, datetime, str]:
    """What cannot be used, then what is not even served, then the rest; what ends first before the others."""
    if row.state in UNUSABLE:
        return 0, row.look.facts.not_after or _LATEST, row.name
    if row.differs:
        return 1, row.served_until or _EARLIEST, row.name
    return 2, row.look.facts.not_after or _LATEST, row.name


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the table."""

    lines: tuple[Line, ...]
    total: int
    first: int
    last: int
    pages: int


def listing(summary: Summary, query: Query, now: datetime) -> Listing:
    """The rows that are asked for, in the order that is asked for."""
    rows = summary.known.rows
    chosen = [row for row in rows if _wanted(row, query, summary)] if query.narrows else list(rows)
    chosen.sort(key=_KEYS[query.column], reverse=query.backwards)
    begin = (query.page - 1) * PER_PAGE
    shown = chosen[begin : begin + PER_PAGE]
    return Listing(
        tuple(line(row, now, troubled=row.name in summary.names) for row in shown),
        len(chosen),
        begin + 1 if shown else 0,
        begin + len(shown),
        max(1, -(-len(chosen) // PER_PAGE)),
    )


def _wanted(row: Row, query: Query, summary: Summary) -> bool:
    if query.q and query.q.lower() not in row.name.lower():
        return False
    if query.week and not _in_week(row, query, summary.known.at):
        return False
    if query.state == "trouble":
        return row.name in summary.names
    return query.state in ("", row.state)


def _in_week(row: Row, query: Query, now: datetime) -> bool:
    """Whether it stands in that column of the timeline: what is due already stands in this week's."""
    at = row.look.decision.at
    at = now if at is None or at < now else at
    return monday(at.astimezone(UTC).date()) == query.monday


_KEYS: dict[str, Callable[[Row], Any]] = {
    "name": lambda row: row.name,
    "state": lambda row: (("invalid", "missing", "expired", "due", "ok").index(row.state), row.name),
    "expires": lambda row: (row.look.facts.not_after or _LATEST, row.name),
    "renews": lambda row: (row.look.decision.at or _EARLIEST, row.name),
}
