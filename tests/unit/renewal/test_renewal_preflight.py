"""What can be known before a renewal, and that one finding never hides the others."""

from typing import Any

import pytest

from renewd.errors import ChallengeFailed
from renewd.renewal import preflight
from renewd.renewal.context import Context
from tests.world import World

A = "a.example"


def look(world: World, **keys: Any) -> list[preflight.Finding]:
    context = world.context(world.entry(A, **keys))
    return preflight.look(context, context.loaded.targets[0])


def levels(findings: list[preflight.Finding]) -> list[str]:
    return [finding.level for finding in findings]


def test_all_is_well(world: World):
    world.sandbox.seed(A, days_left=80)
    found = look(world, hooks={"check": "true"})
    assert set(levels(found)) == {"ok"}
    assert len(found) >= 4


def test_a_check_that_fails_only_warns(world: World):
    world.sandbox.seed(A, days_left=80)
    assert sorted(set(levels(look(world, hooks={"check": "false"})))) == ["ok", "warns"]


def test_a_name_the_portal_does_not_know_blocks_and_the_rest_is_looked_at_all_the_same(world: World):
    found = look(world)
    assert levels(found).count("blocks") == 1
    assert len(found) > 2


def test_a_token_that_cannot_be_taken_away_blocks_and_the_rest_is_looked_at_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.sandbox.seed(A, days_left=80)
    real = Context.challenge

    def stuck(context: Context, target: Any) -> Any:
        challenge = real(context, target)

        def remove(tokens: Any) -> None:
            type(challenge).remove(challenge, tokens)
            raise ChallengeFailed("it cannot be taken away", remedy="mend the rights")

        monkeypatch.setattr(challenge, "remove", remove)
        return challenge

    monkeypatch.setattr(Context, "challenge", stuck)
    found = look(world)
    assert [finding.what for finding in found if finding.level == "blocks"] == ["it cannot be taken away"]
    assert any("room to spare" in finding.what for finding in found)
