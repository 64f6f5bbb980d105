"""A whole installation that lives for years: the daemon's own tick, on a clock that only the test moves, while things go wrong.

Time goes from one moment that the daemon wants to the next; nothing is waited for. What goes wrong is drawn from a seed.
"""

import gc
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from renewd.daemon.service import Daemon
from renewd.renewal import events
from renewd.sandbox.material import SPOILS
from renewd.sandbox.portal import ORDER_LIFE
from tests.clocks import FakeClock
from tests.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = 7 * DAY
SHORT = timedelta(hours=160)  # what Let's Encrypt calls a six-day certificate
CALENDAR = (  # Let's Encrypt's: from when on which lifetime
    (datetime(2027, 2, 10, tzinfo=UTC), timedelta(days=64)),
    (datetime(2028, 2, 16, tzinfo=UTC), timedelta(days=45)),
)
CALM = 5 * DAY  # at the end nothing new goes wrong: what is owed then has to be paid

# What may befall one attempt: the call, and the sandbox's fault of it.
MISHAPS = tuple(
    (call, fault)
    for call, faults in {
        "certificate": "status=500 status=429+3600 lose-reply html-200 wrong-type truncated-json stale-certificate "
        "other-name reset-before delay=45",
        "order": "status=503 status=429+300 reset-before lose-reply reset-after truncated-json html-200 wrong-type "
        "born-invalid other-name hostile-token tokens-dns text-400 status-after=502-html",
        "finalize": "status=503 status=502-html status=429+600 reset-before lose-reply reset-after text-400 cut "
        "status-after=504-html status-after=500 truncated-json html-200 empty-200 wrong-type stale-certificate "
        "null-links only-pem only-fullchain only-pfx-string missing-chain delay-reply=120",
        "download": "links-403 swap-mid-download status=500 reset-before cut html-200 empty-200 lose-reply",
    }.items()
    for fault in faults.split()
)
COSTLY = tuple(SPOILS)  # issued and of no use: of these an attempt meets one in a week at most


@dataclass(frozen=True, slots=True)
class Spell:
    """Something that is wrong for everybody, for a time."""

    begins: datetime
    ends: datetime
    what: str  # a fault of every API call, or one of DOWN, BROKEN


DOWN, BROKEN = "server down", "check broken"
SPELLS = (  # what, and for how long at most
    ("status=503", 3 * DAY),
    ("reset-before", 3 * DAY),
    ("status=502-html", 3 * DAY),
    ("html-200", DAY),
    ("status=401", DAY / 2),
    ("status=429+7200", DAY / 2),
    (DOWN, DAY),
    (BROKEN, DAY),
)


@contextmanager
def frozen() -> Iterator[None]:
    """The daemon collects garbage after each pass, which need not go through all that a test run has in memory."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def crew() -> list[threading.Thread]:
    """The threads of this process that renew."""
    return [thread for thread in threading.enumerate() if re.fullmatch(r"renewd-\d+", thread.name)]


def spells(chance: random.Random, begins: datetime, ends: datetime) -> list[Spell]:
    """Bad times between the two moments, each followed by some days without."""
    found = []
    at = begins + chance.uniform(2, 12) * DAY
    while at < ends:
        what, most = chance.choice(SPELLS)
        end = at + most * chance.uniform(0.2, 1)
        if end < ends:
            found.append(Spell(at, end, what))
        at = end + chance.uniform(4, 20) * DAY
    return found


class Killed(BaseException):
    """What stands for SIGKILL: no handler of renewd's takes it for an error of its own."""


@dataclass
class Record:
    """What came of it."""

    expired: list[str] = field(default_factory=list)
    ticks: int = 0
    restarts: int = 0
    kills: int = 0
    mishaps: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)  # events by their class


