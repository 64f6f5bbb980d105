"""What systemd hears of the daemon: a socket stands for it."""

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.daemon import events as own
from renewd.daemon.service import Daemon
from renewd.daemon.systemd import BUSY, IDLE, Supervisor
from renewd.renewal import events
from renewd.renewal.outcome import Outcome, Result
from tests.clocks import FakeClock
from tests.world import World

A = "a.example"


class Systemd:
    """Its end of the socket."""

    def __init__(self, address: str) -> None:
        self._receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.bind("\0" + address[1:] if address.startswith("@") else address)
        self._receiver.setblocking(False)

    def heard(self) -> list[dict[str, str]]:
        """All messages since the last look."""
        found = []
        while True:
            try:
                text = self._receiver.recv(65536).decode()
            except BlockingIOError:
                return found
            found.append(dict(line.split("=", 1) for line in text.split("\n")))

    def close(self) -> None:
        self._receiver.close()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def systemd(address: str) -> Iterator[Systemd]:
    systemd = Systemd(address)
    yield systemd
    systemd.close()


@pytest.fixture
def supervisor(clock: FakeClock, address: str, systemd: Systemd) -> Supervisor:
    return Supervisor(clock, address, watchdog=60.0)


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    yield world
    world.close()


def test_what_the_unit_says_is_taken_out_of_the_environment(clock: FakeClock, systemd, address):
    environment = {
        "NOTIFY_SOCKET": address,
        "WATCHDOG_USEC": "300000000",
        "WATCHDOG_PID": str(os.getpid()),
        "X": "y",
    }
    supervisor = Supervisor.of(environment, clock)
    assert environment == {"X": "y"}
    supervisor.ready()
    supervisor.feed()
    assert [*systemd.heard()[1]] == ["WATCHDOG"]
    assert supervisor.patience(1000) == 150


@pytest.mark.parametrize(
    "environment", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}]
)
def test_without_a_watchdog_of_ours_nothing_is_fed(clock: FakeClock, systemd, address, environment):
    supervisor = Supervisor.of({"NOTIFY_SOCKET": address, **environment}, clock)
    supervisor.feed()
    assert systemd.heard() == []
    assert supervisor.patience(60.0) == 60.0


def test_without_systemd_telling_does_nothing(clock: FakeClock):
    supervisor = Supervisor.of({}, clock)
    supervisor.ready()
    supervisor.feed()


def test_a_socket_that_is_gone_stops_nothing(clock: FakeClock, tmp_path: Path):
    Supervisor(clock, str(tmp_path / "none")).ready()


def test_an_abstract_socket_is_one_too(clock: FakeClock):
    address = f"@renewd-{os.urandom(8).hex()}"
    systemd = Systemd(address)
    Supervisor(clock, address).ready()
    assert systemd.heard()[0]["READY"] == "1"
    systemd.close()


def test_a_tick_that_ends_well_feeds_and_one_that_fails_starves(supervisor: Supervisor, clock: FakeClock):
    supervisor.began()
    supervisor.ended()
    clock.advance(IDLE)
    assert supervisor.alive()
    clock.advance(1)
    assert not supervisor.alive()


