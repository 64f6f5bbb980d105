"""Live files that somebody changed: told before they are replaced and after the hooks, and never a reason to fail."""

import shlex
from pathlib import Path

import pytest

from renewd.renewal import inspection, passes
from tests.world import World, results

NAME = "a.example"


def renew(world: World, **keys) -> dict[str, str]:
    """One forced renewal, a minute after the one before."""
    world.clock.advance(60)
    context = world.context(world.entry(NAME, **keys))
    return results(passes.run(context, context.loaded.targets, forced={NAME}))


@pytest.fixture
def renewed(world: World) -> Path:
    """The live full chain of a first renewal."""
    world.sandbox.seed(NAME, days_left=5, validated=True)
    assert renew(world)[NAME] in {"adopted", "renewed"}
    world.events.clear()
    return world.folder / "live" / NAME / "fullchain.pem"


def test_what_was_changed_by_hand_is_told_before_it_is_replaced_and_kept(world: World, renewed: Path):
    edited = renewed.read_bytes() + b"# by hand\n"
    renewed.write_bytes(edited)
    assert renew(world) == {NAME: "renewed"}
    (told,) = world.told(inspection.Altered)
    assert told.what.startswith(f"{renewed.resolve().parents[1]}/")
    assert told.what.endswith("another content around the same certificate")
    assert "kept as a version" in told.then
    kept = renewed.parent.glob("versions/*-taken/fullchain.pem")
    assert [path.read_bytes() for path in kept] == [edited]
    assert renewed.read_bytes() != edited


@pytest.mark.fault(87)
@pytest.mark.parametrize("what", ["echo >>", "rm"], ids=["edits", "deletes"])
@pytest.mark.parametrize("hook", ["check", "reload", "post"])
def test_a_hook_that_changes_live_files_is_told(world: World, renewed: Path, hook: str, what: str):
    script = world.folder / "hook.sh"
    script.write_text(f"#!/bin/sh\n{what} {shlex.quote(str(renewed))}\n")
    script.chmod(0o700)
    assert renew(world, hooks={hook: str(script)}) == {NAME: "renewed"}
    (told,) = world.told(inspection.Altered)
    assert str(renewed.parent) in told.what
    assert "see which hook writes there" in told.then


@pytest.mark.fault(87)
def test_what_a_hook_deleted_is_put_back_by_the_next_pass_without_an_order(world: World, renewed: Path):
    script = world.folder / "hook.sh"
    script.write_text(f"#!/bin/sh\nrm {shlex.quote(str(renewed))}\n")
    script.chmod(0o700)
    assert renew(world, hooks={"post": str(script)}) == {NAME: "renewed"}
    orders = world.calls(NAME, "order")
    assert not renewed.exists()
    context = world.context(world.entry(NAME))
    assert results(passes.run(context, context.loaded.targets))[NAME] in {"deployed", "adopted", "renewed"}
    assert renewed.exists()
    assert world.calls(NAME, "order") == orders


def test_old_versions_that_cannot_be_taken_away_spoil_nothing(world: World, renewed: Path, monkeypatch):
    from renewd.errors import InstallFailed
    from renewd.install import versions

    def failing(*_args):
        raise InstallFailed("cannot clean up: input/output error", remedy="look at dmesg")

    monkeypatch.setattr(versions, "prune", failing)
    assert renew(world) == {NAME: "renewed"}
    (told,) = world.told(inspection.NotTidied)
    assert told.why == "cannot clean up: input/output error; look at dmesg"
