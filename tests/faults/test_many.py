"""Very many certificates fall due at once: few threads, the most urgent first, one reload, and no more orders than the issuer takes.

A hundred and ten by default, and a thousand with RENEWD_SWEEP=all.
"""

import faulthandler
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.daemon import memory
from renewd.daemon.service import Daemon
from renewd.planning import budget
from renewd.renewal import events
from renewd.sandbox.portal import ORDER_LIFE
from tests.clocks import FakeClock
from tests.faults import figures
from tests.faults.years import crew, frozen, most_within
from tests.world import World

WHOLE = os.environ.get("RENEWD_SWEEP") == "all"
MANY = 1000 if WHOLE else 110
CONCURRENCY = 8
HELD = 160 << 10  # bytes a certificate, of which the sandbox keeps more than renewd does
NAMES = tuple(f"n{number:04}.example" for number in range(MANY))


class Many:
    """A daemon of many certificates, the first of which end last."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.world = World(folder, clock)
        self.at_once = 0  # threads that renew
        self.ordering: list[str] = []  # names, as their orders begin
        hook = folder / "reload"
        hook.write_text(f"#!/bin/sh\necho loaded >>{folder}/reloads\n")
        hook.chmod(0o700)
        entry = {**self.world.entry("", hooks={"reload": str(hook)}), "names": list(NAMES)}
        del entry["name"]
        self.path = self.world.write(entry, schedule={"concurrency": CONCURRENCY})
        for number, name in enumerate(NAMES):
            left = timedelta(days=60) - number * timedelta(minutes=10)
            self.world.sandbox.seed(name, days_left=left / timedelta(days=1), validated=True)
        self.daemon = Daemon(self.path, self.hear, clock)
        self.daemon.tick()  # adopts them all

    def hear(self, event: events.Event) -> None:
        """Who works, and in which order."""
        self.at_once = max(self.at_once, len(crew()))
        if isinstance(event, events.Ordering):
            self.ordering.append(event.name)

    @property
    def reloads(self) -> int:
        """How often the server was told to load."""
        return len((self.world.folder / "reloads").read_text().splitlines())

    def ordered(self) -> int:
        """The most orders within the span of the issuer's limit."""
        orders = self.world.sandbox.portal.orders.values()
        return most_within(sorted(order.expires_at - ORDER_LIFE for order in orders), budget.ISSUER_SPAN)

    def pending(self) -> list[str]:
        """Who still has a certificate that ends within the days."""
        now = self.world.clock.now()
        return [
            name for name in NAMES if self.world.live(name).not_valid_after_utc - now < timedelta(days=30)
        ]


def resident() -> int:
    """Bytes of memory of this process."""
    memory.give_back()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def many(tmp_path: Path, clock: FakeClock) -> Iterator[Many]:
    """All of them live, and due."""
    if WHOLE:  # longer than a test may take that hangs
        faulthandler.cancel_dump_traceback_later()
    many = Many(tmp_path, clock)
    yield many
    many.daemon.context.close()
    many.world.close()


@pytest.mark.fault(106)
def test_many_that_are_due_at_once_are_renewed_by_few_the_most_urgent_first(many: Many, clock: FakeClock):
    clock.advance(timedelta(days=40))
    reloads, before, passes, left = many.reloads, resident(), [], MANY
    with frozen():
        while left:
            many.daemon.tick()
            passes.append(left - len(many.pending()))
            left -= passes[-1]
            wanted = [many.daemon.agenda.next_pass or clock.now(), *many.daemon.agenda.asked.values()]
            clock.advance(max(timedelta(seconds=1), min(wanted) - clock.now()))
    held = resident() - before
    figures.record(
        "due at once",
        certificates=MANY,
        threads=many.at_once,
        orders_in_three_hours=many.ordered(),
        megabytes=round(held / (1 << 20), 2),
    )
    assert many.at_once <= CONCURRENCY
    assert many.ordered() <= budget.ISSUER_ORDERS
    assert max(passes) == budget.ISSUER_ORDERS, "as many as the issuer takes in three hours go together"
    assert len(passes) <= 2 * -(-MANY // budget.ISSUER_ORDERS), "and few passes are in vain"
    assert many.reloads - reloads == len(passes) - passes.count(0), "one reload for all that share it"
    assert sorted(many.ordering) == list(NAMES), "each is ordered once"
    urgent = {name: rank for rank, name in enumerate(reversed(NAMES))}
    ahead = [urgent[name] - rank for rank, name in enumerate(many.ordering)]
    assert max(ahead) < CONCURRENCY, "nobody goes before more than work beside it"
    assert held < MANY * HELD
