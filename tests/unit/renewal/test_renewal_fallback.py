"""Several issuers for one target: the first is asked, the next in time, and the first again with the next renewal."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.config import load
from renewd.renewal import events, passes, preflight
from renewd.renewal.context import Context
from renewd.renewal.standings import FellBack, FirstAgain
from renewd.sandbox import Sandbox, configuration
from tests.world import World, results

NAME = "shopeneur.example"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST, SECOND = "first", "second"


class Two:
    """A world with a second service beside the sandbox, and a configuration that tries them in order."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.first, self.clock = world.sandbox, world.clock
        self.second = Sandbox(str(folder / "second"), clock=world.clock, http_port=world.sandbox.http_port)

    def seed(self, name: str = NAME, *, days_left: float | None = None) -> None:
        """Both know the name; the first may have issued what runs."""
        self.first.seed(name, days_left=days_left, validated=True)
        self.second.seed(name, days_left=None, validated=True)

    def context(self, *names: str, issuer: object = (FIRST, SECOND), **options: object) -> Context:
        issuers = {
            FIRST: configuration.issuer(self.first),
            SECOND: configuration.issuer(self.second),
        }
        written = list(issuer) if isinstance(issuer, tuple) else issuer
        entries = [self.world.entry(name, issuer=written) for name in names or (NAME,)]
        path = self.world.write(*entries, issuers=issuers, schedule={"concurrency": 1})
        context = Context(load.load(path), clock=self.clock, emit=self.world.events.append, **options)
        self.world._contexts.append(context)
        return context

    def renew(self, *names: str, forced: tuple[str, ...] = (), **options: object) -> list:
        context = self.context(*names, **options)
        return passes.run(context, context.loaded.targets, forced=forced)

    def until(self, end: timedelta, *names: str, most: int = 2000) -> list[str]:
        """What became of the one target, look after look, as the daemon comes back to it by itself."""
        last, found = self.clock.now() + end, []
        context = self.context(*names)
        while self.clock.now() < last and len(found) < most:
            outcomes = passes.run(context, context.loaded.targets)
            found += [str(outcome.result) for outcome in outcomes]
            if found and found[-1] in ("renewed", "adopted"):
                return found
            times = [outcome.next_try_at for outcome in outcomes if outcome.next_try_at]
            wanted = min([self.clock.now() + 12 * HOUR, *times])
            self.clock.advance(max(wanted - self.clock.now(), timedelta(seconds=1)))
        return found

    def orders(self, sandbox: Sandbox, name: str = NAME) -> int:
        return sandbox.portal.calls.get(name, {}).get("order", 0)

    @property
    def fell(self) -> list[FellBack]:
        return self.world.told(FellBack)


@pytest.fixture
def two(world: World, tmp_path: Path) -> Iterator[Two]:
    two = Two(world, tmp_path)
    yield two
    two.second.close()


def test_the_next_may_issue_for_a_shorter_time_than_is_left(two: Two):
    two.seed(days_left=25)
    two.second.seed(NAME, days_left=None, lifetime_days=6, validated=True)
    two.renew()
    two.first.fault("order", "status=500", None)
    two.clock.advance(live_days(two) - 29 * DAY)
    assert two.until(29 * DAY)[-1] == "renewed"
    assert live_days(two) < 6 * DAY
    assert issuers_of(two)[0] == SECOND
    assert two.orders(two.second) == 1


def test_a_proof_that_this_machine_cannot_place_is_no_reason_to_ask_another(two: Two):
    two.seed()
    with socket.create_server(("127.0.0.1", two.first.http_port)):
        assert "address already in use" in two.renew()[0].why
        assert "renewed" not in two.until(HOUR)
    assert two.fell == []
    assert two.orders(two.first) == two.orders(two.second) == 0


def live_days(two: Two) -> timedelta:
    return two.world.live(NAME).not_valid_after_utc - two.clock.now()


def issuers_of(two: Two) -> list[str | None]:
    context = two.context()
    (target,) = context.loaded.targets
    return [version.issuer for version in context.installer.versions(target)]


def test_the_first_is_asked_as_long_as_it_delivers(two: Two):
    two.seed()
    assert results(two.renew()) == {NAME: "renewed"}
    assert (two.orders(two.first), two.orders(two.second)) == (1, 0)
    assert not two.fell


@pytest.mark.fault(14)
def test_a_first_that_says_no_for_good_is_passed_over_in_the_same_pass(two: Two):
    two.seed()
    two.first.fault("certificate", "status=404", None)
    assert results(two.renew()) == {NAME: "renewed"}
    assert (two.orders(two.first), two.orders(two.second)) == (0, 1)
    (fell,) = two.fell
    assert (fell.issuer, fell.instead_of) == (SECOND, FIRST)
    assert fell.why.startswith("first says no: ")
    assert issuers_of(two) == [SECOND]


@pytest.mark.fault(2, 15)
def test_where_nothing_runs_the_second_is_asked_after_minutes(two: Two):
    two.seed()
    two.first.fault("certificate", "status=503", None)
    began = two.clock.now()
    assert two.until(DAY)[-1] == "renewed"
    assert MINUTE <= two.clock.now() - began <= 15 * MINUTE
    assert two.first.portal.calls[NAME]["certificate"] > 3
    assert "nothing usable runs" in two.fell[0].why


