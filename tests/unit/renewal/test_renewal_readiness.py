"""What is lacking before an order: found by a preflight and by an attempt with the same words."""

from pathlib import Path

import pytest

from renewd.errors import InstallFailed
from renewd.renewal import by_hand, passes, preflight, readiness
from tests.world import World, results

A = "a.example"


def test_where_nothing_lacks_nothing_is_left_behind(world: World):
    context = world.context(A)
    assert list(readiness.lacks(context, context.loaded.targets[0])) == []
    readiness.insist(context, context.loaded.targets[0], "sandbox")
    assert [path.name for path in Path(context.loaded.configuration.state_directory).iterdir()] == []


def test_a_state_directory_that_cannot_be_written_blocks(world: World):
    world.sandbox.seed(A, days_left=80)
    context = world.context(A)
    state = Path(context.loaded.configuration.state_directory)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text("in the way")
    target = context.loaded.targets[0]
    with pytest.raises(InstallFailed, match="state directory") as refused:
        readiness.insist(context, target, "sandbox")
    assert str(state) in refused.value.remedy
    blocking = [found for found in preflight.look(context, target) if found.level == "blocks"]
    assert any("state directory" in found.what for found in blocking)


@pytest.mark.parametrize("lack", ["ROOM", "INODES"])
def test_a_full_disk_below_the_state_blocks_before_anything_is_ordered(
    world: World, monkeypatch: pytest.MonkeyPatch, lack: str
):
    world.sandbox.seed(A, days_left=None)
    context = world.context(A)
    monkeypatch.setattr(readiness, lack, 1 << 62)  # more than any disk has
    (outcome,) = passes.run(context, context.loaded.targets)
    assert results([outcome]) == {A: "failed"}
    assert "left" in outcome.why
    assert world.calls(A, "order") == 0


def test_nor_is_what_was_validated_elsewhere_finalized_by_hand(world: World, monkeypatch: pytest.MonkeyPatch):
    world.sandbox.seed(A, days_left=None, validated=True)
    uri = world.sandbox.portal.order(A).uri
    context = world.context(A, by_hand=True)
    target = context.loaded.targets[0]
    with monkeypatch.context() as full:
        full.setattr(readiness, "ROOM", 1 << 62)
        (outcome,) = by_hand.finalize(context, target, uri)
    assert results([outcome]) == {A: "failed"}
    assert world.calls(A, "finalize") == 0
    assert results(by_hand.finalize(context, target, uri)) == {A: "renewed"}


def test_nor_what_an_earlier_process_ordered(world: World, monkeypatch: pytest.MonkeyPatch):
    world.sandbox.seed(A, days_left=None)
    world.sandbox.fault("finalize", "status=429+600")
    context = world.context(A)
    assert results(passes.run(context, context.loaded.targets)) == {A: "parked"}
    calls = world.calls(A, "finalize")
    context.close()
    world.clock.advance(601)
    monkeypatch.setattr(readiness, "ROOM", 1 << 62)
    context = world.context(A)
    assert results(passes.run(context, context.loaded.targets)) == {A: "failed"}
    assert world.calls(A, "finalize") == calls
