"""What CAs suggest, in the daemon: asked in quiet ticks, kept over restarts, and only ever earlier."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.certs.renewal_info import certificate_id
from renewd.config.targets import Target
from renewd.daemon.service import Daemon
from renewd.renewal import asking, events, suggestions
from renewd.sandbox import configuration
from tests.clocks import FakeClock
from tests.renewal_info import Directory, directory
from tests.scripted import answer
from tests.world import World

A, B = "a.example", "b.example"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    yield world
    world.close()


@pytest.fixture
def ca() -> Iterator[Directory]:
    with directory() as server:
        yield server


def daemon(
    world: World, ca: Directory, *entries: str | dict[str, Any], days_left: float = 80, **settings: Any
) -> Daemon:
    """One whose first pass is over, with every certificate in place; nothing of that is told any more."""
    whole = [world.entry(entry) if isinstance(entry, str) else entry for entry in entries or (A,)]
    for name in (entry["name"] for entry in whole):
        if not (world.folder / "live" / name).exists():
            world.sandbox.seed(name, days_left=days_left, validated=True)
    issuers = {"rcl": {**configuration.issuer(world.sandbox), "ari": ca.url, **settings}}
    schedule = {"concurrency": 2, "every": "30d", "jitter": "0s"}
    path = world.write(*whole, issuers=issuers, schedule=schedule)
    made = Daemon(path, world.events.append, world.clock)
    world._contexts.append(made.context)
    made.tick()
    world.events.clear()
    return made


def ticks(made: Daemon, clock: FakeClock, count: int, every: timedelta = MINUTE) -> None:
    for _ in range(count):
        clock.advance(every)
        made.tick()


def test_it_is_asked_by_the_id_of_what_is_live_and_again_when_the_ca_says(
    world: World, ca: Directory, clock: FakeClock
):
    ca.suggest(clock.now() + 40 * DAY, clock.now() + 42 * DAY, retry_after="7200")
    made = daemon(world, ca)
    assert ca.asked == []
    ticks(made, clock, 3)
    assert ca.asked == [certificate_id(world.live(A))]
    ticks(made, clock, 117)
    assert len(ca.asked) == 1
    ticks(made, clock, 5)
    assert len(ca.asked) == 2


def test_a_moment_in_the_window_is_kept_over_restarts_and_renewed_at(
    world: World, ca: Directory, clock: FakeClock
):
    start = clock.now() + 10 * DAY
    ca.suggest(start, start + 2 * DAY)
    made = daemon(world, ca)
    ticks(made, clock, 3)
    (told,) = world.told(asking.Suggested)
    assert told.start < told.at < told.end
    again = daemon(world, ca)
    assert again.context.look(again.context.loaded.targets[0]).decision.at == told.at
    before = world.live(A)
    clock.advance(told.at - clock.now() - MINUTE)
    ticks(again, clock, 1, timedelta(seconds=30))
    assert world.live(A) == before
    ticks(again, clock, 3)
    assert world.live(A) != before
    assert world.told(events.Due)[0].reason.startswith("due: the CA suggests to renew it between ")


@pytest.mark.fault(30)
def test_a_window_moved_into_the_past_is_told_and_renewed_at_once(
    world: World, ca: Directory, clock: FakeClock
):
    ca.suggest(clock.now() + 40 * DAY, clock.now() + 42 * DAY, retry_after="3600")
    made = daemon(world, ca)
    ticks(made, clock, 3)
    before = world.live(A)
    ca.suggest(clock.now() - 2 * DAY, clock.now() - DAY, page="https://ca.example/why")
    ticks(made, clock, 63)
    assert world.live(A) != before
    (told,) = world.told(asking.Incident)
    assert (told.name, told.page, told.level) == (A, "https://ca.example/why", "error")
    assert world.calls(A, "order") == 1, "a window that ended before the new one began is not believed twice"


@pytest.mark.fault(30)
def test_what_is_said_of_the_one_before_means_nothing_for_the_new_one(
    world: World, ca: Directory, clock: FakeClock
):
    made = daemon(world, ca)
    old = certificate_id(world.live(A)) or ""
    ca.suggest(clock.now() - 2 * DAY, clock.now() - DAY, page="https://ca.example/why", id_=old)
    ticks(made, clock, 10)
    new = certificate_id(world.live(A))
    assert new != old
    assert ca.asked[-1] == new, "the new one is asked about at once"
    ticks(made, clock, 60)
    assert world.calls(A, "order") == 1


@pytest.mark.fault(30)
def test_a_window_far_ahead_keeps_nothing_from_being_renewed(world: World, ca: Directory, clock: FakeClock):
    ca.suggest(clock.now() + 200 * DAY, clock.now() + 201 * DAY)
    made = daemon(world, ca, days_left=33)
    before = world.live(A)
    ticks(made, clock, 3)
    assert ca.asked
    ticks(made, clock, 20, DAY)
    ticks(made, clock, 15, DAY)
    assert world.live(A) != before


@pytest.mark.fault(15, 30)
def test_a_directory_that_fails_is_asked_ever_less_told_once_and_stops_nothing(
    world: World, ca: Directory, clock: FakeClock
):
    ca.answers[""] = answer(500)
    made = daemon(world, ca, *(f"{number}.example" for number in range(6)))
    ticks(made, clock, 5)
    assert len(ca.asked) <= asking.AWAY + 1, "the rest of a round is left out"
    ticks(made, clock, 12 * 60)
    assert len(ca.asked) < 60
    (told,) = world.told(asking.Unanswered)
    assert told.directory == ca.url
    assert not world.told(events.Failed)


def test_many_are_asked_a_few_at_a_tick(world: World, ca: Directory, clock: FakeClock):
    ca.suggest(clock.now() + 40 * DAY, clock.now() + 42 * DAY)
    made = daemon(world, ca, *(f"{number}.example" for number in range(12)))
    ticks(made, clock, 2)
    assert len(ca.asked) in (8, 12)
    ticks(made, clock, 2)
    assert len(ca.asked) == len(set(ca.asked)) == 12


def test_where_it_is_off_nobody_is_asked(world: World, ca: Directory, clock: FakeClock):
    made = daemon(world, ca, ari="off")
    ticks(made, clock, 5)
    assert not ca._server.seen
    assert not (Path(made.state_directory) / suggestions.FILE).exists()


def test_a_target_that_lacks_something_keeps_no_other_from_being_asked_about(
    world: World, ca: Directory, clock: FakeClock
):
    ca.suggest(clock.now() + 40 * DAY, clock.now() + 42 * DAY)
    made = daemon(world, ca, A, B)
    owned = world.entry(
        A, install={"directory": str(world.folder / "live" / A), "owner": "nobody-is-called-so"}
    )
    made = daemon(world, ca, owned, B)
    ticks(made, clock, 3)
    assert ca.asked == [certificate_id(world.live(B))]
    assert made.supervisor.alive()


def test_a_store_that_cannot_be_read_is_left_out_and_not_asked_about_each_minute(
    world: World, ca: Directory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    ca.suggest(clock.now() + 40 * DAY, clock.now() + 42 * DAY)
    made = daemon(world, ca, A, B)
    current, looks = made.context.installer.current, []

    def unreadable(target: Target) -> str | None:
        if target.name == A:
            looks.append(target.name)
            raise PermissionError(13, "Permission denied")
        return current(target)

    monkeypatch.setattr(made.context.installer, "current", unreadable)
    ticks(made, clock, 50)
    assert ca.asked == [certificate_id(world.live(B))]
    assert looks == [A]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"targets": {"a.example": {"serial": "7"}}}', '{"targets": 7}']
)
def test_a_file_that_is_not_whole_is_none(world: World, ca: Directory, clock: FakeClock, text: str):
    ca.suggest(clock.now() + 40 * DAY, clock.now() + 42 * DAY)
    made = daemon(world, ca)
    ticks(made, clock, 2)
    (Path(made.state_directory) / suggestions.FILE).write_text(text)
    assert made.context.suggestions.known() == {}
    ticks(made, clock, 2)
    assert len(made.context.suggestions.known()) == 1


def test_a_pass_by_hand_asks_first_what_is_due_to_be_asked(world: World, ca: Directory, clock: FakeClock):
    made = daemon(world, ca)
    ca.suggest(clock.now() - 2 * DAY, clock.now() - DAY, page="https://ca.example/why")
    context = made.context
    asking.ask_once(context, context.loaded.targets)
    assert context.look(context.loaded.targets[0]).decision.due
    asking.ask_once(context, context.loaded.targets)
    assert len(ca.asked) == 1
