"""A wall clock that was set: how far it jumped, and what it shows that cannot be. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.planning import words

STEP = timedelta(minutes=5)  # less is what a time service mends without anybody's noticing
MASS = 5  # a fifth of the certificates that become due at one stroke: then the stroke is looked at
MASS_LEAST = 2
HOLD = timedelta(hours=1)  # until a doubt about so many is looked at again


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks at one moment: the wall's, and the seconds since boot, which nobody sets."""

    wall: datetime
    monotonic: float


def expected(before: Reading, now: Reading) -> datetime:
    """What the wall would show now if nobody had set it since `before`; time asleep goes on in both."""
    return before.wall + timedelta(seconds=now.monotonic - before.monotonic)


def jump(before: Reading, now: Reading) -> timedelta:
    """How far the wall's clock was set forward since `before`; negative for back."""
    return now.wall - expected(before, now)


def impossible(wall: datetime, released: datetime, seen: datetime | None) -> str | None:
    """Why the wall cannot be right: it shows less than the release, or than what was `seen` and believed before."""
    if wall < released:
        return f"it shows {show(wall)}, before this renewd was released ({words.date(released)})"
    if seen is not None and wall < seen - STEP:
        return f"it shows {show(wall)}, and renewd has seen {show(seen)} before"
    return None


def too_many(newly_due: int, watched: int) -> bool:
    """Whether so many becoming due by one jump says more about the clock than about them."""
    return newly_due >= MASS_LEAST and newly_due * MASS > watched


def show(moment: datetime) -> str:
    """To the second: people compare it with another clock."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
