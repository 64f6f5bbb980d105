"""No more is asked of a CA than it gives: through ninety days of faults, over restarts, and by many processes at once."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from renewd.errors import OutOfBudget
from renewd.journal import Journal, State, spent
from renewd.journal.attempt import ABANDONED, FAILED, RENEWED
from renewd.planning import budget
from renewd.planning.budget import ISSUER_ORDERS, Ask, What
from renewd.renewal import passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.faults import figures
from tests.faults.limits_worker import ISSUER
from tests.world import World

ROOT = Path(__file__).parents[2]
ALL = os.environ.get("RENEWD_SWEEP") == "all"
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
DAYS = 90
LOST_AND_ISSUED, LOST, UNSENT, REFUSED, KILLED, ISSUED = (
    "lost, issued",
    "lost",
    "unsent",
    "refused",
    "killed",
    "issued",
)


@dataclass
class Authority:
    """What Let's Encrypt allows, and what it was asked for. Nothing here knows how renewd counts."""

    certificates: dict[str, list[datetime]] = field(default_factory=dict)
    orders: dict[str, list[datetime]] = field(default_factory=dict)
    failed: dict[str, list[datetime]] = field(default_factory=dict)

    def note(self, what: dict[str, list[datetime]], name: str, at: datetime) -> None:
        what.setdefault(name, []).append(at)

    def most(self, what: dict[str, list[datetime]], span: timedelta) -> int:
        """The most of one name within any such span."""
        return max(
            (sum(at <= other < at + span for other in times) for times in what.values() for at in times),
            default=0,
        )


