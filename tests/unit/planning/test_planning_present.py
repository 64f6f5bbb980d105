from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.planning import present

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CALM = (NOW - 60 * DAY, NOW + 30 * DAY)
ENDING = (NOW - 89 * DAY, NOW + DAY)
EXPIRED = (NOW - 91 * DAY, NOW - DAY)


@pytest.mark.parametrize(
    ("skew", "validity", "trusted"),
    [
        pytest.param(None, CALM, True, id="a service that tells no time says nothing about ours"),
        pytest.param(0 * MINUTE, CALM, True, id="the same time"),
        pytest.param(10 * MINUTE, CALM, True, id="ten minutes behind are nothing"),
        pytest.param(-10 * MINUTE, CALM, True, id="nor ahead"),
        pytest.param(11 * MINUTE, CALM, False, id="eleven minutes are suspect"),
        pytest.param(-11 * MINUTE, CALM, False, id="ahead as well"),
        pytest.param(365 * DAY, CALM, False, id="a year behind"),
        pytest.param(-365 * DAY, CALM, False, id="a year ahead"),
        pytest.param(30 * MINUTE, ENDING, True, id="half an hour behind, and a day left: it cannot wait"),
        pytest.param(-3 * HOUR, ENDING, True, id="three hours ahead, and a day left: it cannot wait"),
        pytest.param(
            -(DAY + HOUR), EXPIRED, False, id="expired here alone: by the service's clock there is time"
        ),
        pytest.param(61 * MINUTE, ENDING, False, id="an hour behind: the new one would not be valid here"),
        pytest.param(-25 * HOUR, None, False, id="a day ahead: the new one would be old here"),
        pytest.param(30 * MINUTE, None, True, id="nothing runs: it cannot wait"),
        pytest.param(2 * HOUR, None, False, id="nothing runs, and the new one would not run here either"),
        pytest.param(-HOUR, EXPIRED, True, id="expired by both clocks"),
    ],
)
def test_the_present_is_trusted_as_the_table_says(skew, validity, trusted):
    assert (present.suspicion(skew, validity, NOW) is None) is trusted


def test_a_suspicion_tells_both_times_and_which_is_ahead():
    assert present.suspicion(-3 * HOUR, CALM, NOW) == (
        "this machine's clock is 3 hours ahead of the service's: 2026-11-23 12:00:00 UTC here, "
        "2026-11-23 09:00:00 UTC there; nothing is ordered until they agree"
    )
    assert "is 2 days behind the service's" in (present.suspicion(2 * DAY, CALM, NOW) or "")


@given(st.timedeltas(min_value=-400 * DAY, max_value=400 * DAY))
def test_what_is_issued_while_the_clocks_differ_is_valid_by_both(skew):
    if present.suspicion(skew, ENDING, NOW) is None:
        assert -DAY <= skew <= HOUR


@given(st.timedeltas(min_value=-400 * DAY, max_value=400 * DAY))
def test_where_there_is_time_the_clocks_must_agree(skew):
    trusted = present.suspicion(skew, (NOW, NOW + 2000 * DAY), NOW) is None
    assert trusted is (abs(skew) <= 10 * MINUTE)
