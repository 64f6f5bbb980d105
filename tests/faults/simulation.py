"""A thousand certificates over years, in memory: renewd's own decisions, on a calendar instead of a clock.

What decides is the product's (window, decision, back-off, budget); the CA, the journal and the servers are a few
numbers each. Time goes from one moment that somebody wants to the next.
"""

import heapq
import random
from bisect import bisect_right
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from renewd.certs.facts import Facts
from renewd.config.units import RenewBefore
from renewd.planning import backoff, budget, decision, window
from renewd.planning.backoff import Debt, Kind
from renewd.planning.budget import Ask, Spent, What
from renewd.planning.decision import Rules

BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
SHORT = timedelta(hours=160)  # what Let's Encrypt calls a six-day certificate
BACKDATED = HOUR
CALENDAR = (  # Let's Encrypt's: from when on which lifetime
    (BEGIN, timedelta(days=90)),
    (datetime(2027, 2, 10, tzinfo=UTC), timedelta(days=64)),
    (datetime(2028, 2, 16, tzinfo=UTC), timedelta(days=45)),
)
LOOK = 12 * HOUR  # from pass to pass
CA_LIMIT = 5  # certificates for one set in a week: Let's Encrypt's, which no client may pass
ISSUER_ORDERS, ISSUER_SPAN = 300, 3 * HOUR  # Let's Encrypt's too
RULE = RenewBefore()
IN_A_ROW = 4  # certificates of no use, at most, for one name in ten


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which something is wrong for everybody."""

    begins: datetime
    ends: datetime


@dataclass(slots=True)
class Watched:
    """One certificate as renewd and the CA know it."""

    name: str
    short: bool
    rules: Rules
    begin: datetime  # of what is live
    end: datetime
    failures: int = 0
    held_until: datetime = BEGIN
    debt: Debt | None = None
    debts: int = 0  # times in a row that paying it failed
    debt_at: datetime = BEGIN
    wrong: int = 0  # so many of the next to be issued are of no use
    waiting: tuple[datetime, datetime] | None = None  # accepted, not live
    spent: deque[Spent] = field(default_factory=deque)
    issued: deque[datetime] = field(default_factory=deque)  # what the CA counts


@dataclass(slots=True)
class Tally:
    """What came of it."""

    looks: int = 0
    renewed: int = 0
    failed: int = 0
    held_back: int = 0  # by a budget
    refused_by_ca: list[str] = field(default_factory=list)
    most_in_a_week: int = 0
    most_orders: int = 0  # of all in three hours
    expired: list[str] = field(default_factory=list)
    unpaid: list[str] = field(default_factory=list)
    mishaps: Counter[str] = field(default_factory=Counter)


class Simulation:
    """`count` certificates under one account; every tenth lives six days. All of it follows from the seed."""

    def __init__(self, seed: int, count: int, span: timedelta) -> None:
        self._chance = random.Random(seed)
        self._end = BEGIN + span
        self._calm = self._end - 5 * DAY  # then nothing new goes wrong: what is owed has to be paid
        self._ca_down = self._spells(3 * DAY)
        self._server_down = self._spells(DAY)
        self._restarts = [spell.ends for spell in self._spells(DAY)]  # each looks at everything at once
        self._orders: deque[Spent] = deque()  # of all, as far back as a limit reaches
        self.tally = Tally()
        self._watched = [self._seeded(number) for number in range(count)]

    def run(self) -> Tally:
        """Until the end of the span."""
        queue = [(BEGIN + self._chance.random() * LOOK, number) for number in range(len(self._watched))]
        heapq.heapify(queue)
        while queue:
            now, number = heapq.heappop(queue)
            watched = self._watched[number]
            if watched.end <= now:
                self.tally.expired.append(f"{watched.name} at {watched.end:%F %R}, seen at {now:%F %R}")
            if now >= self._end:
                self._account(watched)
                continue
            self.tally.looks += 1
            self._look(watched, now)
            wanted = [at for at in (watched.held_until, watched.debt_at) if at > now]
            wanted += self._restarts[(later := bisect_right(self._restarts, now)) : later + 1]
            heapq.heappush(queue, (min([now + LOOK, *wanted, self._end]), number))
        return self.tally

    # renewd's part

    def _look(self, watched: Watched, now: datetime) -> None:
        """What a pass does for one certificate: pay what is owed, renew what is due."""
        if watched.debt is not None and now >= watched.debt_at:
            self._deploy(watched, now)
        begin, end = watched.waiting or (watched.begin, watched.end)
        facts = Facts(watched.name, "present", domains=watched.rules.domains, not_before=begin, not_after=end)
        if decision.decide(facts, watched.rules, now).due and now >= watched.held_until:
            self._renew(watched, now)

    def _renew(self, watched: Watched, now: datetime) -> None:
        domains = watched.rules.domains
        self._forget(watched, now)
        others = [one for one in self._orders if one.domains != domains]
        refused = budget.refusal([*watched.spent, *others], Ask(What.ORDER, domains, "ca"), now)
        if refused is not None:
            self.tally.held_back += 1
            watched.held_until = refused.until
            return
        if self._in(self._ca_down, now):  # it is asked what it holds before anything is ordered
            self._fail(watched, now, "down")
            return
        order = Spent(now, What.ORDER, domains, "ca")
        watched.spent.append(order)
        self._orders.append(order)
        self._limit_orders(now)
        if self._mishap(now, "order", 0.05):
            self._fail(watched, now, "order failed")
            return
        certificate = Spent(now, What.CERTIFICATE, domains, "ca", f"{now}")
        watched.spent.append(certificate)
        failed = self._finalize(watched, now)
        if failed is None:
            watched.failures = 0
            self.tally.renewed += 1
            self._deploy(watched, now)
        else:
            if failed == "nothing issued":
                watched.spent.remove(certificate)
            self._fail(watched, now, failed)

    def _fail(self, watched: Watched, now: datetime, why: str) -> None:
        self.tally.failed += 1
        watched.failures += 1
        watched.held_until = backoff.next_try(
            watched.failures,
            kind=Kind.CONFIGURATION if why == "refused" else Kind.ISSUING,
            left=watched.end - now,
            life=watched.end - watched.begin,
            now=now,
            jitter=self._chance.uniform(0.75, 1.25),
        )

    def _deploy(self, watched: Watched, now: datetime) -> None:
        """Let it go live; with the server down the old one stays while it has a day left, and otherwise a hook is owed."""
        if not self._in(self._server_down, now) and not self._mishap(now, "hook", 0.05):
            if watched.waiting is not None:
                watched.begin, watched.end = watched.waiting
            watched.waiting, watched.debt, watched.debts = None, None, 0
            return
        if watched.waiting is not None and watched.end - now < DAY:
            (watched.begin, watched.end), watched.waiting = watched.waiting, None
        kind = Debt.HOOK if watched.waiting is None else Debt.ROLLED_BACK
        watched.debts += 1
        watched.debt, watched.debt_at = kind, backoff.debt_try(watched.debts, now, kind)

    # the CA's part

    def _finalize(self, watched: Watched, now: datetime) -> str | None:
        """None if a good certificate was issued; why not otherwise, where `refused` was issued and is of no use."""
        if self._mishap(now, "finalize", 0.05):
            return "nothing issued"
        while watched.issued and watched.issued[0] <= now - WEEK:
            watched.issued.popleft()
        if len(watched.issued) >= CA_LIMIT:
            self.tally.refused_by_ca.append(f"{watched.name} at {now:%F %R}: too many certificates")
            return "nothing issued"
        watched.issued.append(now)
        self.tally.most_in_a_week = max(self.tally.most_in_a_week, len(watched.issued))
        if self._wrong(watched, now):
            return "refused"
        begin = now - BACKDATED
        watched.waiting = (begin, begin + self._life(watched, now))
        return None

    def _wrong(self, watched: Watched, now: datetime) -> bool:
        """Whether what is issued is of no use. Some have it so several times in a row; a six-day one would have no time."""
        if watched.wrong:
            watched.wrong -= 1
            return True
        if watched.short or now >= self._calm:
            return False
        if watched.name[4] != "3":
            return self._mishap(now, "material", 0.01)
        watched.wrong = self._chance.randint(0, IN_A_ROW)
        return False

    def _limit_orders(self, now: datetime) -> None:
        self.tally.most_orders = max(self.tally.most_orders, len(self._orders))
        if len(self._orders) > ISSUER_ORDERS:
            self.tally.refused_by_ca.append(f"{now:%F %R}: too many orders")

    # what is known

    def _account(self, watched: Watched) -> None:
        if watched.debt is not None or watched.waiting is not None:
            self.tally.unpaid.append(f"{watched.name}: {watched.debt} until {watched.debt_at:%F %R}")

    def _forget(self, watched: Watched, now: datetime) -> None:
        while watched.spent and watched.spent[0].at <= now - budget.REACHES:
            watched.spent.popleft()
        while self._orders and self._orders[0].at <= now - ISSUER_SPAN:
            self._orders.popleft()

    def _seeded(self, number: int) -> Watched:
        name, short = f"n{number:04}.example", number % 10 == 0
        life = SHORT if short else CALENDAR[0][1]
        begin = BEGIN - life * self._chance.uniform(0, 0.5)
        rules = Rules(RULE, (name,), window.spread_of(name, "host"))
        return Watched(name, short, rules, begin, begin + life)

    def _life(self, watched: Watched, now: datetime) -> timedelta:
        if watched.short:
            return SHORT
        return CALENDAR[bisect_right(CALENDAR, now, key=lambda entry: entry[0]) - 1][1]

    def _mishap(self, now: datetime, what: str, share: float) -> bool:
        if now >= self._calm or self._chance.random() >= share:
            return False
        self.tally.mishaps[what] += 1
        return True

    def _spells(self, longest: timedelta) -> list[Spell]:
        found, at = [], BEGIN + self._chance.uniform(5, 30) * DAY
        while at + longest < self._calm:
            found.append(Spell(at, at + longest * self._chance.uniform(0.3, 1)))
            at += self._chance.uniform(20, 60) * DAY
        return found

    @staticmethod
    def _in(spells: list[Spell], now: datetime) -> bool:
        at = bisect_right(spells, now, key=lambda spell: spell.begins)
        return at > 0 and now < spells[at - 1].ends
