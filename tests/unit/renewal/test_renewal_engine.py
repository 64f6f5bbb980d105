"""One attempt from due to live, and every way in which the service can get in its way."""

from datetime import timedelta

import pytest

from renewd.journal import State
from renewd.renewal import by_hand, events, passes
from renewd.sandbox import ca
from tests.clocks import FakeClock
from tests.world import World, results

NAME = "shopeneur.example"
KINDS_OF_MATERIAL = [
    "wrong-key",
    "wrong-names",
    "expired-leaf",
]


def renew(world: World, *entries, forced: tuple[str, ...] = (), **options) -> dict[str, str]:
    context = world.context(*(entries or (NAME,)), **options)
    return results(passes.run(context, context.loaded.targets, forced=forced))


def test_a_missing_certificate_is_ordered_proved_finalized_and_installed(world: World):
    world.sandbox.seed(NAME, days_left=None)
    assert renew(world) == {NAME: "renewed"}
    assert world.live(NAME).not_valid_after_utc - world.clock.now() > timedelta(days=80)
    assert world.calls(NAME, "order") == world.calls(NAME, "finalize") == 1
    assert [event.domains for event in world.told(events.Placed)] == [(NAME,)]


def test_an_order_born_ready_needs_no_challenge(world: World):
    world.sandbox.seed(NAME, days_left=None, validated=True)
    assert renew(world, world.entry(NAME, challenge=None)) == {NAME: "renewed"}
    assert not world.told(events.Placed)


def test_what_the_portal_holds_already_is_adopted_without_an_order(world: World):
    world.sandbox.seed(NAME, days_left=80)
    assert renew(world) == {NAME: "adopted"}
    assert world.calls(NAME, "order") == 0


def test_where_nothing_runs_and_the_portal_holds_what_is_due_itself_only_its_successor_goes_live(
    world: World,
):
    world.sandbox.seed(NAME, days_left=3, validated=True)
    assert renew(world) == {NAME: "renewed"}
    assert [event.event for event in world.events].count("attempt.renewed") == 1
    assert world.calls(NAME, "order") == 1


@pytest.mark.parametrize("fault", ["status=500", "text-400=The plan is used up.", "status=429+7200"])
def test_where_the_successor_does_not_come_what_is_due_itself_goes_live_rather_than_nothing(
    world: World, fault: str
):
    world.sandbox.seed(NAME, days_left=3, validated=True)
    world.sandbox.fault("order", fault, None)
    renew(world)
    assert world.live(NAME).not_valid_after_utc < world.clock.now() + timedelta(days=4)
    assert not world.told(events.Renewed), "it is not what was wanted"
    before = world.files()
    renew(world)
    assert world.files() == before


def test_what_is_well_is_left_alone(world: World):
    world.sandbox.seed(NAME, days_left=80)
    renew(world)
    before = world.files()
    assert renew(world) == {}
    assert world.files() == before
    assert world.calls(NAME, "certificate") == 1


def test_force_renews_what_is_not_due(world: World):
    world.sandbox.seed(NAME, days_left=80)
    renew(world)
    assert renew(world, forced=(NAME,)) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 1


def test_one_failure_does_not_stop_the_others(world: World):
    for name in ("a.example", "c.example"):
        world.sandbox.seed(name, days_left=None)
    assert renew(world, "a.example", "b.example", "c.example") == {
        "a.example": "renewed",
        "b.example": "failed",
        "c.example": "renewed",
    }


@pytest.mark.fault(7, 16, 17)
@pytest.mark.parametrize(
    "fault", ["lose-reply", "reset-after", "cut", "truncated-json", "html-200", "empty-200"]
)
def test_a_lost_reply_to_finalize_is_reconciled_and_nothing_is_issued_twice(world: World, fault: str):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("finalize", fault)
    assert renew(world) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == world.calls(NAME, "finalize") == 1


@pytest.mark.fault(13, 15)
@pytest.mark.parametrize("fault", ["text-400", "status=500", "status=502-html"])
def test_an_answered_failure_of_finalize_is_tried_again_with_the_same_order(world: World, fault: str):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("finalize", fault)
    assert renew(world) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 1
    assert world.calls(NAME, "finalize") == 2


@pytest.mark.fault(13)
def test_three_answered_failures_end_the_attempt_and_are_told_as_they_are(world: World):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("finalize", "text-400=The moon is in the wrong phase.", None)
    assert renew(world) == {NAME: "failed"}
    assert world.calls(NAME, "order") == 1
    assert world.calls(NAME, "finalize") == 3
    assert "The moon is in the wrong phase." in world.told(events.Failed)[0].message


