"""A daemon of its own process under libfaketime: the wall clock that it reads is the test's, all others are real."""

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.programs import Running, renewd, running, until
from tests.world import World

TEN = tuple(f"shop-{number}.example" for number in range(10))
PLACES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
SPINNING = 3.0  # seconds of processor time that no daemon needs to start and to wait a little


class Wall:
    """The wall clock of a process: `set` moves it by whole days from the right time."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wall"
        self.set(0)
        found = [f"{place}/faketime/libfaketimeMT.so.1" for place in PLACES]
        self.env = {
            "LD_PRELOAD": next(path for path in found if os.path.exists(path)),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, days: int) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{days:+d}d\n")
        new.rename(self._file)

    def set_to(self, year: int) -> None:
        self.set((datetime(year, 1, 2, tzinfo=UTC) - datetime.now(UTC)).days)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A sandbox on the right time."""
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def wall(tmp_path: Path) -> Wall:
    return Wall(tmp_path)


def orders(world: World) -> int:
    return sum(world.calls(name, "order") for name in TEN)


def hasten(daemon: Running) -> None:
    """A reload is a reason to tick at once; by itself the daemon does within a minute, maybe this one."""
    daemon.signal(signal.SIGHUP)


def tick(daemon: Running) -> None:
    hasten(daemon)
    daemon.wait_for("configuration.reloaded")


def seconds_used(daemon: Running) -> float:
    """Processor time."""
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def told(path: str) -> str:
    return renewd(path, "status").stdout


@pytest.mark.fault(68)
def test_a_boot_in_1970_orders_nothing_spins_nothing_and_goes_on_when_the_clock_is_set(
    world: World, wall: Wall
):
    world.sandbox.seed(TEN[0], days_left=None)
    wall.set_to(1970)
    path = world.write(TEN[0])
    with running(path, wall.env) as daemon:
        suspect = daemon.wait_for("daemon.clock_suspect")
        assert suspect["here"].startswith("1970-01-")
        assert "before this renewd was released" in suspect["why"]
        until(lambda: "it waits" in told(path))
        tick(daemon)
        used = seconds_used(daemon)
        assert used < SPINNING
        assert orders(world) == 0
        wall.set(0)
        hasten(daemon)
        daemon.wait_for("daemon.clock_trusted")
        daemon.wait_for("attempt.renewed")
        assert daemon.end() == 0
        assert [line["event"] for line in daemon.lines].count("daemon.clock_suspect") == 1
    assert orders(world) == 1


@pytest.mark.fault(69, 70)
def test_a_year_forward_and_back_orders_nothing_but_what_is_due_by_the_services_clock(
    world: World, wall: Wall
):
    for name in TEN:
        world.sandbox.seed(name, days_left=80)
    with running(world.write(*TEN[:9]), wall.env) as daemon:
        assert daemon.wait_for("pass.ended")["renewed"] == 9
        world.sandbox.seed(TEN[9], days_left=None)
        world.write(*TEN)
        wall.set(365)
        hasten(daemon)
        suspect = daemon.wait_for("daemon.clock_suspect")
        assert "9 of 10" in suspect["why"]
        tick(daemon)
        assert orders(world) == 0
        wall.set(0)
        hasten(daemon)
        daemon.wait_for("daemon.clock_trusted")
        assert daemon.wait_for("attempt.renewed")["name"] == TEN[9]
        wall.set(-1)
        hasten(daemon)
        daemon.wait_for("daemon.clock_suspect", lambda line: "has seen" in line["why"])
        wall.set(0)
        hasten(daemon)
        daemon.wait_for("daemon.clock_trusted")
        assert daemon.wait_for("pass.ended")["renewed"] == 0
        assert daemon.end() == 0
    assert orders(world) == 1


@pytest.mark.fault(68)
@pytest.mark.parametrize("command", [("renew",), ("renew", TEN[0], "--force")])
def test_a_person_in_1970_is_told_plainly_and_nothing_is_done(world: World, wall: Wall, command):
    world.sandbox.seed(TEN[0], days_left=None)
    wall.set_to(1970)
    refused = renewd(world.write(TEN[0]), *command, env=wall.env)
    assert refused.returncode == 1
    assert "1970-01-" in refused.stderr
    assert "set this machine's clock" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert world.calls(TEN[0], "certificate") == 0


@pytest.mark.fault(72)
def test_the_time_zone_changes_nothing(world: World):
    world.sandbox.seed(TEN[0], days_left=80)
    path = world.write(TEN[0])
    assert renewd(path, "renew", env={"TZ": "Pacific/Kiritimati"}).returncode == 0
    east, west = (
        renewd(path, "check", "--json", env={"TZ": zone}) for zone in ("Asia/Tokyo", "America/St_Johns")
    )
    assert east.returncode == 0
    assert east.stdout == west.stdout
    assert '"state": "ok"' in east.stdout


def test_faketime_is_there():
    """Its absence makes the others fail; this one says why."""
    assert subprocess.run(["faketime", "--version"], capture_output=True, check=True).returncode == 0
