"""Many processes on one journal, stopped and killed at random: every target is renewed, and nothing is issued twice."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from renewd.config import load
from renewd.errors import StateUnusable
from renewd.journal import keeper
from renewd.journal.leases import TTL
from renewd.renewal import events, passes
from renewd.renewal.context import Context
from tests import postgres as postgresql
from tests.clocks import FakeClock
from tests.faults import figures
from tests.postgres import Server
from tests.programs import renewd, running, until
from tests.world import World, results

WHOLE = os.environ.get("RENEWD_SWEEP") == "all"
PROCESSES = 20 if WHOLE else 8
TARGETS = 30 if WHOLE else 10
BLOWS = 400 if WHOLE else 60
CALM = timedelta(minutes=20)  # after this what was lost is looked for again
NAMES = [f"site-{number}.example" for number in range(TARGETS)]


class Fleet:
    """Processes at work on one configuration; `kills` counts how many were killed."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.kills = 0
        self.alive: list[int] = []
        self._hatchery = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.fleet_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def spawn(self, config: str, shift: timedelta = timedelta()) -> int:
        order = {"config": config, "shift": shift.total_seconds(), "log": str(self.log)}
        assert self._hatchery.stdin is not None
        assert self._hatchery.stdout is not None
        self._hatchery.stdin.write(json.dumps(order) + "\n")
        self._hatchery.stdin.flush()
        pid: int = json.loads(self._hatchery.stdout.readline())["pid"]
        self.alive.append(pid)
        return pid

    def signal(self, pid: int, number: signal.Signals) -> bool:
        """False if it had ended."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill(self, pid: int) -> None:
        self.kills += self.signal(pid, signal.SIGKILL)
        self.alive.remove(pid)

    def wait(self) -> None:
        """Until all have ended by themselves."""
        for pid in self.alive:
            until(lambda pid=pid: not self.signal(pid, signal.SIGCONT))
        self.alive.clear()

    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def close(self) -> None:
        for pid in list(self.alive):
            self.signal(pid, signal.SIGKILL)
        assert self._hatchery.stdin is not None
        assert self._hatchery.stdout is not None
        self._hatchery.stdin.close()
        self._hatchery.wait()
        self._hatchery.stdout.close()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path)
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest) -> dict[str, str]:
    """The configuration's `state`, where there is one."""
    return {} if request.param == "sqlite" else {"state": request.getfixturevalue("postgres").empty()}


def blows(fleet: Fleet, spawn: Callable[[], int], chance: random.Random) -> None:
    """Processes are killed, and others take their place; or they are stopped for a while."""
    stopped: list[int] = []
    for _ in range(BLOWS):
        threading.Event().wait(chance.uniform(0.005, 0.08))
        pid = chance.choice(fleet.alive)
        if chance.random() < 0.4:
            fleet.kill(pid)
            spawn()
        elif fleet.signal(pid, signal.SIGSTOP):
            stopped.append(pid)
        if len(stopped) > PROCESSES // 2:
            fleet.signal(stopped.pop(0), signal.SIGCONT)
    for pid in stopped:
        fleet.signal(pid, signal.SIGCONT)


def orders(world: World) -> int:
    return sum(world.calls(name, "order") for name in NAMES)


@pytest.mark.fault(59, 90, 94)
def test_processes_that_are_stopped_and_killed_issue_nothing_twice_and_leave_nothing_undone(
    world: World, fleet: Fleet, state: dict[str, str]
) -> None:
    held = [world.sandbox.portal.seed(name, days_left=None, validated=True) for name in NAMES]
    config = world.write(*(world.entry(name, challenge=None) for name in NAMES), **state)
    for _ in range(PROCESSES):
        fleet.spawn(config)
    blows(fleet, lambda: fleet.spawn(config), random.Random(4))
    fleet.wait()
    rounds, portal = 0, world.sandbox.portal
    while not all((world.folder / "live" / name / "fullchain.pem").exists() for name in NAMES):
        rounds += 1
        assert rounds <= 12, fleet.said()
        portal.shift += CALM
        fleet.spawn(config, portal.shift)
        fleet.wait()
    twice = sum(max(0, holding.issued - 1) for holding in held)
    spare = orders(world) - len(NAMES)
    kind = "PostgreSQL" if state else "SQLite"
    figures.record(
        f"processes on one {kind} journal",
        processes=PROCESSES,
        blows=BLOWS,
        killed=fleet.kills,
        issued_twice=twice,
        spare_orders=max(0, spare),
    )
    assert twice == 0
    assert spare <= fleet.kills
    assert all(
        world.live(name) == holding.generations[-1].leaf for name, holding in zip(NAMES, held, strict=True)
    )
    assert not [line for line in fleet.said() if "locked" in line or "unexpected" in line]


