"""A service that is away, busy, refusing or forgetful: the live files stay, one certificate at most, and it ends well."""

import itertools
import os
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.config import load
from renewd.renewal import events, passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.servers import free_port
from tests.world import World, results

NAME = "shopeneur.example"
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
WANTED = timedelta(days=80)  # what is left of a certificate that was issued just now, at least


def some(cases: Sequence[Any], every: int) -> Sequence[Any]:
    """A sample of the cases; all of them with RENEWD_SWEEP=all."""
    return cases if os.environ.get("RENEWD_SWEEP") == "all" else cases[::every]


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A certificate that is live and due; what holds it can issue the next one without a proof."""
    world = World(tmp_path, clock)
    world.sandbox.seed(NAME, days_left=80, validated=True)
    context = world.context(NAME)
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "adopted"}
    clock.advance(timedelta(days=65))
    yield world
    world.close()


class Watch:
    """Comes back whenever renewd wants to, each time as a new process would; notes when the API was called."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.began = world.clock.now()
        self.before = world.files()
        self.seen: list[str] = []
        self.orders: list[datetime] = []

    @property
    def renewed(self) -> bool:
        return self.world.live(NAME).not_valid_after_utc - self.world.clock.now() > WANTED

    @property
    def issued(self) -> int:
        return self.world.sandbox.portal.holdings[NAME].issued

    def once(self) -> None:
        """One pass, and the time goes on to when the next is wanted."""
        world, clock = self.world, self.world.clock
        orders = world.calls(NAME, "order")
        context = world.context(NAME)
        (outcome,) = passes.run(context, context.loaded.targets)
        context.close()
        self.orders += [clock.now()] * (world.calls(NAME, "order") - orders)
        self.seen.append(str(outcome.result))
        if not self.renewed:
            assert world.files() == self.before
            assert outcome.next_try_at is not None
            clock.advance(max(SECOND, outcome.next_try_at - clock.now()))

    def until_renewed(self, within: timedelta) -> timedelta:
        """How long it took."""
        while not self.renewed:
            assert self.world.clock.now() - self.began <= within, self.seen
            self.once()
        return self.world.clock.now() - self.began


def at(world: World, url: str) -> Context:
    """A context of the same configuration, whose API is elsewhere."""
    path = Path(world.write(NAME))
    path.write_text(path.read_text().replace(world.sandbox.base_url, url))
    context = Context(load.load(str(path)), clock=world.clock, emit=world.events.append)
    world._contexts.append(context)
    return context


def nothing_was_used(world: World, context: Context) -> None:
    before = world.files()
    (outcome,) = passes.run(context, context.loaded.targets)
    assert outcome.result in ("parked", "failed")
    assert outcome.next_try_at is not None
    assert world.clock.now() < outcome.next_try_at <= world.clock.now() + HOUR
    assert not world.told(events.Ordering)
    assert world.files() == before
    assert Watch(world).until_renewed(DAY) <= HOUR


@pytest.mark.fault(1)
def test_a_service_whose_name_does_not_resolve_is_asked_again_later(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **keys: Any) -> Any:
        if host == "api.rcl.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **keys)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    nothing_was_used(world, at(world, "https://api.rcl.invalid/public"))
    assert "api.rcl.invalid" in world.told(events.Waiting)[0].why


@pytest.mark.fault(2)
def test_a_service_that_refuses_to_be_connected_to_is_asked_again_later(world: World):
    nothing_was_used(world, at(world, f"http://127.0.0.1:{free_port()}/public"))
    assert "connection refused" in world.told(events.Waiting)[0].why


LATER = {  # what a busy service asks for: the least and the most that renewd then waits
    "5400": (timedelta(minutes=90), timedelta(minutes=100)),
    "{date}": (2 * HOUR, 3 * HOUR),
    "soon": (SECOND, HOUR),
    "-60": (SECOND, HOUR),
    "315360000": (DAY, DAY + HOUR),
}
BUSY = list(itertools.product(["429", "503"], ["order", "finalize"], LATER))


