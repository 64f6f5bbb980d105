from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.config.units import RenewBefore, renew_before
from renewd.planning import window

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def due(life, rule="1/3", spread=0.0):
    return window.due_at(BEGIN, BEGIN + life, renew_before(rule), spread) - BEGIN


@pytest.mark.parametrize(
    ("life", "rule", "after"),
    [
        pytest.param(90 * DAY, "1/3", 60 * DAY, id="a third before the end of 90 days is after 60"),
        pytest.param(398 * DAY, "1/3", 398 * DAY * 2 / 3, id="the longest that browsers take"),
        pytest.param(45 * DAY, "1/3", 30 * DAY, id="45 days"),
        pytest.param(6 * DAY, "1/3", 3 * DAY, id="six days are renewed at half"),
        pytest.param(10 * DAY, "1/3", 10 * DAY * 2 / 3, id="ten days are not short"),
        pytest.param(6 * DAY, "1/4", 4.5 * DAY, id="a share that was written is kept for short lives"),
        pytest.param(90 * DAY, "30d", 60 * DAY, id="a fixed time"),
        pytest.param(90 * DAY, "45d", 45 * DAY, id="a fixed time of just half"),
        pytest.param(90 * DAY, "60d", 30 * DAY, id="a fixed time above half of the life is kept, too"),
        pytest.param(6 * DAY, "30d", 3 * DAY, id="a fixed time beyond the whole life means half"),
        pytest.param(90 * DAY, "2/3", 30 * DAY, id="a share above half is kept: somebody wrote it"),
    ],
)
def test_a_certificate_is_due_when_its_rule_says(life, rule, after):
    assert due(life, rule) == after


def test_the_spread_is_earlier_by_a_twentieth_of_the_life_at_most():
    assert due(90 * DAY, spread=1.0) == 60 * DAY - 4.5 * DAY
    assert due(90 * DAY, spread=0.5) == 60 * DAY - 2.25 * DAY


lives = st.timedeltas(min_value=timedelta(minutes=1), max_value=800 * DAY)
rules = st.one_of(
    st.integers(1, 9998).flatmap(
        lambda n: st.integers(n + 1, 9999).map(lambda d: RenewBefore(Fraction(n, d)))
    ),
    st.timedeltas(min_value=timedelta(seconds=1), max_value=3650 * DAY).map(
        lambda time: RenewBefore(None, time)
    ),
)


@given(lives, rules, st.floats(0, 1))
def test_nothing_is_due_at_its_birth_or_only_after_its_end(life, rule, spread):
    at = window.due_at(BEGIN, BEGIN + life, rule, spread)
    assert BEGIN < at < BEGIN + life


@given(lives, rules, st.floats(0, 1), st.floats(0, 1))
def test_more_spread_is_never_later(life, rule, one, other):
    less, more = sorted((one, other))
    assert window.due_at(BEGIN, BEGIN + life, rule, more) <= window.due_at(BEGIN, BEGIN + life, rule, less)


def test_the_turn_in_the_spread_is_the_same_in_every_process():
    assert window.spread_of("contoso.com", "web1") == pytest.approx(0.57827, abs=1e-5)


def test_two_hosts_and_two_names_have_different_turns():
    turns = {window.spread_of(name, host) for name in ("a.example", "b.example") for host in ("web1", "web2")}
    assert len(turns) == 4


@given(st.text(), st.text())
def test_a_turn_lies_between_0_and_1(name, host):
    assert (
        0
        <= window.spread_of(
            name.encode("utf-8", "replace").decode(), host.encode("utf-8", "replace").decode()
        )
        < 1
    )


@pytest.mark.parametrize(
    ("life", "rule", "said"),
    [
        (90 * DAY, "1/3", "a third of 90 days before the end"),
        (90 * DAY - timedelta(seconds=1), "1/3", "a third of 90 days before the end"),
        (160 * timedelta(hours=1), "1/3", "half of 6 days before the end"),
        (90 * DAY, "30d", "30 days before the end"),
        (90 * DAY, "80d", "80 days before the end"),
        (90 * DAY, "90d", "half of 90 days before the end"),
        (90 * DAY, "2/5", "2/5 of 90 days before the end"),
    ],
)
def test_the_rule_is_said_as_it_works(life, rule, said):
    assert window.in_words(life, renew_before(rule)) == said
