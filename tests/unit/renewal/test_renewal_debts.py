"""What a rollout left owing: tried again ever more seldom, never forgotten, and never in the way of the next certificate."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from renewd.install.installer import Installer, Version
from renewd.renewal import by_hand, debts, events, passes
from tests.clocks import FakeClock
from tests.world import World, put_live, results

A, B = "a.example", "b.example"


def seeded(world: World, *names: str, days_left: float | None = 80) -> None:
    for name in names:
        world.sandbox.seed(name, days_left=days_left, validated=True)


def run(world: World, *names: str, forced: tuple[str, ...] = (), **keys: Any) -> list[passes.Outcome]:
    context = world.context(*(world.entry(name, **keys) for name in names or (A,)))
    outcomes = passes.run(context, context.loaded.targets, forced=forced)
    context.close()
    return outcomes


def aged(world: World, *names: str, days_left: float = 25) -> None:
    """Live certificates that are due, as one round leaves them."""
    seeded(world, *names, days_left=days_left)
    context = world.context(*names)
    put_live(context)
    context.close()
    world.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]


def left(world: World, name: str = A) -> timedelta:
    return world.live(name).not_valid_after_utc - world.clock.now()


class Killed(BaseException):
    """The process ends here, as it were."""


def versions(world: World) -> list[Version]:
    context = world.context(A)
    return context.installer.versions(context.loaded.targets[0])


BROKEN = {"post": "false"}


def test_a_hook_that_stays_broken_is_tried_ever_more_seldom(world: World, clock: FakeClock):
    seeded(world, A)
    pauses = []
    for _ in range(5):
        (outcome,) = run(world, hooks=BROKEN)
        assert outcome.next_try_at is not None
        pauses.append(round((outcome.next_try_at - clock.now()).total_seconds() / 60))
        clock.advance(outcome.next_try_at - clock.now())
    assert pauses == [1, 5, 15, 60, 60]


def test_a_version_that_was_put_back_is_tried_ever_more_seldom(world: World, clock: FakeClock):
    aged(world, A)
    hours = []
    for _ in range(4):
        (outcome,) = run(world, hooks={"check": "false"})
        assert outcome.next_try_at is not None
        hours.append(round((outcome.next_try_at - clock.now()).total_seconds() / 3600))
        clock.advance(outcome.next_try_at - clock.now())
    assert hours == [1, 6, 24, 24]


def test_a_debt_is_told_with_its_time_by_every_pass_so_that_a_restart_does_not_lose_it(world: World):
    seeded(world, A)
    (outcome,) = run(world, hooks=BROKEN)
    (again,) = run(world, hooks=BROKEN)
    assert (again.result, again.next_try_at) == ("held", outcome.next_try_at)


def test_a_hook_that_stays_broken_does_not_stop_the_next_renewal(world: World, clock: FakeClock):
    seeded(world, A)
    run(world, hooks=BROKEN)
    clock.advance(timedelta(days=60))
    assert results(run(world, hooks=BROKEN)) == {A: "owed"}
    assert world.calls(A, "order") == 1
    assert left(world) > timedelta(days=80)


def test_a_version_that_was_put_back_and_is_damaged_since_does_not_stop_the_next_renewal(
    world: World, clock: FakeClock
):
    aged(world, A)
    assert results(run(world, hooks={"check": "false"})) == {A: "put_back"}
    versions = world.folder / "live" / A / "versions"
    current = (world.folder / "live" / A / "current").resolve().name
    for version in versions.iterdir():
        if version.name != current:
            (version / "fullchain.pem").write_bytes(b"damaged")
    clock.advance(timedelta(hours=2))
    assert results(run(world)) == {A: "adopted"}, "the portal has it still"
    assert left(world) > timedelta(days=80)


def test_force_gets_a_new_certificate_whatever_is_owed(world: World, clock: FakeClock):
    seeded(world, A)
    run(world, hooks=BROKEN)
    clock.advance(timedelta(minutes=2))
    assert results(run(world, forced=(A,))) == {A: "renewed"}
    assert world.calls(A, "order") == 1


def test_a_version_lost_before_it_could_go_live_leaves_the_hooks_of_the_live_one_to_run(
    world: World, clock: FakeClock
):
    seeded(world, A)
    run(world)
    clock.advance(timedelta(minutes=1))
    assert results(run(world, hooks={"pre": "false"}, forced=(A,))) == {A: "failed"}
    versions = world.folder / "live" / A / "versions"
    current = (world.folder / "live" / A / "current").resolve().name
    for version in versions.iterdir():
        if version.name != current:
            (version / "manifest.json").unlink()
    clock.advance(timedelta(hours=2))
    assert results(run(world)) == {A: "deployed"}
    assert results(run(world)) == {}


def test_an_install_that_failed_is_tried_again_and_stops_nobody_else(world: World, clock: FakeClock):
    aged(world, A, B)
    root = world.folder / "live" / A
    (root / "fullchain.pem").unlink()
    (root / "fullchain.pem").mkdir()  # a place that cannot be switched
    outcomes = results(run(world, A, B))
    assert outcomes[B] == "renewed"
    assert outcomes[A] != "renewed"
    (root / "fullchain.pem").rmdir()
    (root / "fullchain.pem").symlink_to("current/fullchain.pem")
    clock.advance(timedelta(days=1, minutes=1))
    assert results(run(world, A, B)) in ({A: "deployed"}, {A: "renewed"})
    assert left(world) > timedelta(days=80)


def test_a_check_that_never_passes_lets_the_new_one_go_live_before_the_old_one_ends(
    world: World, clock: FakeClock
):
    aged(world, A, days_left=4)
    for _ in range(12):
        outcomes = run(world, challenge=None, hooks={"check": "false"})
        assert left(world) > timedelta(), "the live one never runs out"
        if outcomes and outcomes[0].next_try_at:
            clock.advance(outcomes[0].next_try_at - clock.now())
    assert left(world) > timedelta(days=30)
    assert world.calls(A, "order") == 1


def test_renewing_by_hand_does_not_end_a_rollback(world: World, clock: FakeClock):
    aged(world, A)
    clock.advance(timedelta(days=1))
    assert results(run(world)) == {A: "renewed"}
    context = world.context(A, by_hand=True)
    assert results(by_hand.rollback(context, context.loaded.targets[0], None)) == {A: "deployed"}
    assert results(passes.run(context, context.loaded.targets)) == {A: "held"}
    assert left(world) < timedelta(days=25)


def test_a_rollback_is_over_once_something_newer_went_live(world: World, clock: FakeClock):
    aged(world, A)
    clock.advance(timedelta(days=1))
    assert results(run(world)) == {A: "renewed"}
    context = world.context(A, by_hand=True)
    target = context.loaded.targets[0]
    by_hand.rollback(context, target, None)
    assert context.installer.pinned(target)
    clock.advance(timedelta(minutes=1))
    assert results(passes.run(context, [target], forced=(A,))) == {A: "adopted"}
    assert not context.installer.pinned(target)


def test_a_rollback_whose_check_fails_is_not_tried_again_by_itself(world: World, clock: FakeClock):
    aged(world, A)
    clock.advance(timedelta(days=1))
    assert results(run(world)) == {A: "renewed"}
    context = world.context(world.entry(A, hooks={"check": "false"}), by_hand=True)
    assert results(by_hand.rollback(context, context.loaded.targets[0], None)) == {A: "put_back"}
    clock.advance(timedelta(days=88))
    run(world)
    assert left(world) > timedelta(days=1)


# A rollback a day


def reloads(world: World, *bodies: str) -> dict[str, str]:
    """Hooks whose reload does at its n-th run what the n-th body says; the last one from then on."""
    script, count = world.folder / "reload.sh", world.folder / "reloads"
    cases = "".join(f"{number}) {body};;\n" for number, body in enumerate(bodies[:-1], 1))
    script.write_text(
        f"#!/bin/sh\necho >>{count}\ncase $(grep -c '' {count}) in\n{cases}*) {bodies[-1]};;\nesac\n"
    )
    script.chmod(0o700)
    return {"reload": str(script)}


def test_a_reload_that_fails_twice_within_a_day_keeps_the_new_files_the_second_time(
    world: World, clock: FakeClock
):
    aged(world, A)
    hooks = {"reload": "false"}
    (first,) = run(world, hooks=hooks)
    assert first.result == "put_back"
    assert first.next_try_at is not None
    assert first.next_try_at - clock.now() == timedelta(hours=1)
    clock.advance(timedelta(hours=1))
    (second,) = run(world, hooks=hooks)
    assert second.result == "owed"
    assert second.next_try_at is not None
    assert second.next_try_at - clock.now() == timedelta(minutes=1)
    assert left(world) > timedelta(days=80)
    assert len(world.told(events.PutBack)) == len(world.told(debts.Kept)) == 1
    assert world.calls(A, "order") == 1


def test_files_are_put_back_at_most_once_a_day_however_long_a_reload_fails(world: World, clock: FakeClock):
    aged(world, A, days_left=28)
    at = []
    while len(at) < 200:
        before = len(world.told(events.PutBack))
        (outcome,) = run(world, hooks={"reload": "false"}, forced=(A,) if len(at) % 50 == 49 else ())
        at += [clock.now()] if len(world.told(events.PutBack)) > before else [None]
        assert outcome.next_try_at is not None
        clock.advance(max(outcome.next_try_at - clock.now(), timedelta(seconds=1)))
    times = [moment for moment in at if moment is not None]
    assert all(later - earlier >= timedelta(days=1) for earlier, later in pairwise(times)), times


def test_a_check_that_fails_does_not_count_as_a_rollback_for_nothing_was_loaded(
    world: World, clock: FakeClock
):
    aged(world, A)
    assert results(run(world, hooks={"check": "false"})) == {A: "put_back"}
    clock.advance(timedelta(hours=1))
    assert results(run(world, hooks={"reload": "false"})) == {A: "put_back"}
    assert left(world) < timedelta(days=26)


@pytest.mark.fault(59)
@pytest.mark.parametrize("event", ["install.put_back", "hook.ran"])
def test_killed_on_the_way_back_the_next_start_completes_it_and_counts_one_rollback(
    world: World, clock: FakeClock, event: str
):
    """Killed after the switch back, or after the reload of the old files and before the journal knew of it."""
    aged(world, A)
    hooks = reloads(world, "exit 1", "exit 0")
    context = world.context(world.entry(A, hooks=hooks))

    def emit(told: events.Event) -> None:
        world.events.append(told)
        if told.event == event:
            raise Killed

    context.emit = emit
    with pytest.raises(Killed):
        passes.run(context, context.loaded.targets)
    context.close()
    assert left(world) < timedelta(days=26)
    (outcome,) = run(world, hooks=hooks)
    assert outcome.result == "put_back"
    assert outcome.next_try_at is not None
    assert outcome.next_try_at - clock.now() == timedelta(hours=1)
    assert left(world) < timedelta(days=26)
    clock.advance(timedelta(hours=1))
    assert results(run(world, hooks=hooks)) == {A: "deployed"}
    assert world.calls(A, "order") == 1


def test_killed_before_the_switch_back_the_next_start_goes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    aged(world, A)
    real, switches = Installer.switch, []

    def switch(installer: Installer, target: Any, version: str) -> str | None:
        switches.append(version)
        if len(switches) == 2:
            raise Killed
        return real(installer, target, version)

    with monkeypatch.context() as patched:
        patched.setattr(Installer, "switch", switch)
        with pytest.raises(Killed):
            run(world, hooks={"reload": "false"})
    assert left(world) > timedelta(days=80), "the new files are live as the process ends"
    assert results(run(world)) == {A: "put_back"}
    assert left(world) < timedelta(days=26)


# Told until it is paid


def test_a_debt_that_is_paid_is_told_once(world: World, clock: FakeClock):
    seeded(world, A)
    run(world, hooks=BROKEN)
    since = clock.now()
    clock.advance(timedelta(minutes=1))
    run(world, hooks=BROKEN)
    assert not world.told(debts.DebtPaid)
    clock.advance(timedelta(minutes=5))
    assert results(run(world)) == {A: "deployed"}
    (paid,) = world.told(debts.DebtPaid)
    assert (paid.name, paid.hooks, paid.since, paid.level) == (A, ("post",), since, "info")
    run(world)
    assert len(world.told(debts.DebtPaid)) == 1


def test_a_renewal_pays_what_the_one_before_it_left_owing(world: World, clock: FakeClock):
    seeded(world, A)
    run(world, hooks=BROKEN)
    clock.advance(timedelta(days=61))
    assert results(run(world)) == {A: "renewed"}
    assert len(world.told(debts.DebtPaid)) == 1
    assert world.calls(A, "order") == 1


def test_what_was_put_back_is_not_left_waiting_into_the_old_ones_last_day(world: World, clock: FakeClock):
    aged(world, A, days_left=2.1)
    for _ in range(4):
        (outcome,) = run(world, hooks={"check": "false"})
        if outcome.result == "owed":
            break
        assert outcome.next_try_at is not None
        clock.advance(outcome.next_try_at - clock.now())
    assert outcome.result == "owed"
    assert left(world) > timedelta(days=80)
    old = min(version.not_after for version in versions(world) if version.not_after)
    assert old - clock.now() > timedelta(hours=23)


def due_and_owing(world: World) -> None:
    """What went live is due already, its hook is owed, and the service takes no order."""
    seeded(world, A, days_left=25)
    world.sandbox.fault("order", "status=500", None)
    context = world.context(world.entry(A, hooks=BROKEN))
    put_live(context)
    context.close()


def test_what_is_owed_is_tried_while_the_renewal_fails_and_waits(world: World, clock: FakeClock):
    due_and_owing(world)
    began = clock.now()
    while clock.now() - began < timedelta(hours=4):
        (outcome,) = run(world, hooks=BROKEN)
        assert outcome.next_try_at is not None
        clock.advance(max(outcome.next_try_at - clock.now(), timedelta(seconds=1)))
    tries = [event for event in world.told(events.Owed) if event.hooks == ("post",)]
    assert 5 <= len(tries) <= 8, "after 1, 5, 15, 60, 60 … minutes"
    assert world.calls(A, "order") >= 3, "and the renewal is tried at its own times"


def test_paying_what_is_owed_does_not_hide_that_the_renewal_fails(world: World, clock: FakeClock):
    due_and_owing(world)
    clock.advance(timedelta(minutes=2))
    (outcome,) = run(world)
    assert outcome.result == "failed"
    assert outcome.next_try_at is not None
    assert len(world.told(debts.DebtPaid)) == 1
    world.sandbox.faults.clear()
    clock.advance(outcome.next_try_at - clock.now())
    assert results(run(world)) == {A: "renewed"}
