"""The weekly look ahead: its moments."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.planning import rounds

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(), timedelta(days=5000)).map(lambda since: NOW + since)


@pytest.mark.parametrize("last", [None, NOW + timedelta(days=1)])
def test_what_was_never_looked_at_is_now_and_a_look_in_the_future_is_none(last):
    assert rounds.next_look(last, spread=0.5, troubled=True, now=NOW) == NOW


def test_what_was_not_well_is_looked_at_again_after_a_day():
    last = NOW - timedelta(hours=1)
    assert rounds.next_look(last, spread=0.5, troubled=True, now=NOW) == last + timedelta(days=1)


@given(last=MOMENTS, spread=st.floats(0, 1))
def test_the_next_turn_comes_within_a_week_and_from_then_on_every_week(last, spread):
    turn = rounds.next_look(last, spread=spread, troubled=False, now=last)
    assert last < turn <= last + rounds.WEEK
    assert rounds.next_look(turn, spread=spread, troubled=False, now=turn) == turn + rounds.WEEK
