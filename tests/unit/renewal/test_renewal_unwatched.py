"""What was begun for a certificate that is not watched any more, or under other names, comes to an end."""

from datetime import timedelta
from pathlib import Path

from renewd.journal.attempt import ABANDONED
from renewd.renewal import passes
from renewd.renewal.context import Context
from tests.world import World

OLD, NEW = "a.example", "a.example,b.example"


def watching(world: World, name: str) -> Context:
    root = world.folder / "www"
    root.mkdir(exist_ok=True)
    challenge = {"type": "http-01", "webroot": str(root), "self_check": "off"}
    return world.context(world.entry(name, challenge=challenge))


def waits(world: World) -> Context:
    """An order that waits for the service, with its proof in the web root."""
    world.sandbox.seed(OLD, days_left=None)
    world.sandbox.seed(NEW, days_left=None, validated=True)
    world.sandbox.fault("finalize", "status=429+600")
    context = watching(world, OLD)
    assert [str(one.result) for one in passes.run(context, context.loaded.targets)] == ["parked"]
    assert proofs(world)
    return context


def proofs(world: World) -> list[Path]:
    return [path for path in (world.folder / "www").rglob("*") if path.is_file()]


def test_when_a_name_is_added_the_order_of_before_ends_and_its_proof_is_taken_away(world: World):
    waits(world)
    context = watching(world, NEW)
    passes.run(context, context.loaded.targets)
    assert context.journal.under_way() == []
    (before, _), *_ = context.journal.history(OLD)
    assert before.outcome == ABANDONED
    assert before.failure is not None
    assert "not in the configuration any more" in before.failure.message
    assert proofs(world) == []


def test_what_is_watched_is_left_to_go_on(world: World):
    context = waits(world)
    passes.run(context, context.loaded.targets)
    assert len(context.journal.under_way()) == len(proofs(world)) == 1


def test_what_another_renewd_works_on_is_left_to_it(world: World):
    journal = waits(world).journal
    fence = journal.take(OLD, "elsewhere/boot/1/1")
    context = watching(world, NEW)
    passes.run(context, context.loaded.targets)
    assert [one.identity for one in journal.under_way()] == [OLD]
    journal.release(OLD, fence)
    passes.run(context, context.loaded.targets)
    assert journal.under_way() == []


def test_what_was_taken_out_may_come_back_for_a_week_and_then_nothing_stays_under_way(world: World):
    waits(world)
    world.sandbox.seed("other.example", days_left=None, validated=True)
    context = watching(world, "other.example")
    world.clock.advance(timedelta(days=6))
    passes.run(context, context.loaded.targets)
    assert [one.identity for one in context.journal.under_way()] == [OLD]
    world.clock.advance(timedelta(days=2))
    passes.run(context, context.loaded.targets)
    assert context.journal.under_way() == []
