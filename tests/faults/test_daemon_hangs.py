"""Calls that never return, in the daemon: the pass goes on without them, and leaving is not held up."""

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd import lookup
from renewd.errors import StateUnusable
from renewd.issuers.rcl import Rcl
from renewd.renewal import events, passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.programs import running, until
from tests.world import World, results

A, B = "a.example", "b.example"
# The name service of this process answers for loopback only; for every other name it never does.
MUTE = """
import pathlib, socket, threading
real = socket.getaddrinfo
def mute(host, *args, **kwargs):
    if host == "nobody-answers.example":
        pathlib.Path({asked!r}).touch()
        threading.Event().wait()
    return real(host, *args, **kwargs)
socket.getaddrinfo = mute
from renewd.cli.main import main
main()
"""


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox on the fake clock."""
    world = World(tmp_path, clock)
    yield world
    world.close()


class Hang:
    """The first call for A never returns until the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.end = threading.Event(), threading.Event()
        real = Rcl.current

        def current(issuer: Rcl, target: Any) -> Any:
            if target.name == A and not self.begun.is_set():
                self.begun.set()
                self.end.wait()
            return real(issuer, target)

        monkeypatch.setattr(Rcl, "current", current)

    def a_pass(self, world: World, context: Context, clock: FakeClock, after: timedelta) -> dict[str, str]:
        """One pass, in which so much time passes as soon as the call hangs."""
        moving = threading.Thread(target=lambda: self.begun.wait(30) and clock.advance(after), daemon=True)
        moving.start()
        found = results(passes.run(context, context.loaded.targets))
        moving.join()
        return found


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    hang = Hang(monkeypatch)
    yield hang
    hang.end.set()


@pytest.mark.fault(102)
def test_a_pass_goes_on_without_a_target_that_hangs_and_a_later_one_takes_it_over(
    world: World, clock: FakeClock, hang: Hang
):
    for name in (A, B):
        world.sandbox.seed(name, days_left=80)
    context = world.context(A, B)
    found = hang.a_pass(world, context, clock, passes.HANGS_AFTER + timedelta(minutes=2))
    assert found == {A: "parked", B: "adopted"}
    (told,) = world.told(events.Parked)
    assert told.name == A
    assert "hung" in told.why
    assert results(passes.run(context, context.loaded.targets)) == {A: "adopted"}
    live = world.files()
    hang.end.set()
    until(lambda: not any(thread.name == "renewd-0" for thread in threading.enumerate()))
    assert world.files() == live, "what hung was fenced off"
    assert passes.run(context, context.loaded.targets) == []


@pytest.mark.fault(102)
def test_as_long_as_what_hangs_holds_its_lease_nobody_else_takes_it_up(
    world: World, clock: FakeClock, hang: Hang, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passes, "HANGS_AFTER", timedelta(minutes=5))
    world.sandbox.seed(A, days_left=80)
    context = world.context(A)
    assert hang.a_pass(world, context, clock, timedelta(minutes=7)) == {A: "parked"}
    assert results(passes.run(context, context.loaded.targets)) == {A: "held"}
    hang.end.set()
    until(lambda: not any(thread.name == "renewd-0" for thread in threading.enumerate()))
    assert results(passes.run(context, context.loaded.targets)) == {A: "adopted"}


@pytest.mark.fault(102)
def test_what_ends_when_another_configuration_holds_opens_nothing_that_nobody_would_close(
    world: World, clock: FakeClock, hang: Hang
):
    world.sandbox.seed(A, days_left=80)
    context = world.context(A)
    assert hang.a_pass(world, context, clock, passes.HANGS_AFTER + timedelta(minutes=2)) == {A: "parked"}
    context.close()
    again = world.context(A)
    hang.end.set()
    until(lambda: not any(thread.name == "renewd-0" for thread in threading.enumerate()))
    assert (context._journal, context._issuers) == (None, {})
    for late in (lambda: context.journal, lambda: context.issuer("sandbox")):
        with pytest.raises(StateUnusable, match="another configuration"):
            late()
    clock.advance(timedelta(hours=1))
    assert results(passes.run(again, again.loaded.targets)) == {A: "adopted"}


@pytest.mark.fault(1, 102)
def test_a_name_service_that_never_answers_is_over_with_the_calls_own_time(monkeypatch: pytest.MonkeyPatch):
    silence = threading.Event()

    def never(*_: object, **__: object) -> list[object]:
        silence.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(Exception, match="did not answer"):
        lookup.look_up("nobody-answers.example", 443, 0.05)
    silence.set()


@pytest.mark.fault(60, 102)
def test_leaving_does_not_wait_for_a_name_service_that_never_answers(tmp_path: Path):
    world = World(tmp_path)
    try:
        world.sandbox.seed(A, days_left=None)
        path = Path(world.write(A))
        base = world.sandbox.configuration().split("base_url:")[1].split()[0].strip("'\"")
        path.write_text(path.read_text().replace(base, "https://nobody-answers.example/"))
        asked = tmp_path / "asked"
        with running(str(path), python=("-c", MUTE.format(asked=str(asked)))) as daemon:
            until(asked.exists)
            assert daemon.end() == 0
    finally:
        world.close()
