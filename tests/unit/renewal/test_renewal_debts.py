"""What a rollout left owing: tried again ever more seldom, never forgotten, and never in the way of the next certificate."""

from datetime import timedelta
from typing import Any

from renewd.renewal import by_hand, passes
from tests.clocks import FakeClock
from tests.world import World, results

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
    passes._Pass(context, passes.plan(context, context.loaded.targets)).run()
    context.close()
    world.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]


def left(world: World, name: str = A) -> timedelta:
    return world.live(name).not_valid_after_utc - world.clock.now()


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
