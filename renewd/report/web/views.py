"""What the page shows, as plain values that a template only has to write down. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from renewd.planning import words
from renewd.report import style, times, why
from renewd.report.heard import Heard
from renewd.report.history import Entry
from renewd.report.metrics import is_served
from renewd.report.snapshot import Row, Snapshot
from renewd.report.web.query import PER_PAGE, Query, monday
from renewd.report.web.timeline import Timeline, draw

FIRST = 20  # of those who need somebody, before a link to all of them
LONGEST_NAME = 600
_LATEST = datetime.max.replace(tzinfo=UTC)
_BAD = ("last try", "next try", "preflight", "wanted", "do", "")  # rows of `why` that a card has room for


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as people think of it, and exactly."""

    said: str
    exact: str
    machine: str


@dataclass(frozen=True, slots=True)
class Served:
    """What is served beside what is on disk: `kind` is same, differs, unseen or unwatched."""

    kind: str
    said: str
    at: Moment | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One certificate as a row of the table."""

    href: str
    name: str
    more: str
    state: str
    troubled: bool
    ends: Moment | None
    problem: str
    renews: Moment | None
    served: Served


@dataclass(frozen=True, slots=True)
class Card:
    """One certificate that needs somebody; `rows` are labels and texts, `command` is to be copied."""

    line: Line
    headline: str
    rows: tuple[tuple[str, str], ...]
    command: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the table."""

    lines: tuple[Line, ...]
    total: int
    first: int
    last: int
    pages: int


def moment(at: datetime | None, now: datetime) -> Moment | None:
    """None for no time."""
    if at is None:
        return None
    return Moment(words.until(at, now), f"{times.minute(at)} UTC", times.rfc3339(at) or "")


def line(row: Row, heard: Heard, now: datetime, *, troubled: bool) -> Line:
    """The row of the table."""
    facts, decision = row.look.facts, row.look.decision
    first, *others = row.name.split(",")
    return Line(
        href(row),
        style.safe(first.strip(), LONGEST_NAME),
        style.safe(", ".join(other.strip() for other in others), LONGEST_NAME),
        decision.state,
        troubled,
        moment(facts.not_after, now),
        style.safe(facts.problem or ""),
        moment(decision.at, now),
        served(row, heard, now),
    )


def href(row: Row) -> str:
    """The address of its own page."""
    return f"/certificate/{quote(row.look.target.slug, safe='')}"


def served(row: Row, heard: Heard, now: datetime) -> Served:
    """What was last seen to be served, in words."""
    if row.look.target.entry.confirm is None:
        return Served("unwatched", "nobody looks")
    seen, wrong = row.known.served, heard.not_served.get(row.name)
    if wrong is not None:
        return Served("differs", style.safe(wrong.why))
    if seen is None:
        return Served("unseen", "not seen yet")
    if is_served(row, heard):
        return Served("same", "the same", moment(seen.at, now))
    serial = str(seen.facts.get("serial") or "another certificate")
    return Served("differs", style.safe(f"another one: {serial}"), moment(seen.at, now))


def card(row: Row, heard: Heard, now: datetime) -> Card:
    """What went wrong and what to do, as `why` says it."""
    subject = why.Subject(row.look, row.known)
    told = [(label, text) for label, text in why.rows(subject, now) if label in _BAD]
    rows = tuple((label, style.safe(text, 2048)) for label, text in told if label)
    if row.held:
        rows = (("held", style.safe(row.held, 2048)), *rows)
    command = next((text for label, text in told if not label), "")
    return Card(
        line(row, heard, now, troubled=True),
        style.safe(why.headline(subject, now)),
        rows,
        style.safe(command, 2048),
    )


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


def _urgency(row: Row) -> tuple[bool, datetime, str]:
    usable = row.state in ("ok", "due")
    return usable, row.look.facts.not_after or _LATEST, row.name


def listing(summary: Summary, query: Query, heard: Heard, now: datetime) -> Listing:
    """The rows that are asked for, in the order that is asked for."""
    rows = summary.known.rows
    chosen = [row for row in rows if _wanted(row, query, summary)] if query.narrows else list(rows)
    chosen.sort(key=_KEYS[query.column], reverse=query.backwards)
    begin = (query.page - 1) * PER_PAGE
    shown = chosen[begin : begin + PER_PAGE]
    return Listing(
        tuple(line(row, heard, now, troubled=row.name in summary.names) for row in shown),
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
    "renews": lambda row: (row.look.decision.at or datetime.min.replace(tzinfo=UTC), row.name),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One attempt of the history."""

    began: Moment | None
    what: str
    outcome: str
    good: bool
    took: str
    failure: str
    remedy: str
    steps: tuple[tuple[str, str, str], ...]  # time, event, facts


_GOOD = ("renewed", "adopted", "deployed", "rolled_back")


def history(entries: Sequence[Entry], now: datetime) -> list[Told]:
    """Attempts, newest first, step by step."""
    return [_told(entry, now) for entry in entries]


def _told(entry: Entry, now: datetime) -> Told:
    attempt, steps = entry
    failure = attempt.failure
    took = timedelta() if attempt.ended_at is None else attempt.ended_at - attempt.started_at
    return Told(
        moment(attempt.started_at, now),
        style.safe(f"{attempt.kind} by {attempt.issuer}" if attempt.issuer else attempt.kind),
        (attempt.outcome or "under way").replace("_", " "),
        attempt.outcome in _GOOD,
        words.span(took) if attempt.ended_at is not None else "",
        style.safe(f"{failure.stage}: {failure.message}", 2048) if failure else "",
        style.safe(failure.remedy, 2048) if failure else "",
        tuple((times.clock(step.at), step.event, _facts(step.facts.items())) for step in steps),
    )


def _facts(facts: Iterable[tuple[str, Any]]) -> str:
    return style.safe(" ".join(f"{key}={_shown(value)}" for key, value in facts), 1024)


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
