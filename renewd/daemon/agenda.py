"""When the daemon comes back to what: the next pass, and targets that asked for an earlier look."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from renewd.config.model import Schedule
from renewd.renewal.outcome import Outcome

TICK = timedelta(seconds=60)  # no wait is longer: a clock that was set is noticed within it


@dataclass(slots=True)
class Agenda:
    """A memory of what the journal and the facts would say anyway: losing it costs one pass."""

    schedule: Schedule
    next_pass: datetime | None = None
    asked: dict[str, datetime] = field(default_factory=dict)  # by the target's identity

    def pass_due(self, now: datetime) -> bool:
        """Whether all targets are to be looked at; so after a step of the clock back, too."""
        if self.next_pass is None or now >= self.next_pass:
            return True
        return self.next_pass - now > self.schedule.every + self.schedule.jitter

    def take(self, now: datetime) -> set[str]:
        """Targets whose own time has come; each is told once."""
        due = {identity for identity, at in self.asked.items() if at <= now}
        for identity in due:
            del self.asked[identity]
        return due

    def postpone(self, now: datetime) -> None:
        """Nothing came of it: all targets are looked at again soon."""
        self.next_pass = now + TICK

    def forget(self) -> None:
        """The clock was set: what was planned by the old one means nothing, and all targets are looked at."""
        self.next_pass = None
        self.asked.clear()

    def passed(self, now: datetime, jitter: float) -> None:
        """A pass is over; the next one comes after `every` and a `jitter` (0 to 1) share of the jitter."""
        self.next_pass = now + self.schedule.every + self.schedule.jitter * jitter

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Remember when each target wants to be looked at next."""
        for outcome in outcomes:
            if outcome.next_try_at is not None:
                self.asked[outcome.target.identity] = outcome.next_try_at

    def next_tick(self, now: datetime) -> datetime:
        """When to wake up next."""
        wanted = [at for at in (self.next_pass, *self.asked.values()) if at is not None]
        return max(now + timedelta(seconds=1), min([now + TICK, *wanted]))
