"""The calendar ahead: when each certificate will be renewed if all goes well, and which limit a week would meet. Pure.

A renewal is taken to happen when it is due and to give a certificate that lives as long as the one before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.planning import budget, window
from renewd.planning.decision import Rules

WEEK = timedelta(days=7)
_SOONEST = timedelta(hours=1)  # from a renewal to the next: less is a certificate that nobody can use


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of one target now. `life` is its certificate's, None if there is none to tell."""

    name: str
    issuer: str
    at: datetime  # when it is renewed next
    reason: str
    life: timedelta | None
    rules: Rules


@dataclass(frozen=True, slots=True)
class Renewal:
    """One renewal to come."""

    name: str
    issuer: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from `begin`, a Monday's first hour; `limit` says in words which limit would be met, if any."""

    begin: datetime
    renewals: tuple[Renewal, ...]
    limit: str | None


def renewals(watched: Iterable[Watched], until: datetime) -> list[Renewal]:
    """All renewals before `until`, in the order of their time."""
    found = [renewal for each in watched for renewal in _of(each, until)]
    return sorted(found, key=lambda renewal: (renewal.at, renewal.name))


def _of(watched: Watched, until: datetime) -> Iterator[Renewal]:
    at, reason = watched.at, watched.reason
    while at < until:
        yield Renewal(watched.name, watched.issuer, at, reason)
        if watched.life is None:
            return
        begin, end = at, at + watched.life
        at = max(window.due_at(begin, end, watched.rules.rule, watched.rules.spread), begin + _SOONEST)
        reason = window.in_words(watched.life, watched.rules.rule)


def weeks(coming: Sequence[Renewal], now: datetime, until: datetime) -> list[Week]:
    """Every week from the one of `now` to the one before `until`; `coming` in the order of time."""
    begin = _monday(now)
    found = []
    while begin < until:
        own = tuple(each for each in coming if begin <= each.at < begin + WEEK)
        found.append(Week(begin, own, _limit(own)))
        begin += WEEK
    return found


def _monday(moment: datetime) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())


def _limit(own: Sequence[Renewal]) -> str | None:
    """Which of the limits that renewd keeps these renewals of a week would meet."""
    by_name: dict[str, int] = {}
    by_issuer: dict[str, list[datetime]] = {}
    for each in own:
        by_name[each.name] = by_name.get(each.name, 0) + 1
        by_issuer.setdefault(each.issuer, []).append(each.at)
    for name, count in by_name.items():
        if count > budget.CERTIFICATES:
            return f"{name}: {count} certificates, and {budget.CERTIFICATES} a week are taken"
    for issuer, times in by_issuer.items():
        if (most := _most(times, budget.ISSUER_SPAN)) > budget.ISSUER_ORDERS:
            return f"{issuer}: {most} orders within three hours, and {budget.ISSUER_ORDERS} are made; the rest follow later"
    return None


def _most(times: Sequence[datetime], span: timedelta) -> int:
    """How many of the times, which are in order, lie within one span at most."""
    most, first = 0, 0
    for index, at in enumerate(times):
        while at - times[first] >= span:
            first += 1
        most = max(most, index - first + 1)
    return most
