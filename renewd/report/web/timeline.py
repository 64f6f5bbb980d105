"""The coming renewals as a picture: weeks as columns, one mark a renewal, the load of each week as a number. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from renewd.report.snapshot import Row
from renewd.report.web.query import monday

WEEKS = 16
COLUMN, HEIGHT, TOP, BOTTOM = 44, 132, 20, 30  # of the picture; marks stand between TOP and HEIGHT - BOTTOM
_INSIDE = 36  # of a column, for marks
_LARGEST = 12  # a mark with the gap beside it
_TALL = HEIGHT - TOP - BOTTOM
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True, slots=True)
class Column:
    """One week, or all that comes after the last one; `marks` is the data of an SVG path."""

    monday: date | None
    label: str
    said: str
    count: int
    late: int  # of them, wanted already
    x: int
    marks: str
    late_marks: str
    scale: int  # renewals that one mark stands for


@dataclass(frozen=True, slots=True)
class Timeline:
    """All columns, and the picture's size."""

    columns: tuple[Column, ...]
    width: int
    height: int = HEIGHT

    @property
    def late(self) -> bool:
        """Whether any was wanted already."""
        return any(column.late for column in self.columns)

    @property
    def total(self) -> int:
        """Renewals in it."""
        return sum(column.count for column in self.columns)


def draw(rows: Iterable[Row], now: datetime) -> Timeline:
    """The next weeks from this one on. What is due already, or has no time, stands in the first one."""
    first = monday(now.astimezone(UTC).date())
    counts: Counter[int] = Counter()
    late = 0
    for row in rows:
        at = row.look.decision.at
        ahead = 0 if at is None or at <= now else (monday(at.astimezone(UTC).date()) - first).days // 7
        late += at is None or at <= now
        counts[min(ahead, WEEKS)] += 1
    cell, scale = _cell(max(counts.values(), default=0))
    return Timeline(tuple(_columns(first, counts, late, cell, scale)), COLUMN * (WEEKS + 1))


def _columns(first: date, counts: Counter[int], late: int, cell: int, scale: int) -> Iterator[Column]:
    for week in range(WEEKS + 1):
        count, day, x = counts[week], first + timedelta(weeks=week), week * COLUMN
        due = late if week == 0 else 0
        last = week == WEEKS
        yield Column(
            None if last else day,
            "later" if last else f"{day.day} {_MONTHS[day.month - 1]}",
            f"after {day - timedelta(days=1):%Y-%m-%d}" if last else f"week of {day:%Y-%m-%d}",
            count,
            due,
            x,
            _path(_marks(x, cell, -(-due // scale), -(-count // scale))),
            _path(_marks(x, cell, 0, -(-due // scale))),
            scale,
        )


def _cell(most: int) -> tuple[int, int]:
    """The largest mark, with the gap beside it, with which the fullest week fits; and how many renewals one stands for."""
    for cell in range(_LARGEST, 2, -1):
        room = (_INSIDE // cell) * (_TALL // cell)
        if most <= room:
            return cell, 1
    return 3, -(-most // room)


def _marks(x: int, cell: int, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Left, top and side of each mark, row by row from the bottom."""
    across = _INSIDE // cell
    left, bottom = x + (COLUMN - across * cell) // 2, HEIGHT - BOTTOM
    for number in range(begin, end):
        up, along = divmod(number, across)
        yield left + along * cell, bottom - (up + 1) * cell, cell - max(1, cell // 5)


def _path(marks: Iterable[tuple[int, int, int]]) -> str:
    return "".join(f"M{x} {y}h{side}v{side}h-{side}z" for x, y, side in marks)
