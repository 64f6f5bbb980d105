"""What was issued and could not be fetched or stored is fetched later, whoever issued it, and not ordered again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd.certs.facts import show_serial
from renewd.config import load
from renewd.errors import InstallFailed
from renewd.install import versions
from renewd.renewal import by_hand, events, passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.issuing_ca import IssuingCa, issuing_ca
from tests.world import World, results

NAME = "a.example"
DAY = timedelta(days=1)


class Scene:
    """One certificate that is missing, at RCL (V7 or V8) or at an ACME CA."""

    def __init__(self, folder: Path, clock: FakeClock, kind: str, ca: IssuingCa) -> None:
        self.world, self.clock, self.ca, self.kind = (
            World(folder, clock, v8=kind == "rcl-v8"),
            clock,
            ca,
            kind,
        )
        self.world.sandbox.seed(NAME, days_left=None)

    def context(self, **options: Any) -> Context:
        keys: dict[str, Any] = {"schedule": {"concurrency": 1}}
        if self.kind == "acme":
            keys["issuers"] = {
                "ca": {"type": "acme", "directory": self.ca.url, "agree_terms": True, "trust": "none"}
            }
        loaded = load.load(self.world.write(NAME, **keys))
        return Context(loaded, clock=self.clock, emit=self.world.events.append, **options)

    def once(self, **options: Any) -> Any:
        """One pass of a process of its own, and the clock moved to when it wants the next; its outcome."""
        context = self.context(**options)
        (outcome,) = passes.run(context, context.loaded.targets)
        context.close()
        self.clock.advance(max(timedelta(), (outcome.next_try_at or self.clock.now()) - self.clock.now()))
        return outcome

    def until_renewed(self, within: timedelta) -> timedelta:
        began = self.clock.now()
        while self.clock.now() - began < within:
            if self.once().result.well:
                return self.clock.now() - began
        raise AssertionError(f"it is not renewed within {within}")

    @property
    def orders(self) -> int:
        return self.ca.orders if self.kind == "acme" else self.world.calls(NAME, "order")

    @property
    def issued(self) -> int:
        return len(self.ca.issued) if self.kind == "acme" else self.world.sandbox.portal.holdings[NAME].issued

    def cannot_be_fetched(self, *, again: bool = False) -> None:
        """Nothing can be downloaded; or it can be again."""
        if again:
            self.ca.spoiled.clear()
            self.world.sandbox.faults.clear()
            return
        self.ca.spoiled["certificate"] = self.ca.problem("serverInternal", 500)
        self.world.sandbox.fault("download", "status=500", None)


@pytest.fixture(params=["rcl", "rcl-v8", "acme"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Scene]:
    with issuing_ca(clock) as ca:
        one = Scene(tmp_path, clock, request.param, ca)
        yield one
        one.world.close()


def failing_store(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The disk is full when a version is to be written, so often."""
    real, left = versions.stage, [None] * times

    def stage(*args: Any) -> None:
        if left:
            left.pop()
            raise InstallFailed("cannot write into versions: no space left on device", stage="stage")
        real(*args)

    monkeypatch.setattr(versions, "stage", stage)


@pytest.mark.fault(45, 48)
@pytest.mark.parametrize("times", [1, 5])
def test_what_could_not_be_stored_is_fetched_and_stored_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, times: int
):
    failing_store(monkeypatch, times)
    assert [str(scene.once().result) for _ in range(times + 1)] == ["failed"] * times + ["renewed"]
    assert (scene.orders, scene.issued) == (1, 1)
    (told, *_) = [event for event in scene.world.events if isinstance(event, events.Renewed)]
    assert told.serial == show_serial(scene.world.live(NAME).serial_number)


@pytest.mark.fault(26)
def test_a_download_that_fails_for_hours_costs_no_second_order(scene: Scene):
    scene.cannot_be_fetched()
    began = scene.clock.now()
    while scene.clock.now() - began < timedelta(hours=12):
        assert scene.once().result in ("failed", "parked")
    scene.cannot_be_fetched(again=True)
    scene.until_renewed(DAY)
    assert (scene.orders, scene.issued) == (1, 1)


@pytest.mark.fault(26)
def test_one_that_cannot_be_fetched_for_days_is_given_up_for_another_within_the_budget(scene: Scene):
    scene.cannot_be_fetched()
    began = scene.clock.now()
    while scene.clock.now() - began < 3 * DAY:
        scene.once()
    assert 2 <= scene.orders <= 3


def test_what_a_person_wanted_instead_does_not_lose_it(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """An attempt that waits to fetch what was issued is ended by a finalize by hand that comes to nothing."""
    scene.cannot_be_fetched()
    context = scene.context(patience=timedelta())
    assert results(passes.run(context, context.loaded.targets)) == {NAME: "parked"}
    scene.cannot_be_fetched(again=True)
    (target,) = context.loaded.targets
    fence = context.journal.take(target.identity)
    by_hand._abandon(context, target, fence)
    context.journal.release(target.identity, fence)
    context.close()
    assert scene.once().result == "renewed"
    assert (scene.orders, scene.issued) == (1, 1)


def test_an_order_that_gives_nothing_any_more_is_followed_by_a_new_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    if scene.kind != "acme":
        pytest.skip("a portal keeps what it issued")
    failing_store(monkeypatch, 1)
    assert scene.once().result == "failed"
    scene.ca.forget()
    assert scene.once().result == "failed"
    assert scene.once().result == "renewed"
    assert scene.orders == 1


def test_kept_until_most_of_its_life_is_gone_it_is_better_than_none_and_soon_renewed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    if scene.kind == "acme":
        pytest.skip("a fake clock that is months ahead makes its new key look old")
    failing_store(monkeypatch, 1)
    assert scene.once().result == "failed"
    scene.clock.advance(timedelta(days=65))
    scene.world.sandbox.fault("order", "status=429+7200")
    scene.once()
    assert scene.world.live(NAME).not_valid_after_utc - scene.clock.now() < timedelta(days=26)
    scene.clock.advance(timedelta(hours=3))
    assert scene.once().result == "renewed"
    assert scene.world.live(NAME).not_valid_after_utc - scene.clock.now() > timedelta(days=85)
