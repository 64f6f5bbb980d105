from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.planning.choosing import (
    GONE_FOR,
    SETTLES,
    Choice,
    Slack,
    Standing,
    choose,
    for_good,
    passed_over_at,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOTHING_RUNS = Slack(None)
WELL = Standing("second")


def runs(left: timedelta, *, due: timedelta = timedelta(days=30), **more: object) -> Slack:
    """A certificate that ends in `left` and was due `due` before that."""
    return Slack(NOW + left, NOW + left - due, **more)


def failing(since: timedelta, last: timedelta = timedelta(), **more: object) -> Standing:
    """A first issuer that has failed so long, and was last seen to do so."""
    return Standing("first", since=NOW - since, last=NOW - last, said="no", **more)


def held(span: timedelta, **more: object) -> Standing:
    return Standing("first", held_until=NOW + span, **more)


@pytest.mark.parametrize(
    ("first", "slack", "chosen"),
    [
        (Standing("first"), NOTHING_RUNS, "first"),
        (Standing("first"), runs(HOUR), "first"),
        (failing(MINUTE), NOTHING_RUNS, "first"),
        (failing(6 * MINUTE), NOTHING_RUNS, "second"),
        (failing(MINUTE), Slack(None, hurry=True), "second"),
        (failing(MINUTE, held_until=NOW + 10 * MINUTE), NOTHING_RUNS, "second"),
        (failing(20 * MINUTE, unclear=True), NOTHING_RUNS, "first"),
        (failing(31 * MINUTE, unclear=True), NOTHING_RUNS, "second"),
        (failing(6 * MINUTE), runs(-DAY), "second"),
        (failing(6 * MINUTE), runs(HOUR, taking=2 * HOUR), "second"),
        (failing(7 * DAY), runs(23 * DAY), "first"),
        (failing(8 * DAY), runs(22 * DAY), "second"),
        (failing(8 * DAY, unclear=True), runs(22 * DAY), "second"),
        (failing(8 * DAY, last=7 * DAY), runs(22 * DAY), "first"),
        (failing(40 * DAY), runs(23 * DAY), "first"),
        (failing(7 * DAY), runs(40 * DAY), "first"),
        (failing(MINUTE, refused=True), runs(30 * DAY), "second"),
        (held(15 * MINUTE), runs(29 * DAY), "first"),
        (held(15 * MINUTE), NOTHING_RUNS, "second"),
        (held(6 * DAY), runs(29 * DAY), "first"),
        (held(6 * DAY), runs(14 * DAY), "second"),
    ],
    ids=[
        "well and nothing runs",
        "well and little time",
        "nothing runs, for a minute",
        "nothing runs, for long",
        "nothing runs, and somebody waits",
        "nothing runs, and its next try is late",
        "nothing runs, an unclear finalize",
        "nothing runs, an unclear finalize for long",
        "expired",
        "a renewal takes longer than is left",
        "less than a quarter of the slack",
        "more than a quarter of the slack",
        "an unclear finalize, late",
        "not seen to fail since long",
        "failed long before it was due",
        "failed before it is due",
        "no for good",
        "left alone for a while",
        "left alone, and nothing runs",
        "out of budget, with time",
        "out of budget, without",
    ],
)
def test_the_first_is_asked_until_it_will_be_too_late(first: Standing, slack: Slack, chosen: str):
    found = choose([first, WELL], slack, NOW)
    assert found.issuer == chosen
    assert bool(found.why) == (chosen == "second")
    assert found.instead_of == ("first" if chosen == "second" else "")


def test_who_is_waited_for_is_told_with_the_time_at_which_the_next_is_asked():
    found = choose([failing(7 * DAY, held_until=NOW + 2 * DAY), WELL], runs(23 * DAY, taking=HOUR), NOW)
    assert found.issuer == "second", "its own next try would come when it is too late"
    first = failing(6 * DAY, held_until=NOW + DAY)
    assert choose([first, WELL], runs(24 * DAY), NOW) == Choice("first", NOW + DAY)
    first = failing(6 * DAY, held_until=NOW + DAY, unclear=True)
    limit = passed_over_at(first, runs(24 * DAY), NOW)
    assert limit == NOW + 1.5 * DAY


def test_of_those_passed_over_one_is_asked_when_the_others_may_not_be():
    first = failing(DAY, refused=True, held_until=NOW + HOUR)
    second = Standing("second", since=NOW - MINUTE, last=NOW, held_until=NOW + MINUTE)
    assert choose([first, second], NOTHING_RUNS, NOW) == Choice(
        "second", NOW + MINUTE, "first", "first says no: no"
    )
    assert choose([failing(DAY, refused=True), second], NOTHING_RUNS, NOW) == Choice("first")


def test_when_all_are_passed_over_who_may_be_asked_soonest_is():
    first, second = failing(DAY, refused=True, held_until=NOW + DAY), failing(DAY, held_until=NOW + HOUR)
    second = Standing("second", second.since, second.last, held_until=NOW + HOUR)
    found = choose([first, second], NOTHING_RUNS, NOW)
    assert (found.issuer, found.until) == ("second", NOW + HOUR)


def test_an_attempt_at_work_is_gone_on_with_while_there_is_time():
    second = Standing("second", since=NOW - MINUTE, last=NOW, held_until=NOW + MINUTE, at_work=True)
    found = choose([failing(DAY, refused=True), second], runs(20 * DAY), NOW)
    assert (found.issuer, found.until) == ("second", NOW + MINUTE)
    assert choose([Standing("first"), second], runs(20 * DAY), NOW).issuer == "second"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("NotInSubscription", True),
        ("NotProvable", True),
        ("NotPermitted", True),
        ("Declined", True),
        ("MaterialRefused", False),
        ("KeyRejected", False),
        ("Throttled", False),
        ("ChallengeFailed", False),
        ("Unresolved", False),
    ],
)
def test_what_is_no_for_good(kind: str, answer: bool):
    assert for_good(kind) is answer


moments = st.integers(-60 * 24 * 40, 60 * 24 * 40).map(lambda minutes: NOW + timedelta(minutes=minutes))


@given(
    standings=st.lists(
        st.builds(
            Standing,
            issuer=st.sampled_from("abc"),
            since=st.none() | moments.map(lambda at: min(at, NOW)),
            last=st.none() | moments.map(lambda at: min(at, NOW)),
            refused=st.booleans(),
            unclear=st.booleans(),
            held_until=st.none() | moments,
            at_work=st.booleans(),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda each: each.issuer,
    ),
    slack=st.builds(Slack, st.none() | moments, st.none() | moments),
)
def test_somebody_is_always_chosen_and_never_one_who_may_not_be_asked(
    standings: list[Standing], slack: Slack
):
    found = choose(standings, slack, NOW)
    (chosen,) = [each for each in standings if each.issuer == found.issuer]
    blocked = chosen.held_until is not None and chosen.held_until > NOW
    assert blocked == (found.until is not None)
    assert bool(found.instead_of) == (chosen is not standings[0])
    if found.until is None and chosen is not standings[0] and not chosen.at_work:
        assert found.why


def test_the_times_are_those_that_the_documentation_names():
    assert (GONE_FOR, SETTLES) == (5 * MINUTE, 30 * MINUTE)
