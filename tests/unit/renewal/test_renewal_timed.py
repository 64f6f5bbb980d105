"""Each call of an issuer is followed by an event that says how long it took."""

import pytest

from renewd.errors import Unreachable
from renewd.renewal import passes
from renewd.renewal.timed import CALLS, Asked, timed
from tests.world import World


class Slow:
    """An issuer that takes its time."""

    name = "slow"

    def __init__(self, clock):
        self.clock = clock

    def __getattr__(self, call):
        if call not in CALLS:
            raise AttributeError(call)

        def answer(target):
            self.clock.advance(3.0)
            if target is None:
                raise Unreachable("gone")
            return target

        return answer


def test_a_call_gives_what_it_gives_and_is_told_of(clock):
    told = []
    assert timed(Slow(clock), clock, told.append).order("contoso.com") == "contoso.com"
    assert told == [Asked(issuer="slow", call="order", seconds=3.0, ok=True)]


def test_what_a_call_raises_goes_on_and_is_told_as_not_ok(clock):
    told = []
    with pytest.raises(Unreachable):
        timed(Slow(clock), clock, told.append).finalize(None)
    assert [(each.call, each.ok) for each in told] == [("finalize", False)]


def test_every_call_of_a_renewal_is_told_with_the_targets_name(tmp_path, clock):
    world = World(tmp_path, clock)
    try:
        world.sandbox.seed("a.example", days_left=None)
        context = world.context("a.example")
        passes.run(context, context.loaded.targets)
        told = world.told(Asked)
    finally:
        world.close()
    assert {each.name for each in told} == {"a.example"}
    assert {each.issuer for each in told} == {"sandbox"}
    assert {"order", "finalize", "collect"} <= {each.call for each in told}