@pytest.mark.fault(15)
def test_where_something_runs_a_quarter_of_the_time_is_the_firsts(two: Two):
    two.seed(days_left=25)
    assert results(two.renew()) == {NAME: "renewed"}  # adopted, which is due itself
    two.first.fault("order", "status=500", None)
    began = two.clock.now()
    two.clock.advance(live_days(two) - 29 * DAY)
    began = two.clock.now()
    assert two.until(29 * DAY)[-1] == "renewed"
    assert 6 * DAY <= two.clock.now() - began <= 9 * DAY
    assert issuers_of(two)[0] == SECOND
    assert "has brought nothing for" in two.fell[0].why


def test_the_first_is_asked_again_with_the_next_renewal(two: Two):
    two.seed()
    two.first.fault("certificate", "status=404", None)
    two.renew()
    two.first.faults.clear()
    two.clock.advance(70 * DAY)
    assert results(two.renew()) == {NAME: "renewed"}
    assert issuers_of(two) == [FIRST, SECOND]
    (again,) = two.world.told(FirstAgain)
    assert (again.issuer, again.instead_of) == (FIRST, SECOND)


@pytest.mark.fault(7)
def test_an_order_that_may_still_come_to_something_is_not_doubled(two: Two):
    two.seed(days_left=29)
    two.renew()
    two.first.fault("finalize", "reset-before", None)
    two.first.fault("certificate", "stale-certificate", None)
    two.clock.advance(live_days(two) - 29 * DAY)
    began = two.clock.now()
    two.until(5 * DAY)
    assert two.orders(two.second) == 0
    two.first.faults.clear()
    two.first.fault("certificate", "status=503", None)
    assert two.until(29 * DAY)[-1] == "renewed"
    assert two.clock.now() - began <= 9 * DAY
    assert two.orders(two.second) == 1
    assert "nothing tells what became of the order at first" in two.fell[0].why


@pytest.mark.fault(11)
def test_a_first_that_wants_to_be_left_alone_for_too_long_is_passed_over_at_once(two: Two):
    two.seed(days_left=25)
    two.renew()
    two.clock.advance(live_days(two) - DAY)
    two.first.fault("order", "status=429+86400", None)
    assert results(two.renew()) == {NAME: "renewed"}
    assert "may not be asked before" in two.fell[0].why


def test_when_both_fail_each_has_its_own_back_off_and_neither_is_forgotten(two: Two):
    two.seed()
    two.first.fault("order", "status=500", None)
    two.second.fault("order", "status=500", None)
    found = two.until(3 * DAY)
    assert "renewed" not in found
    assert two.orders(two.first) > 3
    assert two.orders(two.second) > 3
    two.first.faults.clear()
    assert two.until(DAY)[-1] == "renewed"
    assert issuers_of(two)[0] == FIRST


def test_what_a_second_that_fails_too_is_due_is_its_own(two: Two):
    two.seed()
    two.first.fault("certificate", "status=404", None)
    two.second.fault("order", "status=500", None)
    (outcome,) = two.renew()
    assert outcome.result == "failed"
    assert outcome.next_try_at is not None
    assert outcome.next_try_at - two.clock.now() <= 2 * MINUTE, "not the day of the first"
    context = two.context()
    assert len(context.journal.failures(NAME, FIRST)) == len(context.journal.failures(NAME, SECOND)) == 1


def test_a_person_who_asks_is_taken_to_have_mended_the_first(two: Two):
    two.seed()
    two.first.fault("certificate", "status=404", None)
    two.second.fault("order", "status=500", None)
    two.renew()
    two.first.faults.clear()
    two.clock.advance(MINUTE)
    assert results(two.renew(by_hand=True)) == {NAME: "renewed"}
    assert issuers_of(two) == [FIRST]


def test_one_run_by_hand_asks_the_second_where_nothing_runs(two: Two):
    two.seed()
    two.first.fault("order", "status=400", None)
    assert results(two.renew(by_hand=True)) == {NAME: "renewed"}
    assert issuers_of(two) == [SECOND]


def test_an_issuer_that_is_left_alone_keeps_nobody_from_the_next(two: Two):
    names = [f"{number}.example" for number in range(8)]
    for name in names:
        two.seed(name)
    two.first.fault("certificate", "status=404", None)
    assert set(results(two.renew(*names)).values()) == {"renewed"}
    assert {fell.issuer for fell in two.fell} == {SECOND}


def test_an_order_at_an_issuer_that_is_not_listed_any_more_gives_way(two: Two):
    two.seed()
    two.first.fault("order", "status=429+7200", None)
    (outcome,) = two.renew(issuer=FIRST)
    assert outcome.result == "parked"
    assert results(two.renew(issuer=SECOND)) == {NAME: "renewed"}
    assert issuers_of(two) == [SECOND]
    assert not two.world.told(events.Failed)


def asked(two: Two) -> list[tuple[str, str]]:
    """What preflight says of the issuers."""
    context = two.context()
    found = preflight.look(context, context.loaded.targets[0])
    return [(finding.level, finding.what) for finding in found if finding.what.startswith("the API")]


@pytest.mark.fault(12, 14)
def test_preflight_asks_every_issuer_and_one_that_cannot_be_used_only_warns(two: Two):
    two.seed()
    assert [level for level, _ in asked(two)] == ["ok", "ok"]
    two.second.fault("certificate", "status=404", None)
    (first, second) = asked(two)
    assert first == ("ok", "the API of first takes the key and knows the name; it holds no certificate yet")
    assert second[0] == "warns"
    assert second[1].startswith("the API of second: ")
    two.first.fault("certificate", "status=404", None)
    assert [level for level, _ in asked(two)] == ["blocks", "blocks"]
