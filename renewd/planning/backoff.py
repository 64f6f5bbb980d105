"""When to try again: pure tables, by what went wrong and how often; jitter is handed in as a factor."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Kind(StrEnum):
    """What an attempt failed of, as far as it matters for the next one."""

    ISSUING = "issuing"  # anything that may go better next time
    THROTTLED = "throttled"  # the service said when to come back
    CONFIGURATION = "configuration"  # a person is needed first; looked at daily
    KEY = "key"  # the API key is not taken; probed hourly
    UNRESOLVED = "unresolved"  # a certificate may have been issued: it is looked for


class Debt(StrEnum):
    """What is owed after something was issued."""

    ROLLED_BACK = "rolled_back"  # a good version waits to go live
    HOOK = "hook"  # the files are live, a command for them failed


_KINDS = {
    "KeyRejected": Kind.KEY,
    "Declined": Kind.CONFIGURATION,
    "NotPermitted": Kind.CONFIGURATION,
    "NotInSubscription": Kind.CONFIGURATION,
    "NotProvable": Kind.CONFIGURATION,
    "MaterialRefused": Kind.CONFIGURATION,
    "Throttled": Kind.THROTTLED,
    "Unresolved": Kind.UNRESOLVED,
}
_STEPS = {
    Kind.ISSUING: (_MINUTE, 10 * _MINUTE, 100 * _MINUTE, _DAY),  # Let's Encrypt's own advice
    Kind.THROTTLED: (_MINUTE, 10 * _MINUTE, 100 * _MINUTE, _DAY),
    Kind.CONFIGURATION: (_DAY,),
    Kind.KEY: (_HOUR,),
    Kind.UNRESOLVED: (30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, _DAY),
}
_BY_SLACK = frozenset({Kind.ISSUING, Kind.THROTTLED, Kind.UNRESOLVED})
_DEBTS = {
    Debt.ROLLED_BACK: (_HOUR, 6 * _HOUR, _DAY),
    Debt.HOOK: (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR),
}
LONGEST = _DAY  # no service may send us away for longer
TRIES_IN_SLACK = 12  # at least so many before there is no time left to renew
FLOOR, FLOOR_SHARE = _HOUR, 48  # but no oftener than this, or than this share of a life that is very short
URGENT_PAUSE = 4 * _HOUR
URGENT_LEFT = 2 * _DAY
URGENT_SHARE = 10  # urgent too: less than a tenth of the lifetime is left
LITTLE_SHARE = 4  # little is less than a quarter of it

READ_PAUSE, READ_PAUSE_MOST = timedelta(seconds=5), 5 * _MINUTE
READS_WITHIN = 15 * _MINUTE  # then repeating a call that only reads is given up for this attempt

_LOOKS = (15, 30, 60, 120, 300, 600, 1200)  # seconds after a request whose reply was lost
_LOOK_EVERY, LOOKS_WITHIN = 30 * _MINUTE, 4 * _HOUR


@dataclass(frozen=True, slots=True)
class Remaining:
    """What time there is until the running certificate ends."""

    left: timedelta
    life: timedelta

    @property
    def little(self) -> bool:
        """Whether it is too little to go on waiting for what may never come."""
        return self.left * LITTLE_SHARE < self.life


def kind_of(error: str) -> Kind:
    """The kind of a failure by the name of its error class, which is what the journal keeps."""
    return _KINDS.get(error, Kind.ISSUING)


def urgent(left: timedelta | None, life: timedelta | None) -> bool:
    """True if the running certificate ends within two days or a tenth of its life; nothing running is urgent too."""
    if left is None:
        return True
    return left < URGENT_LEFT or (life is not None and left * URGENT_SHARE < life)


def next_try(  # noqa: PLR0913 - plain values, each named at the call
    failures: int,
    *,
    kind: Kind,
    left: timedelta | None,
    life: timedelta | None,
    now: datetime,
    taking: timedelta = timedelta(),
    retry_after: timedelta | None = None,
    jitter: float = 1.0,
) -> datetime:
    """When to try again after this many failures in a row (1 or more).

    `left` and `life` are those of the running certificate, None where there is none; `taking` is how long a renewal
    has been taking: a pause is at most a twelfth of the slack between the two. `jitter` is a factor around 1.
    What the service asked for is a floor, and the first time it throttles all that is waited.
    """
    floor = min(max(retry_after or timedelta(), timedelta()), LONGEST)
    if kind is Kind.THROTTLED and failures <= 1 and floor:
        return now + floor
    own = _step(_STEPS[kind], failures)
    if kind is Kind.CONFIGURATION:
        jitter = max(jitter, 1.0)  # at least a day, for all
    if kind in _BY_SLACK:
        own = min(own, _longest(left, life, taking))
    return now + max(own * jitter, floor)


def _longest(left: timedelta | None, life: timedelta | None, taking: timedelta) -> timedelta:
    """The longest pause that the slack allows."""
    if left is None:
        return URGENT_PAUSE
    floor = FLOOR if life is None else min(FLOOR, life / FLOOR_SHARE)
    longest = max((left - taking) / TRIES_IN_SLACK, floor)
    return min(longest, URGENT_PAUSE) if urgent(left, life) else longest


def debt_try(failures: int, now: datetime, kind: Debt) -> datetime:
    """When a debt that failed this many times (1 or more) is tried again."""
    return now + _step(_DEBTS[kind], failures)


def reads_pause(failures: int, *, retry_after: timedelta | None = None, jitter: float = 1.0) -> timedelta:
    """The pause before a read is repeated that failed this many times (1 or more); full jitter: a factor from 0 to 1."""
    own = min(READ_PAUSE * (1 << min(failures - 1, 10)), READ_PAUSE_MOST) * jitter
    return max(own, min(retry_after or timedelta(), LONGEST))


def next_look(sent_at: datetime, now: datetime) -> datetime | None:
    """When to ask again what a request did whose reply was lost; None after four hours."""
    since = now - sent_at
    for seconds in _LOOKS:
        if since < timedelta(seconds=seconds):
            return sent_at + timedelta(seconds=seconds)
    last = timedelta(seconds=_LOOKS[-1])
    look = last + ((since - last) // _LOOK_EVERY + 1) * _LOOK_EVERY
    if since >= LOOKS_WITHIN:
        return None
    return sent_at + min(look, LOOKS_WITHIN)


def _step(steps: tuple[timedelta, ...], failures: int) -> timedelta:
    return steps[min(max(failures, 1), len(steps)) - 1]
