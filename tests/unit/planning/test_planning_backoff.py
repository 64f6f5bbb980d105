from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd import errors
from renewd.planning import backoff
from renewd.planning.backoff import Debt, Kind

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CALM = {"left": 30 * DAY, "life": 90 * DAY}


def pause(failures, kind=Kind.ISSUING, **how):
    return backoff.next_try(failures, kind=kind, now=NOW, **{**CALM, **how}) - NOW


@pytest.mark.parametrize(
    ("failures", "kind", "how", "expected"),
    [
        pytest.param(1, Kind.ISSUING, {}, MINUTE, id="the first failure: a minute"),
        pytest.param(2, Kind.ISSUING, {}, 10 * MINUTE, id="the second: ten"),
        pytest.param(3, Kind.ISSUING, {}, 100 * MINUTE, id="the third: a hundred"),
        pytest.param(4, Kind.ISSUING, {}, DAY, id="then a day"),
        pytest.param(40, Kind.ISSUING, {}, DAY, id="and never more"),
        pytest.param(
            40, Kind.ISSUING, {"left": 47 * HOUR}, 4 * HOUR, id="four hours with less than two days left"
        ),
        pytest.param(
            9, Kind.ISSUING, {"left": 8 * DAY}, 4 * HOUR, id="four hours with less than a tenth left"
        ),
        pytest.param(9, Kind.ISSUING, {"left": 9 * DAY}, DAY, id="a day with a tenth left"),
        pytest.param(9, Kind.ISSUING, {"left": -DAY}, 4 * HOUR, id="four hours when expired"),
        pytest.param(
            9, Kind.ISSUING, {"left": None, "life": None}, 4 * HOUR, id="four hours when nothing runs"
        ),
        pytest.param(1, Kind.ISSUING, {"jitter": 1.25}, 75 * timedelta(seconds=1), id="jitter is a factor"),
        pytest.param(1, Kind.CONFIGURATION, {}, DAY, id="a person is needed: a day at once"),
        pytest.param(
            1, Kind.CONFIGURATION, {"left": HOUR}, DAY, id="urgency does not make the person faster"
        ),
        pytest.param(5, Kind.KEY, {}, HOUR, id="a rejected key is probed hourly"),
        pytest.param(
            1,
            Kind.THROTTLED,
            {"retry_after": timedelta(seconds=7)},
            timedelta(seconds=7),
            id="the first throttling waits just what was asked",
        ),
        pytest.param(1, Kind.THROTTLED, {}, MINUTE, id="throttled without a time is like any failure"),
        pytest.param(
            2,
            Kind.THROTTLED,
            {"retry_after": timedelta(seconds=7)},
            10 * MINUTE,
            id="the second throttling backs off",
        ),
        pytest.param(1, Kind.ISSUING, {"retry_after": HOUR}, HOUR, id="what was asked is a floor"),
        pytest.param(
            1,
            Kind.ISSUING,
            {"retry_after": HOUR, "jitter": 0.75},
            HOUR,
            id="jitter does not undercut the floor",
        ),
        pytest.param(1, Kind.ISSUING, {"retry_after": 3650 * DAY}, DAY, id="ten years are cut to a day"),
        pytest.param(1, Kind.ISSUING, {"retry_after": -DAY}, MINUTE, id="a negative time is none"),
    ],
)
def test_the_next_try_is_where_the_table_says(failures, kind, how, expected):
    assert pause(failures, kind, **how) == expected


waits = st.one_of(st.none(), st.timedeltas(min_value=-DAY, max_value=400 * DAY))
lefts = st.one_of(st.none(), st.timedeltas(min_value=-90 * DAY, max_value=90 * DAY))


@given(
    st.integers(1, 50),
    st.sampled_from([Kind.ISSUING, Kind.CONFIGURATION, Kind.KEY]),
    waits,
    lefts,
    st.floats(0.75, 1.25),
)
def test_one_more_failure_never_means_an_earlier_try(failures, kind, wait, left, jitter):
    how = {"retry_after": wait, "left": left, "jitter": jitter}
    assert pause(failures, kind, **how) <= pause(failures + 1, kind, **how)


@given(st.integers(1, 50), st.sampled_from(Kind), waits, lefts, st.floats(0.75, 1.25))
def test_every_pause_is_some_time_and_at_most_a_day_and_a_quarter(failures, kind, wait, left, jitter):
    assert timedelta() < pause(failures, kind, retry_after=wait, left=left, jitter=jitter) <= 1.25 * DAY


@given(st.integers(1, 50), lefts, lefts)
def test_less_time_left_never_means_a_later_try(failures, one, other):
    less, more = sorted((one or timedelta(), other or timedelta()))
    assert pause(failures, left=less) <= pause(failures, left=more)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.KeyRejected, Kind.KEY),
        (errors.NotInSubscription, Kind.CONFIGURATION),
        (errors.MaterialRefused, Kind.CONFIGURATION),
        (errors.Throttled, Kind.THROTTLED),
        (errors.ChallengeFailed, Kind.ISSUING),
        (errors.BadReply, Kind.ISSUING),
        (errors.NotFinal, Kind.ISSUING),
    ],
)
def test_an_error_is_of_the_kind_its_remedy_says(error, kind):
    assert backoff.kind_of(error.__name__) is kind


@pytest.mark.parametrize(
    ("debt", "pauses"),
    [
        (Debt.ROLLED_BACK, [HOUR, 6 * HOUR, DAY, DAY]),
        (Debt.HOOK, [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, HOUR]),
    ],
)
def test_debts_have_their_own_schedule(debt, pauses):
    assert [backoff.debt_try(n, NOW, debt) - NOW for n in range(1, len(pauses) + 1)] == pauses


def test_reads_double_from_five_seconds_to_five_minutes():
    seconds = [backoff.reads_pause(n).total_seconds() for n in range(1, 10)]
    assert seconds == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_read_waits_at_least_what_was_asked_whatever_the_jitter():
    asked = timedelta(seconds=30)
    assert backoff.reads_pause(1, retry_after=asked, jitter=0.0) == asked
    assert backoff.reads_pause(400, jitter=0.5) == timedelta(seconds=150)


def looks(sent_at):
    look, found = backoff.next_look(sent_at, sent_at), []
    while look is not None:
        found.append((look - sent_at).total_seconds() / 60)
        look = backoff.next_look(sent_at, look)
    return found


def test_after_a_lost_reply_there_are_looks_up_to_four_hours():
    assert looks(NOW) == [0.25, 0.5, 1, 2, 5, 10, 20, 50, 80, 110, 140, 170, 200, 230, 240]


@given(st.timedeltas(min_value=timedelta(), max_value=5 * HOUR))
def test_the_next_look_is_always_ahead(since):
    look = backoff.next_look(NOW, NOW + since)
    assert look is None or NOW + since < look <= NOW + backoff.LOOKS_WITHIN
