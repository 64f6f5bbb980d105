from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.planning import words

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "said", "short"),
    [
        pytest.param(timedelta(days=31, hours=23), "31 days", "31 d", id="a started day does not count"),
        pytest.param(timedelta(days=2), "2 days", "2 d", id="days from two on"),
        pytest.param(timedelta(hours=47, minutes=59), "47 hours", "47 h", id="hours below two days"),
        pytest.param(timedelta(hours=2), "2 hours", "2 h", id="hours from two on"),
        pytest.param(timedelta(minutes=119), "119 minutes", "119 min", id="minutes below two hours"),
        pytest.param(timedelta(seconds=119), "119 seconds", "119 s", id="seconds below two minutes"),
        pytest.param(timedelta(seconds=1), "1 second", "1 s", id="one second is one"),
        pytest.param(timedelta(), "0 seconds", "0 s", id="nothing"),
        pytest.param(-timedelta(days=3), "3 days", "3 d", id="the sign is left to the sentence"),
    ],
)
def test_a_span_is_said_in_the_unit_people_think_in(length, said, short):
    assert words.span(length) == said
    assert words.short(length) == short


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (NOW + timedelta(days=31), "in 31 days"),
        (NOW - timedelta(hours=3), "3 hours ago"),
        (NOW, "now"),
        (NOW + timedelta(milliseconds=3), "now"),
    ],
)
def test_a_time_is_said_as_seen_from_now(then, said):
    assert words.until(then, NOW) == said


@pytest.mark.parametrize(
    ("part", "said"), [(Fraction(1, 3), "a third"), (Fraction(1, 2), "half"), (Fraction(2, 7), "2/7")]
)
def test_a_share_is_said_in_words_where_there_is_one(part, said):
    assert words.share(part) == said


def test_a_date_is_the_day_in_utc():
    assert words.date(NOW) == "2026-11-23"


@given(st.timedeltas(min_value=timedelta(seconds=0), max_value=timedelta(days=40000)))
def test_a_span_never_says_more_than_there_is(length):
    number, unit = words.span(length).split()
    seconds = {"d": 86400, "h": 3600, "m": 60, "s": 1}[unit[0]]
    assert int(number) * seconds <= length.total_seconds() < (int(number) + 1) * seconds
