"""The calendar ahead: when renewals fall, week by week, and which limit a week meets."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.config.units import RenewBefore
from renewd.planning import ahead, budget
from renewd.planning.ahead import Watched
from renewd.planning.decision import Rules

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)


def watched(name="a.example", days=10.0, life=90.0, issuer="rcl", spread=0.0):
    rules = Rules(RenewBefore(), (name,), spread)
    return Watched(name, issuer, NOW + days * DAY, "due then", life * DAY if life else None, rules)


def test_a_certificate_of_ninety_days_is_renewed_every_sixty():
    coming = ahead.renewals([watched()], NOW + 150 * DAY)
    assert [(each.at - NOW) / DAY for each in coming] == [10, 70, 130]
    assert [each.reason for each in coming] == ["due then", *["a third of 90 days before the end"] * 2]


def test_where_nothing_is_there_only_the_first_renewal_is_known():
    assert len(ahead.renewals([watched(life=None)], NOW + 3650 * DAY)) == 1


def test_renewals_come_in_the_order_of_their_time():
    coming = ahead.renewals([watched("a.example", 5), watched("b.example", 1)], NOW + 30 * DAY)
    assert [each.name for each in coming] == ["b.example", "a.example"]


def test_a_week_begins_on_monday_and_none_is_left_out():
    until = NOW + 21 * DAY
    weeks = ahead.weeks(ahead.renewals([watched(days=13)], until), NOW, until)
    assert [week.begin.strftime("%a %d") for week in weeks] == ["Mon 23", "Mon 30", "Mon 07", "Mon 14"]
    assert [len(week.renewals) for week in weeks] == [0, 0, 1, 0]


def test_more_certificates_of_one_name_in_a_week_than_are_taken_meet_a_limit():
    until = NOW + 14 * DAY
    weeks = ahead.weeks(ahead.renewals([watched(days=0, life=2)], until), NOW, until)
    assert weeks[1].limit == f"a.example: 7 certificates, and {budget.CERTIFICATES} a week are taken"


def test_more_orders_at_once_than_an_issuer_gets_meet_a_limit():
    names = [watched(f"n{number}.example", 0) for number in range(budget.ISSUER_ORDERS + 1)]
    until = NOW + DAY
    (week,) = ahead.weeks(ahead.renewals(names, until), NOW, until)
    assert week.limit is not None
    assert week.limit.startswith("rcl: 101 orders within three hours")
    (week,) = ahead.weeks(ahead.renewals(names[1:], until), NOW, until)
    assert week.limit is None


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0.01, 400), st.floats(0, 1)), min_size=1, max_size=5))
def test_every_renewal_stands_in_exactly_one_week(each):
    until = NOW + 40 * DAY
    coming = ahead.renewals(
        [watched(f"n{i}.example", days, life, spread=turn) for i, (days, life, turn) in enumerate(each)],
        until,
    )
    weeks = ahead.weeks(coming, NOW, until)
    assert [one for week in weeks for one in week.renewals] == coming
    assert all(week.begin <= one.at < week.begin + 7 * DAY for week in weeks for one in week.renewals)


@pytest.mark.parametrize("life", [0.0, 1e-9])
def test_a_certificate_without_a_life_does_not_make_endless_renewals(life):
    rules = Rules(RenewBefore(), ("a.example",), 0.0)
    odd = Watched("a.example", "rcl", NOW, "", timedelta(days=life), rules)
    assert len(ahead.renewals([odd], NOW + DAY)) == 24
