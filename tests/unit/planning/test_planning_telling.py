"""Notices: said once, louder as the time left shrinks, taken back when all is well."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.planning import telling
from renewd.planning.telling import Kind, Notice, Trouble

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = tuple(Kind)


def failed(name="a.example", cause="renewal", rung=0):
    return Trouble(name, cause, Kind.FAILED, "the CA said no", "ask it", rung)


def test_a_trouble_is_said_once():
    first, said = telling.news({}, [failed()], ALL)
    again, _ = telling.news(said, [failed()], ALL)
    assert first == [Notice(Kind.FAILED, "a.example", "the CA said no", "ask it")]
    assert again == []


def test_it_is_said_again_on_every_rung_and_not_when_it_gets_better():
    _, said = telling.news({}, [failed(rung=1)], ALL)
    worse, said = telling.news(said, [failed(rung=2)], ALL)
    better, said = telling.news(said, [failed(rung=1)], ALL)
    assert len(worse) == 1
    assert better == []
    assert list(said.values()) == [2]


def test_what_was_said_is_taken_back_when_it_is_over_and_only_then():
    _, said = telling.news({}, [failed(), failed(cause="hook")], ALL)
    half, said = telling.news(said, [failed(cause="hook")], ALL)
    over, said = telling.news(said, [], ALL)
    silent, _ = telling.news(said, [], ALL)
    assert half == []
    assert over == [Notice(Kind.RECOVERED, "a.example", "all is well again")]
    assert silent == []


def test_what_was_said_of_a_name_that_is_watched_no_more_is_not_called_well():
    _, said = telling.news({}, [failed(), failed("b.example")], ALL)
    over, _ = telling.news(said, [], ALL, gone={"b.example"})
    assert [(notice.name, notice.what) for notice in over] == [
        ("a.example", "all is well again"),
        ("b.example", telling.GONE),
    ]


def test_what_nobody_asked_for_is_neither_said_nor_taken_back():
    found, said = telling.news({}, [failed()], [Kind.EXPIRING, Kind.RECOVERED])
    assert (found, said) == ([], {})
    found, said = telling.news({}, [failed()], [Kind.FAILED])
    assert telling.news(said, [], [Kind.FAILED]) == ([], {})


@pytest.mark.parametrize(
    ("left", "rung"), [(16, None), (15, 0), (7, 1), (3, 2), (1, 3), (0, 4), (-5, 4)], ids=str
)
def test_the_ladder_of_a_certificate_of_ninety_days(left, rung):
    validity = (NOW + (left - 90) * DAY, NOW + left * DAY)
    found = [each.rung for each in telling.by_time("a.example", None, validity, NOW)]
    assert found == ([] if rung is None else [rung])


def test_the_ladder_of_a_certificate_of_six_days_is_climbed_in_its_last_day():
    def rungs(hours):
        end = NOW + timedelta(hours=hours)
        return [each.rung for each in telling.by_time("a.example", None, (end - 6 * DAY, end), NOW)]

    assert [rungs(25), rungs(24), rungs(12), rungs(4), rungs(1), rungs(0)] == [[], [0], [1], [2], [3], [4]]


def test_a_renewal_is_overdue_a_tenth_of_the_life_after_it_was_wanted():
    validity = (NOW - 70 * DAY, NOW + 20 * DAY)
    assert list(telling.by_time("a.example", NOW - 9 * DAY, validity, NOW)) == []
    (found,) = telling.by_time("a.example", NOW - 10 * DAY, validity, NOW)
    assert found.kind is Kind.OVERDUE
    assert found.what == "it should have been renewed 10 days ago; it expires in 20 days"


TROUBLES = st.builds(
    Trouble,
    st.sampled_from(["a/b", "b", ""]),
    st.sampled_from(["renewal", "time"]),
    st.sampled_from([Kind.FAILED, Kind.OVERDUE, Kind.EXPIRING]),
    st.just("what"),
    st.just(""),
    st.integers(0, 4),
)


@given(st.lists(st.lists(TROUBLES, max_size=6, unique_by=lambda one: one.key), max_size=12))
def test_nothing_is_said_twice_and_everything_said_is_taken_back(days):
    said = {}
    loudest = {}
    for troubles in [*days, []]:
        found, said = telling.news(said, troubles, ALL)
        new = [one for one in troubles if one.rung > loudest.get(one.key, -1)]
        assert sum(notice.kind is not Kind.RECOVERED for notice in found) == len(new)
        loudest = {one.key: max(one.rung, loudest.get(one.key, 0)) for one in troubles}
    assert said == {}
