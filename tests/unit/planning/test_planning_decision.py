from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs.facts import Facts
from renewd.config.units import renew_before
from renewd.planning.decision import Rules, decide

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def facts(left, life=90 * DAY, domains=("contoso.com",), state="present", problem=None):
    """A certificate with `left` to go of its `life`."""
    return Facts("/live/cert.pem", state, problem, NOW + left - life, NOW + left, 7, domains)


def rules(rule="1/3", domains=("contoso.com",), spread=0.0):
    return Rules(renew_before(rule), domains, spread)


MANY = tuple(f"{letter}.example" for letter in "abcde")


@pytest.mark.parametrize(
    ("found", "wanted", "state", "reason"),
    [
        pytest.param(Facts("/x", "missing", "no file at /x"), rules(), "missing", "no file at /x", id="missing"),
        pytest.param(Facts("/x", "missing"), rules(), "missing", "it is missing", id="missing without a word"),
        pytest.param(Facts("/x", "invalid", "cut off"), rules(), "invalid", "cut off", id="unreadable"),
        pytest.param(
            facts(-3 * DAY, state="invalid", problem="key and certificate do not match"), rules(), "invalid",
            "key and certificate do not match", id="invalid goes before expired",
        ),
        pytest.param(facts(-3 * DAY, domains=("x.example",)), rules(), "expired", "expired 3 days ago", id="expired goes before other names"),
        pytest.param(facts(timedelta()), rules(), "expired", "expired now", id="the very end"),
        pytest.param(facts(3 * DAY), rules(), "due", "due: a third of 90 days before the end was 27 days ago", id="three days left"),
        pytest.param(facts(30 * DAY), rules(), "due", "due: a third of 90 days before the end was now", id="the very moment"),
        pytest.param(facts(61 * DAY), rules(), "ok", "renews in 31 days, a third of 90 days before the end", id="well"),
        pytest.param(facts(61 * DAY), rules("7d"), "ok", "renews in 54 days, 7 days before the end", id="well by a fixed time"),
        pytest.param(
            facts(32 * DAY), rules(spread=1.0), "due",
            "due: a third of 90 days before the end is in 2 days, and its turn comes a little before", id="within the spread",
        ),
        pytest.param(
            facts(2 * DAY, life=6 * DAY), rules(), "due", "due: half of 6 days before the end was 24 hours ago", id="six days",
        ),
        pytest.param(
            facts(61 * DAY), rules(domains=("contoso.com", "www.contoso.com")), "due", "due: it lacks www.contoso.com", id="a name is lacking",
        ),
        pytest.param(
            facts(61 * DAY, domains=MANY), rules(domains=("a.example", "z.example")), "due",
            "due: it lacks z.example and also has b.example, c.example, d.example and 1 more", id="other names",
        ),
        pytest.param(
            facts(91 * DAY), rules(), "ok",
            "renews in 61 days, a third of 90 days before the end; it is valid only in 24 hours: is this machine's clock right?",
            id="a clock before not_before is told, and is no reason to order",
        ),
        pytest.param(
            facts(90 * DAY + timedelta(minutes=2)), rules(), "ok", "renews in 60 days, a third of 90 days before the end", id="a clock two minutes behind is nothing",
        ),
        pytest.param(facts(DAY, life=-2 * DAY), rules(), "invalid", "it ends before it begins", id="dates that make no sense"),
    ],
)  # fmt: skip
def test_a_decision_has_a_state_and_a_reason_in_words(found, wanted, state, reason):
    decision = decide(found, wanted, NOW)
    assert (decision.state, decision.reason) == (state, reason)
    assert decision.due is (state != "ok")


def test_the_time_is_the_rules_time_also_when_it_has_passed():
    assert decide(facts(3 * DAY), rules(), NOW).at == NOW - 27 * DAY
    assert decide(facts(-3 * DAY), rules(), NOW).at == NOW - 33 * DAY
    assert decide(facts(61 * DAY), rules(), NOW).at == NOW + 31 * DAY


def test_other_names_are_wanted_changed_now():
    assert decide(facts(61 * DAY, domains=()), rules(), NOW).at == NOW


def test_what_is_not_readable_has_no_time():
    assert decide(Facts("/x", "missing"), rules(), NOW).at is None


@given(
    st.timedeltas(min_value=-100 * DAY, max_value=90 * DAY),
    st.timedeltas(min_value=timedelta(), max_value=90 * DAY),
)
def test_what_is_due_stays_due(left, later):
    found = facts(left)
    if decide(found, rules(spread=0.5), NOW).due:
        assert decide(found, rules(spread=0.5), NOW + later).due
