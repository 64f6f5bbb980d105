"""What can be known before a renewal, and that one finding never hides the others."""

from typing import Any

import pytest

from renewd.challenges.webroot import Webroot
from renewd.errors import ChallengeFailed
from renewd.renewal import preflight, proof
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


def test_a_token_that_cannot_be_taken_away_warns_as_it_stops_no_renewal(
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
    (warns,) = (finding for finding in found if finding.level != "ok")
    assert warns.level == "warns"
    assert warns.what == "the challenge cannot be taken away again: it cannot be taken away"
    assert warns.remedy == "mend the rights"
    assert any("room to spare" in finding.what for finding in found)


class Killed(BaseException):
    """The process ends in the middle of a look."""


def test_what_is_left_of_a_challenge_when_renewd_is_killed_the_next_look_takes_away(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.sandbox.seed(A, days_left=80)
    root = world.folder / "www"
    root.mkdir()
    entry = world.entry(A, challenge={"type": "http-01", "webroot": str(root), "self_check": "warn"})
    context = world.context(entry)

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Webroot, "look", killed)
        patch.setattr(Webroot, "remove", killed)
        with pytest.raises(Killed):
            preflight.look(context, context.loaded.targets[0])
    assert [path for path in root.rglob("*") if path.is_file()]
    preflight.look(context, context.loaded.targets[0])
    assert not [path for path in root.rglob("*") if path.is_file()]


def test_records_of_a_rehearsal_are_the_same_each_time_and_another_for_each_name(world: World):
    (target,) = world.context(world.entry("a.example,*.a.example", challenge=None)).loaded.targets
    tokens = proof.rehearsal(target, "dns-01")
    assert tokens == proof.rehearsal(target, "dns-01"), "so that they can be erased after a crash"
    assert len({token.value for token in tokens}) == 2
    files = proof.rehearsal(target, "http-01")
    assert [token.name for token in files] == [token.name for token in tokens]
    assert not {token.value for token in files} & {t.value for t in proof.rehearsal(target, "http-01")}