class Years:
    """So many names under one daemon; `live` goes through all of the time."""

    def __init__(
        self, folder: Path, seed: int, names: int, *, ends: timedelta, short: int = 10, trouble: float = 0.3
    ) -> None:
        """`short` says which one in how many has certificates of six days; `trouble`, the share of attempts befallen."""
        self.clock = FakeClock()
        self.world = World(folder, self.clock)
        self.record = Record()
        self._seed, self._chance = seed, random.Random(seed)
        self._attempts: Counter[str] = Counter()
        self._trouble = trouble
        self._begun = self.clock.now() + HOUR  # until then nothing goes wrong, so that something is live
        self._ends = self.clock.now() + ends
        self.names = [f"n{number:02}.example" for number in range(names)]
        self.short = set(self.names[::short])
        self._spells = spells(self._chance, self.clock.now(), self._ends - CALM)
        self._costly: dict[str, datetime] = {}
        self._fuse = 0  # events until the daemon is killed; 0: it is not to be
        self._dead = False
        self._make_server()
        for name in self.names:
            days = SHORT / DAY if name in self.short else 90
            left = self._chance.uniform(0.5, 1) * days
            self.world.sandbox.seed(name, days_left=left, lifetime_days=days)
        self._path = self.world.write(
            *(self._entry(name) for name in self.names), schedule={"concurrency": 1}
        )
        self.daemon = self._start()

    def live(self) -> Record:
        """All the time until the end."""
        with frozen():
            while self.clock.now() < self._ends:
                self.step()
        return self.record

    def step(self) -> None:
        """A tick of the daemon, and the time until it wants the next one."""
        self._weather()
        self._tick()
        if self._chance.random() < 1 / 40:
            self._restart()
        self.clock.advance(self._next() - self.clock.now())
        self._look()

    def forget(self) -> None:
        """What the sandbox and the clock remember of long ago, which would look like a leak of renewd's."""
        portal = self.world.sandbox.portal
        for holding in portal.holdings.values():
            del holding.generations[:-3]
        for uri in list(portal.orders)[:-20]:
            del portal.orders[uri]
        self.clock.waits.clear()

    def close(self) -> None:
        """End it."""
        self.daemon.context.close()
        self.world.close()

    def issued(self, name: str) -> list[datetime]:
        """When the CA issued for a name; what was there at the start does not count."""
        return [one.issued_at for one in self.world.sandbox.portal.holdings[name].generations[1:]]

    def ordered(self, name: str) -> list[datetime]:
        """When orders were made for a name."""
        orders = self.world.sandbox.portal.orders.values()
        return sorted(order.expires_at - ORDER_LIFE for order in orders if order.name == name)

    def unpaid(self) -> dict[str, str]:
        """What is not as it should be in the end, by name: something owed or under way, or not the newest served."""
        journal = self.daemon.context.journal
        found = {attempt.name: f"owes {attempt.owed}" for attempt in journal.owed().values()}
        found |= {attempt.name: f"is in {attempt.state}" for attempt in journal.under_way()}
        for name in self.names:
            leaf = self.world.live(name)
            held = self.world.sandbox.portal.holdings[name].held
            if held is None or leaf != held.leaf:
                found.setdefault(name, "is not what the portal holds")
            if self._served(name) != leaf:
                found.setdefault(name, "is live and not served")
        return found

    # the installation

    def _make_server(self) -> None:
        """A server that loads every live certificate when told to, unless it is down; its check sees a broken setup."""
        folder = self.world.folder
        (folder / "served").mkdir()
        load = f"cd {folder}/live && for n in *; do cat $n/fullchain.pem >../served/$n.new && mv ../served/$n.new ../served/$n; done"
        for script, line in {
            "load": load,
            "reload": f"test ! -e {folder}/down && {{ {load}; }}",
            "check": f"test ! -e {folder}/broken",
        }.items():
            path = folder / script
            path.write_text(f"#!/bin/sh\n{line}\n")
            path.chmod(0o700)

    def _entry(self, name: str) -> dict[str, object]:
        number, folder = self.names.index(name), self.world.folder
        hooks: dict[str, str] = {"check": f"{folder}/check", "reload": f"{folder}/reload"}
        if number % 4 == 1:
            hooks = {"post": f"{folder}/reload"}
        return self.world.entry(name, hooks=hooks)

    def _start(self) -> Daemon:
        self._dead, self._fuse = False, 0
        daemon = Daemon(self._path, self._hear, self.clock)
        daemon.context.installer.recover()
        return daemon

    def _restart(self) -> None:
        self.record.restarts += 1
        self.daemon.stop.set()
        for thread in crew():  # a pass that was killed has left it behind
            thread.join()
        self.daemon.context.close()
        self.daemon = self._start()

    # time

    def _tick(self) -> None:
        self.record.ticks += 1
        with suppress(Killed):
            self.daemon.tick()
        if self._dead:
            self.record.kills += 1
            self._restart()
        self.world.sandbox.faults.clear()

    def _next(self) -> datetime:
        agenda, now = self.daemon.agenda, self.clock.now()
        wanted = [agenda.next_pass or now, *agenda.asked.values()]
        wanted += [at for spell in self._spells for at in (spell.begins, spell.ends) if at > now]
        return max(now + timedelta(seconds=1), min(wanted))

    def _weather(self) -> None:
        now, portal = self.clock.now(), self.world.sandbox.portal
        for begins, life in CALENDAR:
            if now >= begins:
                for name in set(self.names) - self.short:
                    portal.holdings[name].lifetime = life
        self._mark("broken", BROKEN)
        if self._mark("down", DOWN):  # it comes up again, and loads what it finds
            self._load()

    def _mark(self, mark: str, what: str) -> bool:
        """Whether this has just passed."""
        path, was = self.world.folder / mark, (self.world.folder / mark).exists()
        now_wrong = what in self._wrong()
        if now_wrong:
            path.touch()
        else:
            path.unlink(missing_ok=True)
        return was and not now_wrong

    def _wrong(self) -> set[str]:
        now = self.clock.now()
        return {spell.what for spell in self._spells if spell.begins <= now < spell.ends}

    # what befalls it

    def _hear(self, event: events.Event) -> None:
        """An event of the daemon: each attempt begins with one, and is then given what befalls it."""
        if self._dead:
            raise Killed
        self.record.told[type(event).__name__] += 1
        if isinstance(event, events.Due | events.Resumed):
            self._befall(event.name)
        if self._fuse:
            self._fuse -= 1
            if not self._fuse:
                self._dead = True
                self.daemon.stop.set()
                raise Killed

    def _befall(self, name: str) -> None:
        faults, now = self.world.sandbox.faults, self.clock.now()
        self._attempts[name] += 1
        chance = random.Random(f"{self._seed} {name} {self._attempts[name]}")
        faults.clear()
        for what in self._wrong() - {DOWN, BROKEN}:
            for call in ("certificate", "order", "finalize", "download"):
                faults.add(call, what, None)
        if not self._begun < now < self._ends - CALM or chance.random() > self._trouble:
            return
        if chance.random() < 0.1:
            self._fuse = chance.randint(1, 12)
        elif chance.random() < 0.1 and now - self._costly.get(name, now - WEEK) >= WEEK:
            self._costly[name] = now
            self._arm("finalize", chance.choice(COSTLY), 1)
        else:
            self._arm(*chance.choice(MISHAPS), chance.choice((1, 1, 1, 2, 3)))

    def _arm(self, call: str, fault: str, times: int) -> None:
        self.record.mishaps[f"{call}:{fault}"] += 1
        self.world.sandbox.faults.add(call, fault, times)

    # what is seen of it from outside

    def _load(self) -> None:
        for name in self.names:
            live = self.world.folder / "live" / name / "fullchain.pem"
            (self.world.folder / "served" / name).write_bytes(live.read_bytes())

    def _served(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.world.folder / "served" / name).read_bytes())

    def _look(self) -> None:
        """Whether anything that is live or served has expired before the daemon came back to it."""
        now = self.clock.now()
        for name in self.names:
            ends = {"live": self.world.live(name).not_valid_after_utc}
            if DOWN not in self._wrong():
                ends["served"] = self._served(name).not_valid_after_utc
            for where, end in ends.items():
                if end <= now:
                    self.record.expired.append(f"{now:%F %R} {name} {where} since {end:%F %R}")


def most_within(moments: Sequence[datetime], span: timedelta) -> int:
    """The most of these moments, in order, that lie within one such span."""
    return max((_within(moments[index:], span) for index in range(len(moments))), default=0)


def _within(moments: Sequence[datetime], span: timedelta) -> int:
    return sum(1 for moment in moments if moment - moments[0] < span)
