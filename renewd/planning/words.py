"""Spans of time and their places in the calendar, in the words people think in."""

from datetime import datetime, timedelta
from fractions import Fraction

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Below two days people count hours, below two hours minutes: "1 day" may be 47 hours, which is too coarse to plan by.
_UNITS = ((2 * _DAY, _DAY, "day"), (2 * _HOUR, _HOUR, "hour"), (2 * _MINUTE, _MINUTE, "minute"))
_SHARES = {
    Fraction(1, 2): "half",
    Fraction(1, 3): "a third",
    Fraction(2, 3): "two thirds",
    Fraction(1, 4): "a quarter",
}


def span(length: timedelta) -> str:
    """The length, without its sign, in its largest fitting unit, rounded down: `31 days`, `47 hours`, `3 minutes`."""
    seconds = abs(int(length.total_seconds()))
    for least, size, unit in _UNITS:
        if seconds >= least:
            return f"{seconds // size} {unit}s"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def short(length: timedelta) -> str:
    """The same for narrow columns: `31 d`, `47 h`, `3 min`, `20 s`."""
    number, unit = span(length).split()
    return f"{number} {'min' if unit.startswith('minute') else unit[0]}"


def until(then: datetime, now: datetime) -> str:
    """Where `then` lies as seen from `now`: `in 31 days`, `3 hours ago`, `now`."""
    length = then - now
    if abs(length) < timedelta(seconds=1):
        return "now"
    return f"in {span(length)}" if length > timedelta() else f"{span(length)} ago"


def share(part: Fraction) -> str:
    """A share of something: `a third`, `half`, `2/5`."""
    return _SHARES.get(part, str(part))


def date(then: datetime) -> str:
    """The day, in UTC: `2027-02-21`."""
    return then.strftime("%Y-%m-%d")
