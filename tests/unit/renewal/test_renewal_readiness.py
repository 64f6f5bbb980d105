"""What is lacking before an order: found by a preflight and by an attempt with the same words."""

from pathlib import Path

import pytest

from renewd.errors import InstallFailed
from renewd.renewal import passes, preflight, readiness
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
