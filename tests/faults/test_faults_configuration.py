"""A configuration that is wrong, or loses a certificate, while the daemon lives: nothing live changes for it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.daemon import events as own
from renewd.daemon.service import Daemon
from renewd.renewal import events
from tests.clocks import FakeClock
from tests.world import World

A, B = "a.example", "b.example"


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox that has nothing for A yet and a certificate for B, on the fake clock."""
    world = World(tmp_path, clock)
    world.sandbox.seed(A, days_left=None)
    world.sandbox.seed(B, days_left=80)
    yield world
    world.close()


def daemon(world: World, emit) -> Daemon:
    made = Daemon(world.write(A, B, schedule={"concurrency": 1}), emit, world.clock)
    world._contexts.append(made.context)
    return made


WRONG = {
    "broken": "certificates: [",
    "an unknown key": "issuers: {}\nnonsense: 1\n",
    "a key twice": "issuers: {}\nissuers: {}\n",
    "an alias bomb": "a: &a [x]\nb: &b [*a, *a]\ncertificates: *b\n",
    "empty": "",
    "a mode that YAML reads as a number": "certificates: [{name: a.example, install: {directory: /l, mode: 640}}]\n",
    "gone": None,
    "open to all": "chmod",
}


@pytest.mark.fault(74, 75, 76, 79)
@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_file_at_a_reload_is_told_and_the_one_before_stays(
    world: World, clock: FakeClock, text: str | None
):
    living = daemon(world, world.events.append)
    living.tick()
    before, path = world.files(), Path(living.path)
    match text:
        case None:
            path.unlink()
        case "chmod":
            path.chmod(0o666)
        case _:
            path.write_text(text)
    assert not living.reload()
    assert len(world.told(own.NotReloaded)) == 1
    clock.advance(timedelta(minutes=2))
    living.tick()
    assert world.files() == before
    clock.advance(timedelta(days=65))
    living.tick()
    assert {event.name for event in world.told(events.Ordered)} == {A, B}, "both are watched still"


@pytest.mark.fault(80)
@pytest.mark.parametrize("moment", [events.Ordered, events.Finalizing, events.Staged])
def test_a_certificate_that_a_reload_takes_away_in_flight_is_finished_and_then_forgotten(
    world: World, clock: FakeClock, moment: type[events.Event]
):
    def emit(event: events.Event) -> None:
        world.events.append(event)
        if type(event) is moment:
            world.write(B)
            assert living.reload()

    living = daemon(world, emit)
    living.tick()
    assert world.live(A).not_valid_after_utc > clock.now() + timedelta(days=80)
    before, asked = world.files(f"live/{A}"), world.calls(A, "certificate")
    clock.advance(timedelta(days=89))
    living.tick()
    world._contexts.append(living.context)
    assert world.files(f"live/{A}") == before
    assert world.calls(A, "certificate") == asked
    assert world.live(B).not_valid_after_utc > clock.now()


@pytest.mark.fault(80)
def test_a_certificate_that_comes_back_later_goes_on_from_where_it_was_left(world: World, clock: FakeClock):
    world.sandbox.fault("finalize", "status=429+7200")
    living = daemon(world, world.events.append)
    living.tick()
    assert world.told(events.Parked)
    world.write(B)
    assert living.reload()
    clock.advance(timedelta(hours=3))
    living.tick()
    assert world.calls(A, "finalize") == 1
    world.write(A, B)
    assert living.reload()
    living.tick()
    world._contexts.append(living.context)
    assert world.live(A).not_valid_after_utc > clock.now() + timedelta(days=80)
    assert world.calls(A, "order") == 1
