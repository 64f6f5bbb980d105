"""What is sent, to real receivers: what goes into one message, to whom it goes again, and what a restart takes as said."""

import json
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from renewd.config import load
from renewd.planning import telling
from renewd.renewal import events
from renewd.renewal.context import Context
from renewd.report import delivery
from renewd.report.notify import FILE, Notifier
from renewd.report.outbox import NotTold, Told
from tests.certificates import Authority
from tests.clocks import FakeClock
from tests.postbox import Hook

A, B = "a.example", "b.example"
MINUTE = timedelta(minutes=1)
TEXT = """
issuers: {{le: {{type: acme, directory: letsencrypt, agree_terms: true}}}}
state_directory: {folder}/state
notify: {{urls: {urls}, on: {on}}}
certificates: [{{names: [a.example, b.example], install: {{directory: "{folder}/live/{{name}}"}}}}]
"""


class Beside:
    """A daemon as far as the Notifier looks at it, and a minute hand; every tick waits until nothing is under way."""

    def __init__(self, folder: Path, clock: FakeClock, urls: list[object], on: list[str]) -> None:
        path = folder / "config.yaml"
        path.write_text(TEXT.format(folder=folder, urls=json.dumps(urls), on=json.dumps(on)))
        self.folder, self.clock, self.last_pass = folder, clock, clock.now()
        self.healthy, self.held = True, ()
        self.context = Context(load.load(str(path)), clock=clock)
        self.told: list[events.Event] = []
        (folder / "state").mkdir(exist_ok=True)
        self.restart()

    def restart(self) -> None:
        """As a new process."""
        self.notifier = Notifier(self.clock, self.told.append)

    def tick(self, *heard: events.Event, after: timedelta = timedelta()) -> None:
        self.clock.advance(after)
        for event in heard:
            self.notifier(event)
        self.notifier.ticked(self)
        if self.notifier.outbox._thread is not None:
            self.notifier.outbox._thread.join()

    def live(self, name: str, not_before: datetime) -> None:
        """A certificate of ninety days on the disk."""
        folder = self.folder / "live" / name
        folder.mkdir(parents=True)
        issued = Authority.new("Test").issue([name], not_before=not_before)
        (folder / "fullchain.pem").write_bytes(issued.fullchain_pem)

    def said(self) -> dict[str, int]:
        """What a restart takes as said."""
        return json.loads((self.folder / "state" / FILE).read_text())["said"]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


@pytest.fixture
def other() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


@pytest.fixture
def beside(tmp_path: Path, clock: FakeClock):
    """The Notifier with these receivers."""
    made: list[Beside] = []

    def beside(*urls: object, on: tuple[str, ...] = ("failed", "expiring", "recovered")) -> Beside:
        made.append(Beside(tmp_path, clock, list(urls), list(on)))
        return made[0]

    yield beside
    for each in made:
        each.context.close()


def failed(name: str = A) -> events.Failed:
    return events.Failed(name=name, stage="order", message="no", remedy="ask", next_try_at=None)


def renewed(name: str = A) -> events.Renewed:
    return events.Renewed(name=name, version="v", not_after=datetime(2027, 1, 1), serial="1")  # noqa: DTZ001 - only its date is shown


def titles(hook: Hook) -> list[str]:
    return [each["title"].partition(" (")[0] for each in hook.messages]


def test_what_comes_up_together_is_one_message(beside, hook: Hook):
    beside(hook.url).tick(failed(A), failed(B))
    assert titles(hook) == ["2 certificates: failed"]


def test_what_comes_up_within_a_quarter_of_an_hour_waits_for_its_end(beside, hook: Hook):
    scene = beside(hook.url)
    scene.tick(failed(A))
    scene.tick(failed(B), after=MINUTE)
    scene.tick(after=telling.HOLD - 2 * MINUTE)
    assert titles(hook) == ["a.example: failed"]
    scene.tick(after=MINUTE)
    assert titles(hook) == ["a.example: failed", "b.example: failed"]


def test_it_gets_louder_with_the_time_that_is_left_and_says_each_rung_once(beside, hook: Hook):
    scene = beside(hook.url)
    scene.live(A, scene.clock.now() - timedelta(days=76))
    for days in (0, 1, 6, 1, 1):  # 14, 13, 7, 6 and 5 days are left of ninety
        scene.tick(after=timedelta(days=days))
    assert [each["message"].partition(". ")[0] for each in hook.messages] == [
        "a.example: expiring: it expires in 14 days",
        "a.example: expiring: it expires in 7 days",
    ]


def test_a_renewal_takes_back_what_was_said(beside, hook: Hook):
    scene = beside(hook.url)
    scene.tick(failed())
    scene.tick(renewed(), after=telling.HOLD)
    assert titles(hook) == ["a.example: failed", "a.example: well again"]
    assert scene.said() == {}


def test_who_took_it_is_not_told_again_while_somebody_else_does_not(beside, hook: Hook, other: Hook):
    other.status = 500
    scene = beside(hook.url, other.url)
    scene.tick(failed())
    for minutes in (1, 5, 15, 60):
        scene.tick(after=minutes * MINUTE)
    assert (titles(hook), other.hits) == (["a.example: failed"], 5)
    assert scene.said() == {f"failed/renewal/{A}": 0}
    assert [each.why for each in scene.told if isinstance(each, NotTold)] == [
        "notify.urls[1] did not take it"
    ]
    other.status = 200
    scene.tick(renewed(), after=60 * MINUTE)
    assert titles(hook) == ["a.example: failed", "a.example: well again"]
    assert other.messages[0]["message"].splitlines() == [
        "a.example: failed: order: no. ask",
        "a.example: well again: all is well again",
    ]


def test_what_nobody_took_is_not_taken_as_said_by_the_next_start(beside, hook: Hook):
    hook.status = 500
    scene = beside(hook.url)
    scene.tick(failed())
    scene.tick(after=MINUTE)
    assert (hook.hits, scene.said()) == (2, {})
    hook.status = 200
    scene.restart()
    scene.tick()
    assert titles(hook) == ["a.example: failed"]
    scene.restart()
    scene.tick(failed(), after=telling.HOLD)
    assert titles(hook) == ["a.example: failed"]


def test_who_accepts_and_never_answers_holds_up_nobody_else(
    beside, hook: Hook, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "SECONDS", 15.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        scene = beside(f"json://127.0.0.1:{mute.getsockname()[1]}/?rto=600", hook.url)
        scene.tick(failed())
        assert titles(hook) == ["a.example: failed"]
    assert {type(each): each for each in scene.told} == {
        Told: Told(notices=1),
        NotTold: NotTold(why="notify.urls[0] had not answered after 15 s", remedy=delivery.REMEDY),
    }


def test_an_address_that_cannot_be_read_keeps_no_other_from_being_told(beside, hook: Hook):
    scene = beside({"file": "/nowhere/url"}, hook.url)
    scene.tick(failed())
    assert titles(hook) == ["a.example: failed"]
    (failure,) = [each for each in scene.told if isinstance(each, NotTold)]
    assert failure.why.startswith("notify.urls[0] cannot be told: there is no secret file /nowhere/url; ")
