"""One daemon a state directory, and the file that tells of it."""

import fcntl
import os
import shutil
import threading
from pathlib import Path

import pytest

from renewd.daemon import presence
from renewd.errors import AlreadyRunning, StateUnusable
from tests.clocks import FakeClock


@pytest.mark.fault(89)
def test_a_second_one_is_refused_with_the_pid_of_the_first(tmp_path: Path):
    with presence.hold(str(tmp_path)):
        assert presence.ask(str(tmp_path)).pid == os.getpid()
        with pytest.raises(AlreadyRunning) as refused, presence.hold(str(tmp_path)):
            pass
        assert refused.value.pid == os.getpid()
    assert not presence.ask(str(tmp_path)).running


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        '{"last_pass": "2026-13"}',
        '{"last_pass": "2026-11-23T12:00:00"}',
        '{"a":\xff',
        '{"held": [], "last_pass": "2026-11-23T12:00:00+00:00"}',
    ],
)
def test_a_file_that_is_torn_tells_nothing(tmp_path: Path, text: str):
    (tmp_path / presence.FACTS).write_text(text, encoding="latin-1")
    assert presence.ask(str(tmp_path)).last_pass is None


def test_what_targets_lack_is_told_while_it_runs(tmp_path: Path, clock: FakeClock):
    presence.tell(
        str(tmp_path), held={"a.example": "no such program"}, suspect="it is 1970", last_pass=clock.now()
    )
    assert presence.ask(str(tmp_path)) == presence.Presence(running=False, last_pass=clock.now())
    with presence.hold(str(tmp_path)):
        found = presence.ask(str(tmp_path))
    assert (found.held, found.suspect) == ({"a.example": "no such program"}, "it is 1970")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable), presence.hold(str(tmp_path / "file" / "state")):
        pass


def test_asking_leaves_no_files(tmp_path: Path):
    presence.ask(str(tmp_path / "state"))
    assert not list(tmp_path.iterdir())


def test_who_asks_whether_one_runs_keeps_none_from_starting(tmp_path: Path):
    with presence.hold(str(tmp_path)):
        pass
    asking = os.open(tmp_path / presence.LOCK, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)  # as `ask` does, for longer
    threading.Timer(0.2, os.close, (asking,)).start()
    with presence.hold(str(tmp_path)):
        assert presence.ask(str(tmp_path)).running


@pytest.mark.fault(89)
@pytest.mark.parametrize("gone", [False, True])
def test_a_lock_that_was_taken_away_with_its_folder_is_taken_anew(tmp_path: Path, gone: bool):
    state = tmp_path / "state"
    with presence.hold(str(state)) as lock:
        shutil.rmtree(state)
        if not gone:
            state.mkdir()
        lock.insist()
        assert presence.ask(str(state)).pid == os.getpid()
        lock.insist()
        with pytest.raises(AlreadyRunning), presence.hold(str(state)):
            pass
    assert not presence.ask(str(state)).running


@pytest.mark.fault(89)
def test_who_came_meanwhile_is_the_one_daemon_here(tmp_path: Path):
    state = tmp_path / "state"
    with presence.hold(str(state)) as lock:
        shutil.rmtree(state)
        with presence.hold(str(state)), pytest.raises(AlreadyRunning):
            lock.insist()
        lock.insist()
        assert presence.ask(str(state)).running


def test_what_a_daemon_watches_is_told_apart_from_what_a_file_says(tmp_path: Path):
    both, one = presence.mark(["a.example", "b.example"]), presence.mark(["a.example"])
    assert both != one
    assert both == presence.mark(iter(["a.example", "b.example"]))
    assert presence.ask(str(tmp_path)).watched == ""
    presence.tell(str(tmp_path), watched=both)
    assert presence.ask(str(tmp_path)).watched == both


def test_a_file_of_an_older_daemon_says_nothing_of_what_it_watches(tmp_path: Path):
    (tmp_path / presence.FACTS).write_text('{"last_pass": "2026-11-23T12:00:00+00:00", "suspect": ""}')
    found = presence.ask(str(tmp_path))
    assert found.watched == ""
    assert found.last_pass is not None
