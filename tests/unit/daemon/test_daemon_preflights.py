"""The weekly preflight in the daemon: a few at a tick, never with a pass, told once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.daemon import events as own
from renewd.daemon.service import Daemon
from renewd.renewal import events, findings
from tests.clocks import FakeClock
from tests.world import World

A, B = "a.example", "b.example"
MANY = tuple(f"shop-{number}.example" for number in range(7))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox and a folder, on the fake clock."""
    world = World(tmp_path, clock)
    yield world
    world.close()


def daemon(world: World, *entries: Any, at_once: int = 1, days_left: int | None = 80) -> Daemon:
    """One whose first pass is over, with every certificate in place; nothing of that is told any more."""
    whole = [world.entry(entry) if isinstance(entry, str) else entry for entry in entries or (A,)]
    for entry in whole:
        world.sandbox.seed(entry["name"], days_left=days_left)
    path = world.write(*whole, schedule={"concurrency": at_once, "every": "30d", "jitter": "0s"})
    made = Daemon(path, world.events.append, world.clock)
    world._contexts.append(made.context)
    made.tick()
    world.events.clear()
    return made


def ticks(made: Daemon, clock: FakeClock, count: int, every: timedelta = MINUTE) -> None:
    for _ in range(count):
        clock.advance(every)
        made.tick()


def asked(world: World, *names: str) -> int:
    return sum(world.calls(name, "certificate") for name in names)


def looked_at(made: Daemon) -> set[str]:
    return set(findings.read(made.state_directory))


def test_it_begins_a_minute_after_the_first_pass_and_looks_at_as_many_as_may_be_obtained_at_once(
    world: World, clock: FakeClock
):
    made = daemon(world, *MANY, at_once=3)
    assert looked_at(made) == set()
    ticks(made, clock, 1)
    assert len(looked_at(made)) == 3
    ticks(made, clock, 2)
    assert looked_at(made) == {target.identity for target in made.context.loaded.targets}
    assert not world.told(events.PassStarted)


def test_every_target_is_looked_at_once_a_week_each_at_its_own_moment(world: World, clock: FakeClock):
    made = daemon(world, *MANY, at_once=8)
    ticks(made, clock, 2)
    ticks(made, clock, 7 * 4 + 1, 6 * HOUR)
    before = {name: asked(world, name) for name in MANY}
    moments: dict[str, int] = {}
    for quarter in range(7 * 4):
        ticks(made, clock, 1, 6 * HOUR)
        for name in MANY:
            if asked(world, name) != before[name]:
                before[name] = asked(world, name)
                assert name not in moments
                moments[name] = quarter
    assert set(moments) == set(MANY)
    assert len(set(moments.values())) > 3


def test_what_would_stop_a_renewal_is_told_once_and_again_after_a_week_and_when_it_is_well(
    world: World, clock: FakeClock
):
    made = daemon(world)
    secret = next(iter(made.context.loaded.configuration.issuers.values())).api_key.file
    key = Path(secret).read_text()
    Path(secret).write_text("another")
    ticks(made, clock, 1)
    (told,) = world.told(own.PreflightBlocked)
    assert (told.name, told.level, told.event) == (A, "error", "preflight.failed")
    assert "API" in told.what
    assert "api_key" in told.remedy
    ticks(made, clock, 6, DAY)
    assert len(world.told(own.PreflightBlocked)) == 1
    ticks(made, clock, 2, DAY)
    assert len(world.told(own.PreflightBlocked)) == 2
    Path(secret).write_text(key)
    ticks(made, clock, 1, DAY)
    assert len(world.told(own.PreflightWell)) == 1
    assert not findings.read(made.state_directory)[made.context.loaded.targets[0].identity].findings


def test_a_service_that_is_away_is_asked_hourly_and_told_of_one_certificate_only(
    world: World, clock: FakeClock
):
    made = daemon(world, *MANY, at_once=3)
    before = asked(world, *MANY)
    world.sandbox.fault("certificate", "status=503", times=None)
    ticks(made, clock, 1)
    ticks(made, clock, 59)
    assert asked(world, *MANY) == before + 3
    assert not world.told(own.PreflightBlocked)
    ticks(made, clock, 2, HOUR)
    assert len(world.told(own.PreflightBlocked)) == 1
    assert asked(world, *MANY) == before + 9


def test_a_check_that_many_share_runs_once_for_all_of_them_and_only_warns(world: World, clock: FakeClock):
    runs = world.folder / "runs"
    script = world.folder / "check"
    script.write_text(
        f'#!/bin/sh\ntest -e {world.folder}/broken || exit 0\necho "$RENEWD_NAME" >>{runs}\nexit 3\n'
    )
    script.chmod(0o700)
    made = daemon(world, *(world.entry(name, hooks={"check": str(script)}) for name in MANY), at_once=7)
    (world.folder / "broken").touch()
    ticks(made, clock, 1)
    told = world.told(own.PreflightWarned)
    assert {event.name for event in told} == set(MANY)
    assert {event.level for event in told} == {"warning"}
    assert len(runs.read_text().splitlines()) == len(MANY), "one run, which is told all names"


def test_a_live_key_that_somebody_broke_is_told_and_replaced_with_the_next_tick(
    world: World, clock: FakeClock
):
    made = daemon(world, world.entry(A, install={"files": {"fullchain": str(world.folder / "a.pem"), "key": str(world.folder / "a.key")}}))  # fmt: skip
    (world.folder / "a.key").write_text("nothing that is a key")
    ticks(made, clock, 1)
    (told,) = world.told(own.PreflightWarned)
    assert "broken" in told.what
    ticks(made, clock, 1)
    assert [event.name for event in world.told(events.Renewed)] == [A]
    assert not made.context.doubtful
    ticks(made, clock, 1, DAY)
    assert len(world.told(own.PreflightWell)) == 1


def test_what_this_machine_lacks_is_a_finding_too(world: World, clock: FakeClock):
    program = world.folder / "hook"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    made = daemon(world, world.entry(A, hooks={"post": str(program)}))
    program.unlink()
    ticks(made, clock, 1)
    (told,) = world.told(own.PreflightBlocked)
    assert str(program) in told.what


def test_a_clock_that_is_set_makes_them_begin_anew_after_the_pass(world: World, clock: FakeClock):
    made = daemon(world)
    ticks(made, clock, 1)
    clock.step(timedelta(hours=1))
    made.tick()
    assert made.duties.preflights.next_at == clock.now() + MINUTE


def test_findings_of_a_daemon_that_ended_are_remembered_and_not_told_again(world: World, clock: FakeClock):
    made = daemon(world, world.entry(A, hooks={"check": f"test ! -e {world.folder}/broken"}))
    (world.folder / "broken").touch()
    ticks(made, clock, 1)
    assert len(world.told(own.PreflightWarned)) == 1
    again = Daemon(made.path, world.events.append, world.clock)
    world._contexts.append(again.context)
    again.tick()
    ticks(again, clock, 2, DAY)
    assert len(world.told(own.PreflightWarned)) == 1
