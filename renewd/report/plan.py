"""The calendar ahead as a chart on a terminal, and as a JSON document."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

from renewd.planning.ahead import Renewal, Week
from renewd.report import style, times

_BAR = 20  # characters of the fullest week
_MARK = "#"
_HEAD = f"{'week of':<10} {'count':>5}"


def document(coming: Sequence[Renewal], weeks: Sequence[Week]) -> dict[str, Any]:
    """What `plan --json` prints."""
    return {
        "renewals": [
            {"name": each.name, "at": times.rfc3339(each.at), "reason": each.reason, "issuer": each.issuer}
            for each in coming
        ],
        "weeks": [
            {"from": times.rfc3339(week.begin), "renewals": len(week.renewals), "limit": week.limit}
            for week in weeks
        ],
    }


def text(weeks: Sequence[Week], now: datetime, stream: TextIO) -> str:
    """A line a week, with a bar as long as it is full, and the names as far as they fit."""
    colour = style.wants_colour(stream)
    fullest = max((len(week.renewals) for week in weeks), default=0)
    lines = [_line(week, fullest, colour) for week in weeks]
    return "".join(f"{line}\n" for line in [*([_HEAD] if weeks else []), *lines, _sum(weeks, now)])


def _line(week: Week, fullest: int, colour: bool) -> str:
    count = len(week.renewals)
    bar = _MARK * -(-count * _BAR // fullest) if count else ""
    head = f"{week.begin:%Y-%m-%d} {count or '':>5} "
    told = f"{bar:<{_BAR}} "
    room = style.WIDTH - len(head) - len(told)
    names = style.safe(", ".join(dict.fromkeys(each.name for each in week.renewals)), room)
    line = head + style.paint(told, "yellow" if week.limit else "green", colour) + names
    if week.limit:
        line += "\n" + " " * len(head) + style.paint(f"limit: {style.safe(week.limit)}", "yellow", colour)
    return line.rstrip()


def _sum(weeks: Sequence[Week], now: datetime) -> str:
    count = sum(len(week.renewals) for week in weeks)
    overdue = sum(each.at <= now for week in weeks for each in week.renewals)
    full = sum(week.limit is not None for week in weeks)
    said = [f"{count} renewals in {len(weeks)} weeks"]
    if overdue:
        said.append(f"{overdue} due now")
    said.append(f"{full} weeks meet a limit" if full else "no week meets a limit")
    return " · ".join(said)
