"""Never an earlier-expiring certificate over a later one, by whatever way a version goes live without being told to."""

from datetime import timedelta
from pathlib import Path

import pytest

from renewd.journal import State
from renewd.renewal import attempts, by_hand, events, passes
from renewd.renewal.outcome import Result
from tests.certificates import Authority
from tests.world import World, put_by_hand, results

NAME = "a.example"
AUTHORITY = Authority.new()


@pytest.fixture
def live(world: World) -> Path:
    """The live folder after a renewal."""
    world.sandbox.seed(NAME, days_left=5, validated=True)
    world.clock.advance(60)
    context = world.context(NAME)
    assert results(passes.run(context, context.loaded.targets))[NAME] in {"adopted", "renewed"}
    world.clock.advance(60)
    return world.folder / "live" / NAME


def test_deploying_a_stored_version_by_name_leaves_a_later_one_of_somebody_else(world: World, live: Path):
    theirs = put_by_hand(world, live)
    context = world.context(NAME)
    (outcome,) = by_hand.deploy(context, context.loaded.targets)
    assert outcome.result is Result.FAILED
    assert "before the live certificate" in outcome.why
    assert world.live(NAME) == theirs
    (told,) = world.told(events.Failed)
    assert "rollback" in told.remedy


def test_rolling_back_by_hand_may(world: World, live: Path):
    context = world.context(NAME)
    stored = context.installer.current(context.loaded.targets[0])
    put_by_hand(world, live)
    (outcome,) = by_hand.rollback(context, context.loaded.targets[0], stored)
    assert outcome.result.well
    assert context.installer.current(context.loaded.targets[0]) == stored


@pytest.mark.parametrize("state", [State.VALIDATED, State.ACTIVATE_INTENT])
def test_an_attempt_that_is_taken_up_again_leaves_a_later_one(world: World, live: Path, state: State):
    context = world.context(NAME)
    target = context.loaded.targets[0]
    version = context.installer.current(target)
    fence = context.journal.take(target.identity)
    attempts.begin_rollout(context, target, version, fence)
    attempt = next(iter(context.journal.under_way(target.identity)))
    context.journal.move(attempt, state, "install.switching")
    context.journal.release(target.identity, fence)
    theirs = put_by_hand(world, live)
    passes.run(context, context.loaded.targets)
    assert world.live(NAME) == theirs


def test_what_is_owed_is_paid_with_what_is_live_not_with_an_earlier_one(world: World, live: Path):
    broken = world.context(world.entry(NAME, hooks={"post": "false"}))
    by_hand.deploy(broken, broken.loaded.targets)
    theirs = put_by_hand(world, live)
    world.clock.advance(timedelta(hours=2))
    context = world.context(world.entry(NAME, hooks={"post": "true"}))
    passes.run(context, context.loaded.targets)
    assert world.live(NAME) == theirs


def test_what_the_issuer_holds_is_not_adopted_over_a_later_one(world: World, live: Path):
    theirs = put_by_hand(world, live)
    world.sandbox.seed(NAME, days_left=89, validated=True)
    context = world.context(world.entry(NAME, renew_before="299d"))  # due, but not for what is held
    passes.run(context, context.loaded.targets)
    assert world.live(NAME) == theirs


def test_a_later_one_that_comes_between_the_gate_and_the_switch_stays(world: World, live: Path):
    """A `pre` hook is the last that happens before the switch."""
    elsewhere = world.folder / NAME
    elsewhere.mkdir()
    theirs = put_by_hand(world, elsewhere)
    script = world.folder / "pre.sh"
    script.write_text(
        f"#!/bin/sh\nfor name in fullchain privkey; do cp --remove-destination {elsewhere}/$name.pem {live}/$name.pem; done\n"
    )
    script.chmod(0o700)
    context = world.context(world.entry(NAME, hooks={"pre": str(script)}))
    outcomes = passes.run(context, context.loaded.targets, forced={NAME})
    assert results(outcomes) == {NAME: "failed"}
    assert world.live(NAME) == theirs


def test_one_for_other_names_or_without_its_key_is_no_measure(world: World, live: Path):
    put_by_hand(world, live)
    (live / "privkey.pem").write_bytes(AUTHORITY.issue(NAME).key_pem)
    context = world.context(NAME)
    (outcome,) = by_hand.deploy(context, context.loaded.targets)
    assert outcome.result.well
