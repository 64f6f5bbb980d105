"""The line of privileges: one side obtains and hands over, the other judges, installs, runs hooks and answers."""

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.cli import receiving
from renewd.clock import SystemClock
from renewd.config import load, sides
from renewd.config.sides import Line
from renewd.errors import StateUnusable
from renewd.journal import Journal
from renewd.renewal import by_hand, events, forgetting, handover, passes, preflight
from renewd.renewal.context import Context
from tests.certificates import Authority
from tests.servers import Site
from tests.world import World, put_by_hand, results

A, B = "a.example", "b.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """In real time, which the side that installs has too."""
    world = World(tmp_path)
    yield world
    world.close()


class Machine:
    """Both sides of one machine; the one that installs works whenever the other one waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.line = Line(str(world.folder / "requests"), str(world.folder / "answers"))
        os.mkdir(self.line.answers, 0o700)
        self.there, self.dies = True, False

    def obtaining(self, *entries) -> Context:
        loaded = load.load(self.world.write(*entries, schedule={"concurrency": 1}))
        context = Context(
            sides.obtaining(loaded, self.line), clock=_Between(self), emit=self.world.events.append
        )
        self.world._contexts.append(context)
        return context

    def install(self) -> None:
        """What renewd-deploy.service does."""
        if self.there:
            for number, content in receiving._taken(self.line.requests):
                if self.dies:
                    continue
                receiving._put(self.line.answers, number, receiving._answer(self.path, content))

    @property
    def path(self) -> str:
        return str(self.world.folder / "config.yaml")

    def request(self, content: object, name: str = "0" * 32 + ".request") -> Path:
        """What some process of the side that obtains leaves there."""
        Path(self.line.requests).mkdir(mode=0o700, exist_ok=True)
        path = Path(self.line.requests, name)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def answered(self, content: object) -> dict:
        """The answer to a request, made by hand."""
        self.request(content)
        self.install()
        (answer,) = Path(self.line.answers).iterdir()
        return json.loads(answer.read_text())


