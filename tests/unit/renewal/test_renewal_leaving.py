"""renewd asked to stop in the middle of a rollout, and what the next start makes of it."""

import shlex
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.journal import State
from renewd.renewal import by_hand, passes
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from tests.clocks import FakeClock
from tests.world import World, put_live, results

A, B = "a.example", "b.example"


def aged(world: World, *names: str, days_left: float = 25) -> None:
    """Live certificates that are due, as one round leaves them."""
    for name in names:
        world.sandbox.seed(name, days_left=days_left, validated=True)
    context = world.context(*names)
    put_live(context)
    context.close()
    world.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]


def left(world: World, name: str = A) -> timedelta:
    return world.live(name).not_valid_after_utc - world.clock.now()


def stops_in(context: Context, hook: str) -> None:
    """Ask to stop as soon as the hook's own file shows that it runs."""
    started = Path(hook + ".started")

    def watch() -> None:
        while not started.exists():
            if context.stop.wait(0.01):
                return
        context.stop.set()

    threading.Thread(target=watch, daemon=True).start()


@pytest.fixture
def slow(tmp_path: Path):
    """A hook that hangs the first time, and then does what `body` says."""

    def make(name: str, body: str = "exit 0") -> str:
        script = tmp_path / f"{name}.sh"
        started = shlex.quote(f"{script}.started")
        script.write_text(f"#!/bin/sh\nif test -e {started}; then {body}; fi\ntouch {started}\nsleep 60\n")
        script.chmod(0o700)
        return str(script)

    return make


@pytest.mark.parametrize("stage", ["pre", "check", "reload", "post"])
def test_a_hook_that_ends_because_renewd_leaves_is_nobodys_fault_and_the_next_start_goes_on(
    world: World, slow: Any, stage: str
):
    aged(world, A, B)
    hook = slow(stage)
    entries = [world.entry(name, hooks={stage: hook}) for name in (A, B)]
    context = world.context(*entries)
    stops_in(context, hook)
    assert results(passes.run(context, context.loaded.targets)) == {A: "parked", B: "parked"}
    assert not context.journal.owed()
    context.close()

    context = world.context(*entries)
    assert results(passes.run(context, context.loaded.targets)) == {A: "renewed", B: "renewed"}
    assert left(world) > timedelta(days=80)
    assert world.calls(A, "order") == world.calls(A, "finalize") == 1


@pytest.mark.parametrize("stage", ["check", "reload"])
def test_what_was_left_in_the_middle_can_still_be_put_back(world: World, slow: Any, stage: str):
    aged(world, A)
    hook = slow(stage, "exit 1")
    entry = world.entry(A, hooks={stage: hook})
    context = world.context(entry)
    stops_in(context, hook)
    passes.run(context, context.loaded.targets)
    context.close()

    context = world.context(entry)
    assert results(passes.run(context, context.loaded.targets)) == {A: "put_back"}
    assert left(world) < timedelta(days=25)


class Killed(BaseException):
    """The process ends here, as it were."""


def killed_at(world: World, event: str, *entries: Any, **options: Any) -> Context:
    """A pass whose target's thread ends when this event is told."""
    context = world.context(*entries, **options)

    def emit(told: Event) -> None:
        world.events.append(told)
        if told.event == event:
            raise Killed

    context.emit = emit
    with pytest.raises(Killed):
        passes.deploy(context, ready_of(context))
    context.close()
    return context


def ready_of(context: Context) -> list[Any]:
    from renewd.renewal import attempts

    tasks = passes.plan(context, context.loaded.targets)
    return [attempts.take_up(context, task) for task in tasks]


@pytest.mark.fault(59)
def test_killed_after_the_switch_the_next_start_runs_the_hooks_and_can_put_back(world: World):
    aged(world, A)
    killed_at(world, "install.switched", A)
    assert left(world) > timedelta(days=80)
    context = world.context(world.entry(A, hooks={"check": "false"}))
    assert results(passes.run(context, context.loaded.targets)) == {A: "put_back"}
    assert left(world) < timedelta(days=25)
    assert world.calls(A, "order") == 1