def test_a_failed_validation_is_told_with_what_the_ca_saw(world: World):
    world.sandbox.seed(NAME, days_left=None)
    wrong = {"type": "http-01", "webroot": str(world.folder), "self_check": "off"}
    assert renew(world, world.entry(NAME, challenge=wrong)) == {NAME: "failed"}
    (failed,) = world.told(events.Failed)
    assert "/.well-known/acme-challenge/" in failed.message
    assert "Connection refused" in failed.message
    assert world.calls(NAME, "order") == 1


def test_a_challenge_that_renewd_must_see_and_does_not_costs_no_order(world: World):
    world.sandbox.seed(NAME, days_left=None)
    strict = {"type": "http-01", "webroot": str(world.folder), "self_check": "require"}
    assert renew(world, world.entry(NAME, challenge=strict)) == {NAME: "failed"}
    assert world.told(events.Unseen)
    assert world.calls(NAME, "order") == 0


def test_tokens_are_taken_away_after_success_and_failure(world: World):
    world.sandbox.seed(NAME, days_left=None)
    webroot = {"type": "http-01", "webroot": str(world.folder / "www"), "self_check": "off"}
    (world.folder / "www").mkdir()
    renew(world, world.entry(NAME, challenge=webroot))
    assert world.told(events.Placed)
    assert world.files("www") == {}


def test_a_pending_order_without_a_challenge_shows_its_tokens_and_can_be_finalized_by_hand(world: World):
    world.sandbox.seed(NAME, days_left=None)
    bare = world.entry(NAME, challenge=None)
    assert renew(world, bare) == {NAME: "failed"}
    (failed,) = world.told(events.Failed)
    order = next(iter(world.sandbox.portal.orders.values()))
    assert order.tokens[0].value in failed.message
    assert order.uri in failed.remedy

    context = world.context(NAME, by_hand=True)
    challenge = context.challenge(context.loaded.targets[0])
    assert challenge is not None
    challenge.place(order.tokens)
    outcomes = by_hand.finalize(context, context.loaded.targets[0], order.uri)
    challenge.remove(order.tokens)
    assert results(outcomes) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 1


def test_tokens_of_another_kind_are_shown(world: World):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("order", "tokens-dns")
    assert renew(world) == {NAME: "failed"}
    assert "a TXT record _acme-challenge" in world.told(events.Failed)[0].message


@pytest.mark.fault(32, 33, 34)
@pytest.mark.parametrize("spoil", KINDS_OF_MATERIAL)
def test_wrong_material_is_quarantined_and_the_live_files_stay_byte_for_byte(world: World, spoil: str):
    world.sandbox.seed(NAME, days_left=35)
    renew(world)
    before = world.files()
    world.sandbox.portal.holdings[NAME].validated_at = None
    world.clock.advance(timedelta(days=10))  # type: ignore[attr-defined]
    world.sandbox.fault("finalize", spoil)
    assert renew(world) == {NAME: "failed"}
    assert world.files() == before
    assert world.told(events.Refused)
    orders = world.calls(NAME, "order")
    assert renew(world) == {NAME: "held"}, "no automatic order for a day"
    assert world.calls(NAME, "order") == orders


