"""What the page shows, as plain values that a template only has to write down. Pure."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from renewd.planning import words
from renewd.report import style, times, why
from renewd.report.snapshot import Row

LONGEST_NAME = 600
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


def moment(at: datetime | None, now: datetime) -> Moment | None:
    """None for no time."""
    if at is None:
        return None
    return Moment(words.until(at, now), f"{times.minute(at)} UTC", times.rfc3339(at) or "")


def line(row: Row, now: datetime, *, troubled: bool) -> Line:
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
        served(row, now),
    )


def href(row: Row) -> str:
    """The address of its own page."""
    return f"/certificate/{quote(row.look.target.slug, safe='')}"


def served(row: Row, now: datetime) -> Served:
    """What was last seen to be served, in words."""
    seen = row.known.served
    if not row.watched:
        return Served("unwatched", "nobody looks")
    if seen is None:
        return Served("unseen", "not seen yet")
    if row.differs:
        return Served("differs", style.safe(row.differs), moment(seen.at, now))
    return Served("same", "the same", moment(seen.at, now))


def card(row: Row, now: datetime) -> Card:
    """What went wrong and what to do, as `why` says it."""
    subject = why.Subject(row.look, row.known)
    told = [(label, text) for label, text in why.rows(subject, now) if label in _BAD]
    rows = tuple((label, style.safe(text, 2048)) for label, text in told if label)
    if row.held:
        rows = (("held", style.safe(row.held, 2048)), *rows)
    command = next((text for label, text in told if not label), "")
    return Card(
        line(row, now, troubled=True),
        style.safe(why.headline(subject, now)),
        rows,
        style.safe(command, 2048),
    )