class Host:
    """A machine with its own state directory and live folder; the journal and the portal are shared."""

    def __init__(self, world: World, folder: Path, state: str) -> None:
        self.world, self.folder, self.state = world, folder, state
        folder.mkdir()

    def context(self, *names: str, **options: Any) -> Context:
        install = {"directory": str(self.folder / "live" / "{name}")}
        entries = [self.world.entry(name, challenge=None, install=install) for name in names]
        keys = {"state_directory": str(self.folder / "state"), "state": self.state}
        path = self.folder / "config.yaml"
        path.write_text(self.world.sandbox.configuration(*entries, **keys))
        return Context(load.load(str(path)), clock=self.world.clock, **options)

    def live(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / "live" / name / "fullchain.pem").read_bytes())


@pytest.fixture
def moved(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A world on a clock that the test moves."""
    made = World(tmp_path, clock)
    yield made
    made.close()


@pytest.fixture
def hosts(moved: World, postgres: Server, tmp_path: Path) -> tuple[Host, Host]:
    state = postgres.empty()
    return Host(moved, tmp_path / "one", state), Host(moved, tmp_path / "two", state)


def run(context: Context) -> dict[str, str]:
    return results(passes.run(context, context.loaded.targets))


@pytest.mark.fault(94)
def test_of_two_hosts_with_one_name_one_orders_and_the_other_adopts(
    moved: World, hosts: tuple[Host, Host]
) -> None:
    held = moved.sandbox.portal.seed("contoso.com", days_left=None, validated=True)
    with closing(hosts[0].context("contoso.com")) as one, closing(hosts[1].context("contoso.com")) as two:
        assert run(one) == {"contoso.com": "renewed"}
        assert run(two) == {"contoso.com": "adopted"}
        assert run(one) == run(two) == {}
    assert held.issued == moved.calls("contoso.com", "order") == 1
    assert hosts[0].live("contoso.com") == hosts[1].live("contoso.com")


def test_while_one_host_renews_the_other_waits_and_then_adopts(
    moved: World, hosts: tuple[Host, Host]
) -> None:
    held = moved.sandbox.portal.seed("contoso.com", days_left=None, validated=True)
    seen: list[dict[str, str]] = []
    with closing(hosts[0].context("contoso.com")) as one, closing(hosts[1].context("contoso.com")) as two:
        one.emit = lambda event: seen.append(run(two)) if isinstance(event, events.Finalizing) else None
        assert run(one) == {"contoso.com": "renewed"}
        assert seen == [{"contoso.com": "held"}]
        assert run(two) == {"contoso.com": "adopted"}
    assert held.issued == 1


@pytest.mark.fault(91)
def test_who_slept_past_its_lease_writes_nothing_more_and_nothing_is_issued_twice(
    moved: World, clock: FakeClock
) -> None:
    """Between the journaled intent and the call the process is stopped; another one takes over meanwhile."""
    held = moved.sandbox.portal.seed("contoso.com", days_left=None, validated=True)
    context, other = (moved.context(moved.entry("contoso.com", challenge=None)) for _ in range(2))
    taken: list[dict[str, str]] = []

    def sleep(event: events.Event) -> None:
        if isinstance(event, events.Finalizing) and not taken:
            clock.advance(TTL)
            taken.append(run(other))

    context.emit = sleep
    late = run(context)
    assert late == {"contoso.com": "held"}
    assert taken == [{"contoso.com": "renewed"}]
    assert held.issued == moved.calls("contoso.com", "order") == 1
    assert moved.live("contoso.com") == held.generations[-1].leaf


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own, to be ended and started."""
    with postgresql.running() as made:
        yield made


@pytest.mark.fault(92)
def test_with_its_database_down_nothing_is_ordered_until_it_is_back(
    moved: World, server: Server, tmp_path: Path
) -> None:
    moved.sandbox.portal.seed("contoso.com", days_left=None, validated=True)
    host = Host(moved, tmp_path / "one", server.database())
    with closing(host.context("contoso.com")) as context:
        assert context.journal.history() == []
        server.stop()
        with pytest.raises(StateUnusable, match="cannot be used"):
            run(context)
        assert moved.calls("contoso.com", "order") == 0
        server.start()
        assert run(context) == {"contoso.com": "renewed"}


@pytest.mark.fault(92)
def test_a_database_that_fails_while_a_certificate_is_issued_costs_no_second_one(
    moved: World, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "AGAIN", timedelta(milliseconds=20))
    held = moved.sandbox.portal.seed("contoso.com", days_left=None, validated=True)
    host = Host(moved, tmp_path / "one", server.database())
    with closing(host.context("contoso.com")) as context:
        context.emit = lambda event: server.stop() if isinstance(event, events.Finalizing) else None
        assert run(context) == {"contoso.com": "failed"}
        assert held.issued == 1
        context.emit = lambda _: None
        server.start()
        until(lambda: not context.journal._keeper._owed)
        assert run(context) == {"contoso.com": "renewed"}
    assert held.issued == moved.calls("contoso.com", "order") == 1


@pytest.mark.fault(92)
def test_a_pooler_that_hands_each_transaction_to_another_session_is_no_hindrance(
    moved: World, postgres: Server, tmp_path: Path
) -> None:
    moved.sandbox.portal.seed("contoso.com", days_left=None, validated=True)
    with postgres.pooled(postgres.database()) as url:
        host = Host(moved, tmp_path / "one", url)
        with closing(host.context("contoso.com")) as context:
            assert run(context) == {"contoso.com": "renewed"}
            assert len(context.journal.history()) == 1


@pytest.mark.fault(90)
def test_renew_by_hand_beside_the_daemon_leaves_a_target_to_who_works_on_it(
    world: World, state: dict[str, str]
) -> None:
    names = NAMES[:4]
    held = [world.sandbox.portal.seed(name, days_left=None, validated=True) for name in names]
    config = world.write(*(world.entry(name, challenge=None) for name in names), **state)
    with running(config) as daemon:
        by_hand = renewd(config, "renew", *names)
        daemon.wait_for("pass.ended")
        until(lambda: all(holding.issued for holding in held))
        assert daemon.end() == 0
    assert "Traceback" not in by_hand.stderr
    assert [holding.issued for holding in held] == [1] * len(names)


@pytest.mark.fault(92)
def test_a_daemon_outlives_its_database_and_commands_say_so_in_a_line(world: World, server: Server) -> None:
    name = NAMES[0]
    world.sandbox.portal.seed(name, days_left=None, validated=True)
    config = world.write(world.entry(name, challenge=None), state=server.database())
    server.stop()
    with running(config) as daemon:
        assert "cannot be used" in daemon.wait_for("daemon.tick_failed")["message"]
        for command in ("status", "history", "why"):
            said = renewd(config, command, *([name] if command == "why" else []))
            assert said.returncode == 1
            assert "cannot be used" in said.stderr
            assert "Traceback" not in said.stderr
        assert world.calls(name, "order") == 0
        server.start()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("attempt.renewed")
        assert daemon.end() == 0


def test_looking_at_an_empty_database_makes_no_tables(world: World, postgres: Server) -> None:
    url = postgres.empty()
    config = world.write(world.entry(NAMES[0], challenge=None), state=url)
    assert renewd(config, "status").returncode in (0, 1)
    assert renewd(config, "history", "--json").returncode == 0
    assert (
        postgres.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", url.rpartition("/")[2])
        == []
    )