@pytest.mark.fault(11)
def test_a_throttled_order_waits_as_long_as_it_was_asked_to(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("order", "status=429+30")
    assert renew(world) == {NAME: "renewed"}
    assert 30 in [round(wait) for wait in clock.waits]


@pytest.mark.fault(11)
def test_a_long_wait_is_parked_and_taken_up_when_it_is_over(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("order", "status=429+3600")
    assert renew(world) == {NAME: "parked"}
    assert renew(world, by_hand=True) == {NAME: "parked"}, "what the service asked for binds a person too"
    assert world.calls(NAME, "order") == 1
    clock.advance(timedelta(hours=1, seconds=1))
    assert renew(world) == {NAME: "renewed"}
    assert world.told(events.Resumed)


@pytest.mark.fault(8)
def test_a_lost_reply_to_the_order_is_not_repeated_at_once(world: World, clock: FakeClock):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("order", "lose-reply")
    assert renew(world) == {NAME: "failed"}
    assert renew(world) == {NAME: "held"}
    clock.advance(timedelta(minutes=2))
    assert renew(world) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 2


@pytest.mark.fault(12)
def test_a_rejected_key_stops_all_calls_with_it(world: World):
    for name in ("a.example", "b.example", "c.example"):
        world.sandbox.seed(name, days_left=None)
    world.sandbox.fault("certificate", "status=401", None)
    outcomes = renew(world, "a.example", "b.example", "c.example")
    assert set(outcomes.values()) == {"failed"}
    assert sum(world.calls(name, "certificate") for name in outcomes) <= 3


def test_reads_are_repeated_through_a_passing_fault(world: World):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("certificate", "status=503", 2)
    assert renew(world) == {NAME: "renewed"}


@pytest.mark.fault(28)
def test_a_mixed_set_is_fetched_anew(world: World):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("keyUrl", "swap-mid-download")
    assert renew(world) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 1


@pytest.mark.parametrize("fault", ["only-pfx", "only-pfx-string", "only-pem", "only-fullchain"])
def test_whatever_links_the_portal_names_the_set_is_whole(world: World, fault: str):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("finalize", fault)
    assert renew(world) == {NAME: "renewed"}
    assert set(world.files()) >= {f"{NAME}/{file}" for file in ("fullchain.pem", "privkey.pem", "chain.pem")}


@pytest.mark.fault(23)
def test_a_certificate_that_finalize_shows_from_before_is_waited_for(world: World):
    world.sandbox.seed(NAME, days_left=3)
    world.sandbox.fault("finalize", "stale-certificate")
    assert renew(world) == {NAME: "renewed"}
    assert world.calls(NAME, "finalize") == 1
    assert world.live(NAME).not_valid_after_utc - world.clock.now() > timedelta(days=80)


@pytest.mark.fault(59)
def test_a_kill_during_finalize_is_reconciled_at_the_next_start(world: World):
    """The journal says that finalize was sent; the portal has issued; nobody has seen the answer."""
    world.sandbox.seed(NAME, days_left=None, validated=True)
    context = world.context(NAME)
    (target,) = context.loaded.targets
    order = context.issuer(target.issuer).order(target)
    world.sandbox.portal.finalize(NAME, order.uri)
    journal = context.journal
    attempt = journal.begin(
        target.identity, NAME, "renewal", issuer=target.issuer, fence=journal.take(target.identity)
    )
    journal.move(
        attempt,
        State.FINALIZE_INTENT,
        "order.finalizing",
        order_uri=order.uri,
        ordered_at=world.clock.now(),
        finalize_sent_at=world.clock.now(),
        finalizes=1,
    )
    journal.release(target.identity, 1)
    context.close()
    assert renew(world) == {NAME: "renewed"}
    assert world.calls(NAME, "order") == 1
    assert world.calls(NAME, "finalize") == 0


def test_asked_to_stop_an_attempt_parks_at_its_next_wait(world: World):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault("finalize", "lose-reply")
    context = world.context(NAME)
    context.stop.set()
    assert results(passes.run(context, context.loaded.targets)) in ({}, {NAME: "parked"})
    world.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    assert renew(world) == {NAME: "renewed"}
    assert world.calls(NAME, "finalize") <= 1 or world.calls(NAME, "order") == 1


@pytest.mark.fault(24)
def test_what_somebody_else_had_issued_under_the_same_order_is_judged_and_adopted(
    world: World, clock: FakeClock
):
    holding = world.sandbox.seed(NAME, days_left=35)
    renew(world)
    clock.advance(timedelta(days=10))
    portal, held = world.sandbox.portal, holding.held
    assert held is not None
    life = ca.Life(clock.now(), clock.now() + timedelta(days=90))
    holding.generations.append(portal._make(holding, held.order_uri, life, ()))
    assert renew(world) == {NAME: "adopted"}
    assert world.live(NAME) == holding.generations[-1].leaf
    assert world.calls(NAME, "order") == 0


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    ("call", "result"), [("order", "failed"), ("certificate", "failed"), ("finalize", "renewed")]
)
def test_an_answer_for_another_name_is_never_used(world: World, clock: FakeClock, call: str, result: str):
    """After a finalize that is answered so the service is asked what it holds."""
    world.sandbox.seed(NAME, days_left=35)
    renew(world)
    clock.advance(timedelta(days=10))
    before = world.files()
    world.sandbox.fault(call, "other-name", None)
    assert renew(world) == {NAME: result}
    assert world.files() == before or result == "renewed"
    assert world.live(NAME) == world.sandbox.portal.holdings[NAME].generations[-1].leaf
    assert world.calls(NAME, "order") <= 1
