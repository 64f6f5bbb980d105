"""When an issuer is left alone because several targets fail alike there: one alarm instead of one a name. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ALIKE = 5  # different targets
WITHIN = timedelta(minutes=10)
PAUSE = timedelta(minutes=15)
REACHES = timedelta(days=1)  # an outage that goes on is told once a day
_LOCAL = frozenset(
    {
        "InstallFailed",
        "HookFailed",
        "NotServed",
        "NotProvable",
        "NotPermitted",
        "NotPlaced",
        "NotPlacedYet",
        "GaveWay",
    }
)  # nothing is wrong with the issuer, or nothing new


@dataclass(frozen=True, slots=True)
class End:
    """How a try at one target came out: ended, or put down because a call failed."""

    attempt: int
    at: datetime
    identity: str
    failed: str = ""  # the kind of its failure, empty if it went well
    until: datetime | None = (
        None  # when the service said to come back: it counts calls by account, not by certificate
    )


@dataclass(frozen=True, slots=True)
class Pause:
    """The issuer is left alone until then."""

    failed: str  # what all of them failed of
    targets: int
    attempt: int  # the one that made it so many
    since: datetime
    until: datetime
    told: bool = False  # it follows on another one

    def covers(self, now: datetime) -> bool:
        """Whether it lasts at `now`; a clock that was set back does not make it longer."""
        return self.since <= now < self.until


def pause(ends: Iterable[End]) -> Pause | None:
    """The newest pause that these tries, in the order they came out, led to; it may be over."""
    line = _Line()
    for end in ends:
        line.add(end)
    return line.pause


@dataclass(slots=True)
class _Line:
    pause: Pause | None = None
    recent: dict[str, dict[str, datetime]] = field(default_factory=dict)  # kind → identity → when

    def add(self, end: End) -> None:
        over = self.pause is None or end.at >= self.pause.until
        if not end.failed:
            if over:
                self.pause = None
            return
        if end.failed in _LOCAL:
            return
        alike = self.recent.setdefault(end.failed, {})
        alike[end.identity] = end.at
        for identity in [one for one, at in alike.items() if at <= end.at - WITHIN]:
            del alike[identity]
        goes_on = self.pause is not None and self.pause.failed == end.failed
        if over and (goes_on or len(alike) >= ALIKE):
            until = max(end.at + PAUSE, end.until or end.at)
            self.pause = Pause(end.failed, len(alike), end.attempt, end.at, until, told=goes_on)
