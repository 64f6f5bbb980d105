"""The simulated years with two issuers, of which the first is gone for weeks: who is asked is the product's choice."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.planning import backoff, choosing, window
from renewd.planning.backoff import Kind
from renewd.planning.choosing import Slack, Standing
from tests.faults.simulation import BEGIN, DAY, WEEK, Simulation, Spell, Watched

FIRST, SECOND = "first", "second"


@dataclass(slots=True)
class Tried:
    """How one issuer stands with one certificate since anything was obtained."""

    since: datetime | None = None
    last: datetime | None = None
    failures: int = 0
    held_until: datetime = BEGIN


class Fallback(Simulation):
    """A second issuer behind the same CA; `by` counts what each issued while the first was there, and while it was gone."""

    def __init__(self, seed: int, count: int, span: timedelta) -> None:
        super().__init__(seed, count, span)
        self._ca_down = self._spells(2 * DAY)  # of 80 hours a six-day certificate's second issuer has 60
        self._gone = self._long_spells()
        self._tried: dict[tuple[str, str], Tried] = defaultdict(Tried)
        self._issuer = FIRST
        self.by: dict[tuple[str, bool], int] = defaultdict(int)

    def _renew(self, watched: Watched, now: datetime) -> None:
        """Who is asked, and the next at once where it is the other's turn by that."""
        tried: set[str] = set()
        while True:
            choice = choosing.choose(self._standings(watched), self._slack(watched), now)
            if choice.until is not None or choice.issuer in tried:
                watched.held_until = choice.until or self._tried[watched.name, choice.issuer].held_until
                return
            tried.add(choice.issuer)
            if self._obtained(watched, now, choice.issuer):
                return

    def _obtained(self, watched: Watched, now: datetime, issuer: str) -> bool:
        self._issuer, renewed = issuer, self.tally.renewed
        gone = self._in(self._gone, now)
        if gone and issuer == FIRST:
            self._fail(watched, now, "gone")
            return False
        held_back = self.tally.held_back
        super()._renew(watched, now)
        if self.tally.held_back > held_back:  # a budget: the same for both, as the CA is
            for each in (FIRST, SECOND):
                self._tried[watched.name, each].held_until = watched.held_until
        if self.tally.renewed == renewed:
            return False
        self.by[issuer, gone] += 1
        for each in (FIRST, SECOND):
            self._tried.pop((watched.name, each), None)
        return True

    def _fail(self, watched: Watched, now: datetime, why: str) -> None:
        self.tally.failed += 1
        tried = self._tried[watched.name, self._issuer]
        tried.failures += 1
        tried.since, tried.last = tried.since or now, now
        tried.held_until = watched.held_until = backoff.next_try(
            tried.failures,
            kind=Kind.CONFIGURATION if why == "refused" else Kind.ISSUING,
            left=watched.end - now,
            life=watched.end - watched.begin,
            now=now,
            jitter=self._chance.uniform(0.75, 1.25),
        )

    def _standings(self, watched: Watched) -> list[Standing]:
        known = ((each, self._tried[watched.name, each]) for each in (FIRST, SECOND))
        return [Standing(each, one.since, one.last, held_until=one.held_until) for each, one in known]

    def _slack(self, watched: Watched) -> Slack:
        rules = watched.rules
        return Slack(watched.end, window.due_at(watched.begin, watched.end, rules.rule, rules.spread))

    def _long_spells(self) -> list[Spell]:
        """From three weeks to ten, with some between them; the last ends long before the end."""
        found, at = [], BEGIN + self._chance.uniform(5, 20) * DAY
        while at + 3 * WEEK < self._calm - 4 * WEEK:
            ends = min(at + self._chance.uniform(3, 10) * WEEK, self._calm - 4 * WEEK)
            found.append(Spell(at, ends))
            at = ends + self._chance.uniform(3, 8) * WEEK
        return found
