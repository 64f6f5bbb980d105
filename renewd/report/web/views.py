"""What the page shows, as plain values that a template only has to write down. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from renewd.planning import words
from renewd.report import log, style, times, why
from renewd.report.known import wrong
from renewd.report.snapshot import Row

LONGEST_NAME, LONGEST_TEXT = 600, 2048  # characters
_BAD = (
    "held",
    "last try",
    "next try",
    "preflight",
    "wanted",
    "do",
    "",
)  # rows of `why` that a card has room for


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
    signs: tuple[str, ...]  # what the state does not say
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


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """Anybody's words on one line, without what a reader cannot see and without the queries of addresses."""
    return style.safe(log.without_queries(text), longest)


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
        plain(first.strip(), LONGEST_NAME),
        plain(", ".join(other.strip() for other in others), LONGEST_NAME),
        decision.state,
        tuple(_signs(row)),
        troubled,
        moment(facts.not_after, now),
        plain(row.look.problem),
        moment(decision.at, now),
        served(row, now),
    )


def _signs(row: Row) -> Iterator[str]:
    known, failed = row.known, wrong(row.look, row.known)
    if row.differs:
        yield "differs"
    if known.held:
        yield "held"
    if known.debt is not None:
        yield "owes"
    elif failed is not None:
        yield "fails"
    elif known.blocked:
        yield "blocked"


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
        return Served("differs", plain(row.differs), moment(seen.at, now))
    return Served("same", "the same", moment(seen.at, now))


def card(row: Row, now: datetime) -> Card:
    """What went wrong and what to do, as `why` says it."""
    subject = why.Subject(row.look, row.known)
    told = [(label, text) for label, text in why.rows(subject, now) if label in _BAD]
    rows = tuple((label, plain(text)) for label, text in told if label)
    command = next((text for label, text in told if not label), "")
    return Card(
        line(row, now, troubled=True),
        plain(why.headline(subject, now)),
        rows,
        plain(command),
    )
