"""When each certificate is looked at again before anything is wrong: once a week, each at its own moment. Pure."""

from datetime import UTC, datetime, timedelta

WEEK, DAY = timedelta(days=7), timedelta(days=1)
_MONDAY = datetime(2001, 1, 1, tzinfo=UTC)


def next_look(last: datetime | None, *, spread: float, troubled: bool, now: datetime) -> datetime:
    """When a target that was looked at `last` has its next turn: now if never, and a day later if all was not well.

    `spread` (0 to 1) is its moment in the week. A look in the future, by a clock that was wrong, is none.
    """
    if last is None or last > now:
        return now
    if troubled:
        return last + DAY
    first = _MONDAY + WEEK * spread
    return first + ((last - first) // WEEK + 1) * WEEK
