"""What is said at the end of a tick, and when the sign of life is given."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.confirm import Verdict
from renewd.daemon.service import Daemon
from renewd.renewal import served
from renewd.report.notify import Notifier
from tests.clocks import FakeClock
from tests.postbox import Hook
from tests.servers import free_port
from tests.world import World

A, B = "a.example", "b.example"


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    world.sandbox.seed(A, days_left=80)
    yield world
    world.close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


class Watched:
    """A daemon with a notifier; a tick is over when what it sends was answered."""

    def __init__(self, world: World, *entries: Any, **keys: Any) -> None:
        self.clock = world.clock
        self.notifier = Notifier(world.clock, world.events.append)

        def emit(event: Any) -> None:
            world.events.append(event)
            self.notifier(event)

        self.daemon = Daemon(world.write(*entries, **keys), emit, world.clock, ticked=self.notifier.ticked)
        world._contexts.append(self.daemon.context)

    def tick(self, after: timedelta = timedelta()) -> None:
        self.clock.advance(after)  # type: ignore[attr-defined]
        self.daemon.tick()
        for thread in (self.notifier._beating, self.notifier.outbox._thread):
            if thread is not None:
                thread.join()


PASS = timedelta(hours=14)
MINUTE = timedelta(minutes=1)


def beat(hook: Hook) -> str:
    return f"http://127.0.0.1:{hook.port}/beat"


def test_each_whole_pass_in_which_all_is_well_is_followed_by_one_sign_of_life(world: World, hook: Hook):
    watched = Watched(world, A, heartbeat=beat(hook))
    for passes in (1, 2):
        watched.tick(PASS)
        watched.tick(MINUTE)
        assert hook.hits == passes


def test_one_that_does_not_arrive_is_given_again(world: World, hook: Hook):
    hook.status = 500
    watched = Watched(world, A, heartbeat=beat(hook))
    watched.tick()
    hook.status = 200
    for _ in range(3):
        watched.tick(timedelta(minutes=2))
    assert hook.hits == 2


def test_a_look_at_one_that_is_well_is_none_while_another_fails(world: World, hook: Hook):
    watched = Watched(world, A, B, heartbeat=beat(hook))
    watched.tick()
    (well,) = (target for target in watched.daemon.context.loaded.targets if target.name == A)
    watched.daemon.agenda.asked[well.identity] = watched.clock.now()
    watched.tick(MINUTE)
    assert hook.hits == 0


def test_what_this_machine_lacks_is_not_well(world: World, hook: Hook):
    lacking = world.entry(B, challenge={"type": "http-01", "webroot": str(world.folder / "nowhere")})
    watched = Watched(world, A, lacking, heartbeat=beat(hook))
    watched.tick()
    assert hook.hits == 0


def test_what_is_served_otherwise_holds_it_back_until_it_is_right_again(
    world: World, hook: Hook, monkeypatch: pytest.MonkeyPatch
):
    why = "still serves 02"
    monkeypatch.setattr(served, "look", lambda *_: Verdict(not why, why, "01", world.clock.now()))
    Watched(world, A).tick()
    entry = world.entry(A, confirm={"connect": f"127.0.0.1:{free_port()}"})
    for _ in range(2):  # a start forgets nothing of it
        Watched(world, entry, heartbeat=beat(hook)).tick(PASS)
    assert hook.hits == 0
    why = ""
    Watched(world, entry, heartbeat=beat(hook)).tick(PASS)
    assert hook.hits == 1


def test_ticks_that_fail_give_none(world: World, hook: Hook, monkeypatch: pytest.MonkeyPatch):
    watched = Watched(world, A, heartbeat=beat(hook))
    monkeypatch.setattr(watched.daemon.supervisor, "looked", lambda *_, **__: 1 / 0)  # after the pass itself
    for _ in range(3):
        watched.tick(MINUTE)
    assert hook.hits == 0


def test_what_was_mended_before_a_start_is_well_again(world: World, hook: Hook):
    webroot = world.folder / "www"
    entry = world.entry(A, challenge={"type": "http-01", "webroot": str(webroot), "self_check": "off"})
    said = {"notify": {"urls": [hook.url]}}
    Watched(world, entry, **said).tick()
    webroot.mkdir()
    again = Watched(world, entry, **said)
    again.tick(MINUTE)
    again.tick(timedelta(hours=1))
    assert [message["title"].partition(" (")[0] for message in hook.messages] == [
        f"{A}: failed",
        f"{A}: well again",
    ]


@pytest.mark.fault(89)
def test_a_journal_that_is_gone_is_told_once_and_again_when_orders_are_made(world: World, hook: Hook):
    said = {"notify": {"urls": [hook.url]}}
    Watched(world, A, **said).tick()
    for path in (world.folder / "sandbox" / "state").glob("renewd.db*"):
        path.unlink() if not path.name.endswith(".lock") else None
    watched = Watched(world, A, **said)
    for after in (MINUTE, MINUTE, timedelta(hours=2), PASS):
        watched.tick(after)
    assert [message["title"].partition(" (")[0] for message in hook.messages] == [
        "renewd: failed",
        "renewd: well again",
    ]
    assert "the journal" in hook.messages[0]["message"]


@pytest.mark.parametrize("keys", [{}, {"notify": {"urls": ["json://127.0.0.1:1/"], "on": ["failed"]}}])
def test_renewals_that_nobody_wants_to_hear_of_are_not_kept(world: World, keys: dict[str, Any]):
    watched = Watched(world, A, **keys)
    watched.tick()
    assert watched.notifier.troubles.renewed() == []
