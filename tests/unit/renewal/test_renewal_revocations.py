"""Which certificates were revoked: kept until they would have ended, and due as long as they are live."""

from datetime import timedelta

import pytest

from renewd.errors import StateUnusable
from renewd.renewal import passes, revocations, survey
from tests.certificates import Authority
from tests.clocks import FakeClock
from tests.world import World, results

NAME = "a.example"


def test_what_is_kept_is_read_again_and_forgotten_after_its_end(tmp_path, clock: FakeClock):
    now = clock.now()
    authority = Authority.new()
    short, long = (
        authority.issue(["a.example"], not_before=now, not_after=now + timedelta(days=days)).leaf
        for days in (5, 50)
    )
    state = str(tmp_path)
    assert revocations.known(state) == {}
    revocations.remember(state, short, "superseded", now)
    revocations.remember(state, long, "keyCompromise", now)
    revocations.remember(state, long, "unspecified", now + timedelta(days=1))
    found = revocations.known(state)
    assert set(found) == {short.serial_number, long.serial_number}
    assert str(found[long.serial_number]) == f"it was revoked on {now:%Y-%m-%d} (keyCompromise)"
    revocations.remember(state, long, "keyCompromise", now + timedelta(days=6))
    assert set(revocations.known(state)) == {long.serial_number}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"serials": {"x": {}}}', '{"serials": {"1": {"at": 1}}}'])
def test_a_file_that_is_not_whole_is_none(tmp_path, text):
    (tmp_path / revocations.FILE).write_text(text)
    assert revocations.known(str(tmp_path)) == {}


def test_what_cannot_be_noted_is_told(tmp_path, clock: FakeClock):
    leaf = Authority.new().issue(["a.example"]).leaf
    with pytest.raises(StateUnusable, match="it is revoked, but that could not be noted"):
        revocations.remember(str(tmp_path / "absent"), leaf, "superseded", clock.now())


def test_a_revoked_certificate_is_due_until_another_one_is_live(world: World):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    context = world.context(world.entry(NAME))
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "renewed"}
    (target,) = context.loaded.targets
    leaf = world.live(NAME)
    assert not context.look(target).decision.due
    revocations.remember(context.here.state_directory, leaf, "superseded", world.clock.now())
    seen = survey.look(target, context.here, world.clock.now())
    assert seen.decision.due
    assert seen.decision.reason == f"due: it was revoked on {world.clock.now():%Y-%m-%d} (superseded)"