@pytest.mark.parametrize(
    "within", [[], [events.PassStarted(watched=1, due=0), events.Ordering(name=A, issuer="rcl")]]
)
def test_ticks_that_only_fail_starve_whatever_happened_in_them(
    supervisor: Supervisor, clock: FakeClock, within: list[events.Event]
):
    supervisor.began()
    supervisor.ended()
    for minute in range(1, int(IDLE // 60) + 2):
        clock.advance(60)
        supervisor.began()
        for event in within:
            supervisor.hear(event)
        supervisor.hear(own.TickFailed(message="full", remedy="room"))
        supervisor.failed()
        assert supervisor.alive() == (minute * 60 <= IDLE)
    supervisor.began()
    supervisor.ended()
    assert supervisor.alive()


@pytest.mark.parametrize(
    ("state", "alive"),
    [({"state": "postgresql+psycopg://renewd@127.0.0.1:1/renewd"}, True), ({}, False)],
    ids=["a server", "a file"],
)
def test_a_database_server_that_is_down_is_no_reason_to_be_started_again(
    world: World, supervisor: Supervisor, clock: FakeClock, state: dict[str, str], alive: bool
):
    def emit(event: events.Event) -> None:
        world.events.append(event)
        supervisor.hear(event)

    world.sandbox.seed(A, days_left=None)
    daemon = Daemon(world.write(A, **state), emit, clock, supervisor=supervisor)
    Path(daemon.state_directory, "renewd.db").mkdir(parents=True)
    for _ in range(int(IDLE // 60) + 2):
        daemon.tick()
        clock.advance(60)
    assert "cannot be used" in world.told(own.TickFailed)[-1].message
    assert supervisor.alive() == alive
    daemon.context.close()


def test_between_ticks_nothing_is_a_sign_of_life(supervisor: Supervisor, clock: FakeClock):
    clock.advance(IDLE)
    supervisor.hear(own.NotReloaded(why="config.yaml:3: x"))
    clock.advance(1)
    assert not supervisor.alive()


def test_in_a_long_tick_each_event_is_a_sign_of_life(supervisor: Supervisor, clock: FakeClock):
    supervisor.began()
    for _ in range(10):
        clock.advance(BUSY)
        assert supervisor.alive()
        supervisor.hear(events.Ordering(name=A, issuer="rcl"))
    clock.advance(BUSY + 1)
    assert not supervisor.alive()


def test_a_dead_daemon_does_not_feed(supervisor: Supervisor, clock: FakeClock, systemd: Systemd):
    clock.advance(IDLE + 1)
    supervisor.feed()
    assert systemd.heard() == []


def test_a_pass_is_told_with_what_comes_next_and_what_went_wrong(
    world: World, supervisor: Supervisor, systemd: Systemd
):
    world.sandbox.seed(A, days_left=80)
    daemon = Daemon(world.write(A, "b.example"), world.events.append, world.clock, supervisor=supervisor)
    world._contexts.append(daemon.context)
    daemon.tick()
    status = systemd.heard()[-1]["STATUS"]
    assert status.startswith("2 watched; b.example not renewed: renewd why NAME; next renewal: a.example in ")
    assert status.endswith(" UTC)")
    assert supervisor.alive()


def test_a_retry_of_one_does_not_hide_what_went_wrong_with_others(
    world: World, supervisor: Supervisor, systemd: Systemd
):
    context = world.context(A, "b.example")
    one, other = context.loaded.targets
    failed, renewed = (
        [Outcome(one, Result.FAILED), Outcome(other, Result.FAILED)],
        [Outcome(one, Result.RENEWED)],
    )
    supervisor.looked(context, failed, whole=True)
    supervisor.looked(context, renewed, whole=False)
    supervisor.looked(context, [*renewed, Outcome(other, Result.RENEWED)], whole=True)
    assert [told["STATUS"] for told in systemd.heard()] == [
        "2 watched; 2 (a.example, …) not renewed: renewd why NAME",
        "2 watched; b.example not renewed: renewd why NAME",
        "2 watched",
    ]


@pytest.mark.fault(74)
def test_a_reload_is_told_from_its_beginning_and_a_refused_one_stays_in_the_status(
    world: World, supervisor: Supervisor, systemd: Systemd
):
    world.sandbox.seed(A, days_left=80)

    def emit(event: events.Event) -> None:
        supervisor.hear(event)

    daemon = Daemon(world.write(A), emit, world.clock, supervisor=supervisor)
    world._contexts.append(daemon.context)
    daemon.tick()
    systemd.heard()
    world.write(world.entry(A, renew_befor="1d"))
    assert not daemon.reload()
    reloading, ready = systemd.heard()
    assert (reloading["RELOADING"], reloading["MONOTONIC_USEC"].isdigit()) == ("1", True)
    assert ready["READY"] == "1"
    assert "configuration refused at" in ready["STATUS"]
    assert "renew_before" in ready["STATUS"]
    world.clock.advance(timedelta(days=1))
    daemon.tick()
    assert "configuration refused at" in systemd.heard()[-1]["STATUS"]
    world.write(A)
    assert daemon.reload()
    assert "refused" not in systemd.heard()[-1]["STATUS"]


def test_a_status_is_one_line_of_bounded_length(supervisor: Supervisor, systemd: Systemd):
    supervisor.hear(own.NotReloaded(why="a\nREADY=0\n" + "x" * 1000))
    (told,) = systemd.heard()
    assert told["READY"] == "1"
    assert len(told["STATUS"]) <= 300


def test_leaving_is_told(supervisor: Supervisor, systemd: Systemd):
    supervisor.hear(own.Leaving(signal="SIGTERM"))
    assert systemd.heard() == [{"STOPPING": "1", "STATUS": "leaving"}]