class Client:
    """Asks for certificates through the journal alone, day and night; what comes of each call is drawn by lot."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.clock, self.lot, self.folder = FakeClock(), random.Random(seed), str(folder)
        self.authority, self.automatic, self.refused = Authority(), {}, 0
        self.calls = 0

    def live(self, journal: Journal, name: str) -> None:
        """One attempt: an order, then up to three calls to finalize."""
        by_hand = self.lot.random() < 0.1
        fence = journal.take(name)
        attempt = journal.begin(name, name, "renewal", issuer=ISSUER, fence=fence)
        self.calls += 1
        uri = f"order/{self.calls}"
        try:
            attempt = journal.spend(
                attempt, State.ORDER_INTENT, spent.ORDERING, Ask(What.ORDER, (name,), ISSUER, by_hand=by_hand)
            )
            self.authority.note(self.authority.orders, name, self.clock.now())
            attempt = journal.move(attempt, State.READY, "order.created", order_uri=uri)
            for _ in range(3):
                ask = Ask(What.CERTIFICATE, (name,), ISSUER, by_hand=by_hand, order=uri)
                attempt = journal.spend(attempt, State.FINALIZE_INTENT, spent.FINALIZING, ask, order_uri=uri)
                came = self.lot.choice([LOST_AND_ISSUED, LOST, UNSENT, REFUSED, KILLED, ISSUED])
                if came in (LOST_AND_ISSUED, ISSUED, KILLED):
                    self.issue(name, by_hand=by_hand)
                if came in (ISSUED, LOST_AND_ISSUED, KILLED):
                    journal.end(attempt, RENEWED if came == ISSUED else ABANDONED)
                    break
                if came == REFUSED:
                    self.authority.note(self.authority.failed, name, self.clock.now())
                    attempt = journal.note(attempt, spent.PROOF_FAILED, order_uri=uri)
                    journal.end(attempt, FAILED)
                    break
                if came == UNSENT:
                    attempt = journal.note(attempt, spent.RETURNED, what=What.CERTIFICATE, order_uri=uri)
                attempt = journal.move(attempt, State.READY, "order.unchanged")
                self.clock.advance(timedelta(minutes=self.lot.randrange(1, 30)))
            else:
                journal.end(attempt, FAILED)
        except OutOfBudget as error:
            self.refused += error.until > self.clock.now()
            journal.end(attempt, FAILED)
        journal.release(name, fence)

    def issue(self, name: str, *, by_hand: bool) -> None:
        self.authority.note(self.authority.certificates, name, self.clock.now())
        if not by_hand:
            self.automatic.setdefault(name, []).append(self.clock.now())


@pytest.mark.fault(7, 8, 59)
@pytest.mark.parametrize("seed", range(8 if ALL else 1))
def test_ninety_days_of_faults_pass_no_limit(tmp_path: Path, seed: int):
    client, end = Client(tmp_path, seed), FakeClock().now() + timedelta(days=DAYS)
    names = [f"{number}.example" for number in range(3)]
    while client.clock.now() < end:
        with Journal.open(client.folder, client.clock) as journal:  # each time a new process
            for _ in range(10):
                client.live(journal, client.lot.choice(names))
                client.clock.advance(timedelta(minutes=client.lot.randrange(1, 16 * 60)))
    authority = client.authority
    most = authority.most(client.automatic, WEEK)
    figures.record(
        "days of faults against the CA's limits",
        days=DAYS,
        asked=client.calls,
        refused=client.refused,
        limits_passed=0,
    )
    assert client.refused > 50, "the limits were met at all"
    assert most <= 3, f"{most} automatic certificates of one set in a week"
    assert authority.most(authority.certificates, WEEK) <= 5
    assert authority.most(authority.failed, HOUR) <= 5
    assert authority.most(authority.orders, DAY) <= 10


FAULTS = (
    ("order", "status=503"),
    ("order", "lose-reply"),
    ("order", "status=429+7200"),
    ("finalize", "lose-reply"),
    ("finalize", "reset-after"),
    ("finalize", "status=504"),
    ("finalize", "text-400=Invalid response from http://a.example: 404"),
    ("finalize", "text-400=Something went wrong"),
    ("finalize", "expired-leaf"),
    ("certificate", "status=500"),
    ("certificate", "stale-certificate"),
    ("download", "status=500"),
)


@contextmanager
def impatient(world: World, *, by_hand: bool) -> Iterator[Context]:
    """One pass of somebody who wants a new certificate whatever is there."""
    context = world.context("a.example", by_hand=by_hand)
    yield context
    context.close()


@pytest.mark.fault(7, 8, 11, 13, 21)
def test_the_engine_itself_asked_for_more_and_more_through_faults_passes_no_limit(tmp_path: Path):
    days, lot, clock = (DAYS if ALL else 14), random.Random(7), FakeClock()
    world = World(tmp_path, clock)
    world.sandbox.seed("a.example", days_left=None, validated=True)
    end, passed, issued = clock.now() + timedelta(days=days), 0, {}
    while clock.now() < end:
        world.sandbox.faults.clear()
        if lot.random() < 0.6:
            call, fault = lot.choice(FAULTS)
            world.sandbox.fault(call, fault, lot.choice([1, 2, None]))
        with impatient(world, by_hand=False) as context:
            passes.run(context, context.loaded.targets, forced={"a.example"})
        for generation in world.sandbox.portal.holdings["a.example"].generations:
            issued[generation.order_uri] = generation.issued_at
        passed += 1
        clock.advance(timedelta(hours=lot.randrange(1, 12)))
    world.close()
    times = sorted(issued.values())
    most = max(sum(at <= other < at + WEEK for other in times) for at in times)
    figures.record("days of an impatient engine under faults", days=days, passes=passed, limits_passed=0)
    assert len(times) >= days // 7, "it was renewed at all"
    assert most <= budget.CERTIFICATES


@pytest.mark.fault(90)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_ask_at_once_do_not_pass_a_limit_together(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
):
    state = "-" if kind == "sqlite" else request.getfixturevalue("postgres").database()
    workers = 8 if ALL else 3
    each = (2 if ALL else 1.2) * ISSUER_ORDERS // workers
    command = [sys.executable, "-m", "tests.faults.limits_worker", str(tmp_path / "state"), state]
    running = [
        subprocess.Popen(
            [*command, str(number), str(int(each))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(workers)
    ]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in running:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    allowed = [int(one.communicate()[0]) for one in running]
    figures.record(
        "processes that ask at once", processes=workers, asked=int(each) * workers, limits_passed=0
    )
    assert sum(allowed) == ISSUER_ORDERS
    assert all(one.returncode == 0 for one in running)