@pytest.mark.fault(59)
def test_killed_before_the_switch_and_started_after_the_stored_version_ended_a_new_one_is_got_at_once(
    world: World, clock: FakeClock
):
    aged(world, A)
    context = world.context(A)
    (ready,) = ready_of(context)
    assert ready.attempt.state is State.VALIDATED
    context.close()
    clock.advance(timedelta(days=100))
    context = world.context(A)
    assert results(passes.run(context, context.loaded.targets)) == {A: "renewed"}
    assert left(world) > timedelta(days=80)


def test_a_rollback_that_was_interrupted_is_completed_though_the_version_is_older(
    world: World, clock: FakeClock
):
    aged(world, A)
    context = world.context(A)
    passes.run(context, context.loaded.targets)
    target = context.loaded.targets[0]
    clock.advance(timedelta(minutes=1))
    older = next(v for v in context.installer.versions(target) if v.id != context.installer.current(target))
    journal = context.journal
    fence = journal.take(target.identity)
    context.installer.pin(target)
    journal.begin(
        target.identity, A, "rollback", issuer=None, fence=fence, state=State.VALIDATED, version=older.id
    )
    journal.release(target.identity, fence)
    context.close()
    context = world.context(A)
    assert results(passes.run(context, context.loaded.targets)) == {A: "deployed"}
    assert context.installer.current(target) == older.id


def test_a_rollback_ends_what_was_under_way(world: World, slow: Any):
    aged(world, A)
    hook = slow("reload")
    entry = world.entry(A, hooks={"reload": hook})
    context = world.context(entry)
    stops_in(context, hook)
    passes.run(context, context.loaded.targets)
    context.close()
    context = world.context(entry, by_hand=True)
    (target,) = context.loaded.targets
    assert results(by_hand.rollback(context, target, None)) == {A: "deployed"}
    assert results(passes.run(context, [target])) == {A: "held"}
    assert left(world) < timedelta(days=25)


def test_a_switch_that_fails_in_the_rollout_is_that_targets_failure_alone(world: World):
    aged(world, A, B)
    shown = world.folder / "live" / A / "fullchain.pem"
    script = world.folder / "pre.sh"
    script.write_text(f"#!/bin/sh\nrm {shown} && mkdir {shown}\n")
    script.chmod(0o700)
    context = world.context(world.entry(A, hooks={"pre": str(script)}), B)
    assert results(passes.run(context, context.loaded.targets)) == {A: "failed", B: "renewed"}
    assert not context.journal.under_way()
    fence = context.journal.take(context.loaded.targets[0].identity)
    context.journal.release(context.loaded.targets[0].identity, fence)


def test_going_back_that_fails_is_that_targets_debt_alone(world: World):
    aged(world, A, B)
    shown = world.folder / "live" / A / "fullchain.pem"
    script = world.folder / "check.sh"
    script.write_text(f"#!/bin/sh\ntest -d {shown} && exit 0\nrm {shown} && mkdir {shown}\nexit 1\n")
    script.chmod(0o700)
    context = world.context(*(world.entry(name, hooks={"check": str(script)}) for name in (A, B)))
    assert results(passes.run(context, context.loaded.targets)) == {A: "owed", B: "put_back"}
    assert not context.journal.under_way()


def test_what_was_not_begun_when_renewd_left_is_told_too(world: World, slow: Any):
    aged(world, A, B)
    hook = slow("pre")
    entries = [world.entry(name) for name in (A, B)]
    context = world.context(*entries, world.entry("c.example", hooks={"pre": hook}))
    context.stop.set()
    assert results(passes.run(context, context.loaded.targets)) == dict.fromkeys(
        (A, B, "c.example"), "parked"
    )
    assert world.calls(A, "order") == 0