@pytest.mark.fault(11)
@pytest.mark.parametrize(("status", "call", "later"), some(BUSY, 3))
def test_a_busy_service_is_left_alone_as_long_as_it_asks_and_a_day_at_most(
    world: World, status: str, call: str, later: str
):
    date = (world.clock.now() + 2 * HOUR).strftime("%a, %d %b %Y %H:%M:%S GMT")
    world.sandbox.fault(call, f"status={status}+{later.format(date=date)}")
    watch = Watch(world)
    least, most = LATER[later]
    assert least <= watch.until_renewed(2 * DAY) <= most
    assert watch.issued == 1


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("status", "call"),
    [("401", "certificate"), ("403", "certificate"), ("403", "order"), ("401", "finalize")],
)
def test_a_key_that_is_refused_for_a_day_is_asked_about_hourly_at_most(world: World, status: str, call: str):
    world.sandbox.fault(call, f"status={status}", None)
    watch = Watch(world)
    refused = world.calls(NAME, call)
    while world.clock.now() - watch.began < DAY:
        watch.once()
    assert world.calls(NAME, call) - refused <= 25
    assert watch.issued == 0
    world.sandbox.faults.clear()
    watch.began = world.clock.now()
    assert watch.until_renewed(2 * DAY) <= DAY


@pytest.mark.fault(13)
@pytest.mark.parametrize("call", ["order", "finalize"])
def test_a_refusal_in_unknown_words_ends_well_once_it_stops(world: World, call: str):
    world.sandbox.fault(call, "text-400=The moon is in the wrong phase.", 4)
    watch = Watch(world)
    watch.until_renewed(3 * DAY)
    assert watch.issued == 1
    assert world.calls(NAME, "order") <= 5


@pytest.mark.fault(14)
def test_a_name_that_the_service_does_not_know_is_asked_about_daily(world: World):
    world.sandbox.fault("certificate", "status=404", None)
    watch = Watch(world)
    asked = world.calls(NAME, "certificate")
    while world.clock.now() - watch.began < 10 * DAY:
        watch.once()
    assert 9 <= world.calls(NAME, "certificate") - asked <= 12
    assert watch.orders == []
    assert "portal" in world.told(events.Failed)[0].remedy


GATEWAY = list(
    itertools.product(
        ["certificate", "order", "finalize", "download"], ["500", "502-html", "503-html", "504-html"]
    )
)


@pytest.mark.fault(15)
@pytest.mark.parametrize(("call", "status"), some(GATEWAY, 3))
def test_a_gateway_s_pages_for_an_hour_cost_no_second_certificate(world: World, call: str, status: str):
    world.sandbox.fault(call, f"status={status}", None)
    watch = Watch(world)
    while world.clock.now() - watch.began < HOUR:
        watch.once()
    world.sandbox.faults.clear()
    watch.until_renewed(4 * DAY)
    assert watch.issued == 1


@pytest.mark.fault(21)
def test_orders_that_are_invalid_from_the_start_are_made_ever_more_seldom(world: World):
    world.sandbox.fault("order", "born-invalid", None)
    watch = Watch(world)
    while world.clock.now() - watch.began < 5 * DAY:
        watch.once()
    assert max(len([at for at in watch.orders if 0 <= (at - one) / DAY < 1]) for one in watch.orders) <= 10
    assert len(watch.orders) <= 3 + 5 * 6
    assert watch.issued == 0
    world.sandbox.faults.clear()
    watch.until_renewed(7 * DAY)
    assert watch.issued == 1


@pytest.mark.fault(21)
def test_an_order_that_finalize_leaves_pending_is_looked_for_and_not_replaced_at_once(world: World):
    world.sandbox.fault("finalize", "body={}", None)
    watch = Watch(world)
    while world.clock.now() - watch.began < 4 * HOUR:
        watch.once()
    assert world.calls(NAME, "order") == 1
    assert world.calls(NAME, "finalize") <= 3
    world.sandbox.faults.clear()
    watch.until_renewed(15 * DAY)
    assert watch.issued == 1


@pytest.mark.fault(29)
@pytest.mark.parametrize("status", ["404", "410"])
def test_an_api_that_is_gone_for_all_names_is_asked_seldom_and_costs_nothing(
    tmp_path: Path, clock: FakeClock, status: str
):
    world, names = World(tmp_path, clock), [f"{letter}.example" for letter in "abcdefgh"]
    for name in names:
        world.sandbox.seed(name, days_left=None, validated=True)
    for call in ("certificate", "order", "finalize"):
        world.sandbox.fault(call, f"status={status}", None)
    began = clock.now()
    while clock.now() - began < 2 * DAY:
        context = world.context(*names)
        outcomes = passes.run(context, context.loaded.targets)
        context.close()
        later = [outcome.next_try_at for outcome in outcomes if outcome.next_try_at is not None]
        assert len(later) == len(names)
        clock.advance(max(SECOND, min(later) - clock.now()))
    assert sum(world.calls(name, "certificate") for name in names) <= 4 * len(names)
    assert sum(world.calls(name, "order") for name in names) == 0
    world.sandbox.faults.clear()
    clock.advance(DAY)
    context = world.context(*names)
    assert set(results(passes.run(context, context.loaded.targets)).values()) == {"renewed"}
    world.close()