class _Between(SystemClock):
    """While this side waits for an answer the other one works."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self._machine.install()
        return super().wait(stop, seconds)


@pytest.fixture
def machine(world: World) -> Machine:
    world.sandbox.seed(A, days_left=80)
    return Machine(world)


def run(context: Context):
    return results(passes.run(context, context.loaded.targets))


def test_what_is_obtained_goes_live_on_the_other_side_with_its_hooks(machine: Machine, world: World):
    ran = world.folder / "ran"
    context = machine.obtaining(world.entry(A, hooks={"check": f"touch {ran}"}))
    assert run(context) == {A: "adopted"}
    assert ran.exists()
    assert world.live(A) == context.live_leaf(context.loaded.targets[0])
    assert os.listdir(machine.line.requests) == []
    assert (world.folder / "live" / A / "privkey.pem").stat().st_mode & 0o777 == 0o600


def leave(folder: str, *names: str) -> None:
    """What crashes left there more than an hour ago, and something young."""
    for name in (*names, "young.request", "young.answer"):
        path = Path(folder, name)
        path.write_text("a key")
        if name in names:
            os.utime(path, (path.stat().st_mtime - 3700,) * 2)


def test_requests_that_nobody_can_wait_for_any_more_are_taken_away(machine: Machine):
    context = machine.obtaining(A)
    context.offline = True  # nothing is handed over meanwhile
    os.mkdir(machine.line.requests, 0o700)
    leave(machine.line.requests, "old.request", ".1.request.0123456789ab.renewd")
    run(context)
    assert sorted(os.listdir(machine.line.requests)) == ["young.answer", "young.request"]


def test_answers_that_nobody_fetched_are_taken_away(machine: Machine):
    leave(machine.line.answers, "old.answer", ".2.answer.0123456789ab.renewd")
    receiving._forget(machine.line.answers)
    assert sorted(os.listdir(machine.line.answers)) == ["young.answer", "young.request"]


@pytest.mark.fault(85)
def test_what_fails_the_check_there_is_put_back_on_both_sides_and_told_as_ever(
    machine: Machine, world: World
):
    bad = world.folder / "bad"
    entry = world.entry(
        A, hooks={"check": f"sh -c 'if [ -e {bad} ]; then echo broken configuration; exit 1; fi'"}
    )
    context = machine.obtaining(entry)
    assert run(context) == {A: "adopted"}
    before, handed = world.live(A), context.live_leaf(context.loaded.targets[0])
    bad.touch()
    (outcome,) = passes.run(context, context.loaded.targets, forced=[A])
    assert str(outcome.result) == "put_back"
    assert "broken configuration" in outcome.why
    assert world.live(A) == before
    assert context.live_leaf(context.loaded.targets[0]) == handed
    bad.unlink()
    assert results(by_hand.deploy(context, context.loaded.targets)) == {A: "deployed"}
    assert world.live(A) != before


def test_a_first_one_whose_reload_fails_there_stays_and_is_owed(machine: Machine, world: World):
    context = machine.obtaining(world.entry(A, hooks={"reload": "false"}))
    assert run(context) == {A: "owed"}
    assert world.live(A) == context.live_leaf(context.loaded.targets[0])


def test_one_that_fails_costs_only_itself(machine: Machine, world: World):
    world.sandbox.seed(B, days_left=80)
    in_the_way = world.folder / "live" / B
    in_the_way.parent.mkdir()
    in_the_way.write_text("a file where a folder should be")
    context = machine.obtaining(world.entry(A), world.entry(B))
    assert run(context) == {A: "adopted", B: "owed"}
    assert world.live(A)


def test_hooks_that_share_a_group_run_once_there(machine: Machine, world: World):
    world.sandbox.seed(B, days_left=80)
    count = world.folder / "count"
    hooks = {"reload": f"sh -c 'echo >>{count}'"}
    context = machine.obtaining(world.entry(A, hooks=hooks), world.entry(B, hooks=hooks))
    assert set(run(context).values()) == {"adopted"}
    assert count.read_text() == "\n"


def test_no_hook_is_run_on_the_side_that_obtains(machine: Machine, world: World, monkeypatch):
    ran = world.folder / "ran"
    machine.there = False
    monkeypatch.setattr(handover, "TAKEN_WITHIN", 0.0)
    hooks = dict.fromkeys(("pre", "check", "reload", "post"), f"touch {ran}")
    context = machine.obtaining(world.entry(A, hooks=hooks))
    (outcome,) = passes.run(context, context.loaded.targets)
    assert "did not answer" in outcome.why
    assert str(outcome.result) == "owed"
    list(preflight.looks(context, context.loaded.targets))
    assert not ran.exists()
    assert os.listdir(machine.line.requests) == []


def test_one_that_dies_over_a_request_is_not_waited_for(machine: Machine):
    machine.dies = True
    context = machine.obtaining(A)
    (outcome,) = passes.run(context, context.loaded.targets)
    assert "ended without an answer" in outcome.why
    machine.dies = False
    assert results(by_hand.deploy(context, context.loaded.targets)) == {A: "deployed"}


def test_one_that_is_at_work_is_waited_for(machine: Machine):
    with receiving._at_work(machine.line.answers):
        assert handover._busy(machine.line)
    assert not handover._busy(machine.line)


def test_asked_to_stop_it_takes_its_request_back_and_goes_on_at_the_next_start(
    machine: Machine, world: World
):
    machine.there = False
    context = machine.obtaining(A)
    context.emit = lambda event: context.stop.set() if isinstance(event, events.Installed) else None
    assert run(context) == {A: "parked"}
    assert os.listdir(machine.line.requests) == []
    machine.there = True
    again = machine.obtaining(A)
    assert run(again) == {A: "adopted"}
    assert world.calls(A, "order") == 0
    assert world.live(A)


def test_what_is_not_served_goes_back_on_both_sides(machine: Machine, world: World, nginx):
    context = machine.obtaining(A)
    assert run(context) == {A: "adopted"}
    before = world.live(A)
    live = world.folder / "live" / A
    server = nginx(Site(A, live / "fullchain.pem", live / "privkey.pem"))
    confirm = {"connect": f"127.0.0.1:{server.port}", "server_name": A, "within": "1s"}
    context = machine.obtaining(world.entry(A, confirm=confirm))
    (outcome,) = passes.run(context, context.loaded.targets, forced=[A])
    assert str(outcome.result) == "put_back"
    assert world.live(A) == before


def test_what_is_there_already_is_checked_and_reloaded_once_more(machine: Machine, world: World):
    count = world.folder / "count"
    context = machine.obtaining(world.entry(A, hooks={"reload": f"sh -c 'echo >>{count}'"}))
    assert run(context) == {A: "adopted"}
    assert results(by_hand.deploy(context, context.loaded.targets)) == {A: "deployed"}
    assert count.read_text() == "\n\n"


def test_files_that_somebody_deleted_there_are_handed_over_again_without_an_order(
    machine: Machine, world: World
):
    context = machine.obtaining(A)
    assert run(context) == {A: "adopted"}
    assert run(context) == {}
    shutil.rmtree(world.folder / "live" / A)
    assert run(context) == {A: "deployed"}
    assert world.live(A) == context.live_leaf(context.loaded.targets[0])
    assert world.calls(A, "order") == 0


class Shared:
    """A in a folder and B at fixed paths, both of them live on the side that installs."""

    def __init__(self, machine: Machine, world: World) -> None:
        world.sandbox.seed(B, days_left=80)
        self.machine, self.world = machine, world
        live = world.folder / "live"
        self.files = {"fullchain": str(live / "b.pem"), "key": str(live / "b.key")}
        assert set(run(self.obtaining(both=True)).values()) == {"adopted"}

    def obtaining(self, *, both: bool = False) -> Context:
        more = [self.world.entry(B, install={"files": self.files})] if both else []
        return self.machine.obtaining(self.world.entry(A), *more)

    def known(self) -> tuple[bool, bool]:
        """Whether anything of B is kept: on the side that obtains, on the one that installs."""
        state = self.world.folder / "sandbox" / "state"
        return (state / "handed" / B).exists(), (Path(sides.beside(str(state))) / "store" / B).exists()

    def tried_there(self) -> set[str]:
        with Journal.open(
            sides.beside(str(self.world.folder / "sandbox" / "state")), SystemClock()
        ) as journal:
            return set(journal.known())


@pytest.fixture
def shared(machine: Machine, world: World) -> Shared:
    return Shared(machine, world)


def test_what_is_not_watched_any_more_is_forgotten_on_both_sides(shared: Shared, world: World):
    context = shared.obtaining()
    live = world.files()
    assert shared.known() == (True, True)
    assert forgetting.forget(context, B) is not None
    assert shared.known() == (False, False)
    assert context.journal.known().keys() == shared.tried_there() == {A}
    assert world.files() == live
    assert {"b.pem", "b.key"} < live.keys()


def test_what_the_other_side_does_not_forget_is_not_forgotten_here(
    shared: Shared, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    context = shared.obtaining()
    shared.obtaining(both=True)  # the file, as the other side reads it now
    with pytest.raises(StateUnusable, match=r"'b\.example' is still watched"):
        forgetting.forget(context, B)
    machine.there = False
    monkeypatch.setattr(handover, "TAKEN_WITHIN", 0.0)
    with pytest.raises(StateUnusable, match="it did not answer"):
        forgetting.forget(context, B)
    assert shared.known() == (True, True)
    assert B in context.journal.known()


def test_asked_to_stop_while_the_other_side_is_waited_for_nothing_is_forgotten(
    shared: Shared, machine: Machine
):
    context = shared.obtaining()
    machine.there = False
    context.stop.set()
    with pytest.raises(StateUnusable, match="asked to stop"):
        forgetting.forget(context, B)
    assert shared.known() == (True, True)
    assert os.listdir(machine.line.requests) == []


def test_an_order_of_a_shorter_life_takes_the_place_of_what_others_left_on_the_other_side(
    machine: Machine, world: World
):
    folder = world.folder / "live" / A
    folder.mkdir(parents=True)
    theirs = put_by_hand(world, folder)
    world.sandbox.seed(A, days_left=None, lifetime_days=6, validated=True)
    context = machine.obtaining(A)
    assert run(context) == {A: "renewed"}
    assert world.live(A) == context.live_leaf(context.loaded.targets[0]) != theirs


def test_an_order_of_a_shorter_life_that_was_put_back_goes_live_on_both_sides_later(
    machine: Machine, world: World
):
    bad = world.folder / "bad"
    context = machine.obtaining(world.entry(A, hooks={"check": f"test ! -e {bad}"}))
    assert run(context) == {A: "adopted"}
    long = world.live(A)
    world.sandbox.portal.holdings[A].lifetime = timedelta(days=6)
    bad.touch()
    assert results(passes.run(context, context.loaded.targets, forced=[A])) == {A: "put_back"}
    assert world.live(A) == long
    bad.unlink()
    assert results(by_hand.deploy(context, context.loaded.targets)) == {A: "deployed"}
    assert world.live(A) == context.live_leaf(context.loaded.targets[0]) != long


# What nobody should be able to do who has taken over the side that obtains.


def item(issued, **other) -> dict:
    own = {"identity": A, "issuer": "sandbox", "order_uri": None}
    return {
        "targets": [
            own | {"fullchain": issued.fullchain_pem.decode(), "key": issued.key_pem.decode()} | other
        ]
    }


@pytest.fixture
def watched(machine: Machine, world: World) -> Machine:
    """A is configured; nothing is there yet."""
    world.write(A)
    return machine


@pytest.mark.parametrize("name", [A, "", "..", "../live", "unknown.example", 7, {"a": 1}])
def test_what_is_to_be_forgotten_touches_nothing_that_is_watched_or_lies_elsewhere(
    shared: Shared, world: World, name: object
):
    shared.obtaining()
    before = world.files()
    for old in Path(shared.machine.line.answers).iterdir():
        old.unlink()
    answer = shared.machine.answered({"forget": name})
    assert ("still watched" in answer.get("error", "")) is (name == A)
    assert shared.known() == (True, True)
    assert world.files() == before


@pytest.mark.fault(37)
def test_a_certificate_of_another_authority_is_refused(watched: Machine, world: World):
    answer = watched.answered(item(Authority.new().issue(A)))
    assert answer["outcomes"][A]["result"] == "failed"
    assert "root" in answer["outcomes"][A]["why"]
    assert not (world.folder / "live").exists()


def test_a_name_that_is_not_watched_is_refused(watched: Machine, world: World):
    answer = watched.answered(item(Authority.new().issue("evil.example"), identity="evil.example"))
    assert answer["outcomes"] == {"evil.example": {"result": "failed", "why": "it is not watched here"}}
    assert not (world.folder / "live").exists()


def test_an_issuer_that_is_not_the_targets_is_refused(watched: Machine):
    answer = watched.answered(item(Authority.new().issue(A), issuer="evil"))
    assert "not this certificate's" in answer["outcomes"][A]["why"]


@pytest.mark.parametrize(
    "content",
    ["", "not json", "[]", "{}", '{"targets": 7}', '{"targets": [{}]}', "[" * 5000, '{"targets": [null]}'],
)
def test_what_is_no_request_is_answered_and_changes_nothing(watched: Machine, world: World, content):
    assert "no request" in watched.answered(content)["error"]
    assert not (world.folder / "live").exists()


def test_links_strangers_files_and_odd_names_are_taken_away_unread(watched: Machine, world: World):
    secret = world.folder / "secret"
    secret.write_text(json.dumps({"targets": []}))
    folder = Path(watched.line.requests)
    folder.mkdir(mode=0o700)
    (folder / ("1" * 32 + ".request")).symlink_to(secret)
    os.link(secret, folder / ("2" * 32 + ".request"))
    os.mkfifo(folder / ("3" * 32 + ".request"))
    (folder / ("4" * 32 + ".request")).mkdir()
    watched.request({"targets": []}, "../x.request".replace("/", "_"))
    watched.install()
    assert os.listdir(watched.line.answers) == []
    assert os.listdir(folder) == []
    assert secret.exists()


@pytest.mark.parametrize("mode", [0o660, 0o606])
def test_a_configuration_that_others_can_write_is_not_followed(watched: Machine, world: World, mode):
    os.chmod(watched.path, mode)
    answer = watched.answered(item(Authority.new().issue(A)))
    assert re.search("others than root can write|everybody may write", answer["error"])
    assert not (world.folder / "live").exists()
