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
            9, Kind.ISSUING, {"left": 12 * DAY}, DAY, id="a day while twelve tries have room for it"
        ),
        pytest.param(9, Kind.ISSUING, {"left": 10 * DAY}, 20 * HOUR, id="else a twelfth of the time left"),
        pytest.param(
            9,
            Kind.ISSUING,
            {"left": 10 * DAY, "taking": DAY},
            18 * HOUR,
            id="less the time that a renewal has been taking",
        ),
        pytest.param(
            9, Kind.ISSUING, {"left": 8 * DAY}, 4 * HOUR, id="four hours with less than a tenth left"
        ),
        pytest.param(9, Kind.ISSUING, {"left": 9 * DAY}, 18 * HOUR, id="not yet with a tenth left"),
        pytest.param(40, Kind.ISSUING, {"left": 36 * HOUR}, 3 * HOUR, id="a twelfth of a day and a half"),
        pytest.param(40, Kind.ISSUING, {"left": 6 * HOUR}, HOUR, id="an hour when there is little left"),
        pytest.param(9, Kind.ISSUING, {"left": -DAY}, HOUR, id="an hour when expired"),
        pytest.param(2, Kind.ISSUING, {"left": -DAY}, 10 * MINUTE, id="the first tries come as ever"),
        pytest.param(
            9,
            Kind.ISSUING,
            {"left": 3 * DAY, "life": 6 * DAY},
            6 * HOUR,
            id="of six days with three left: six hours",
        ),
        pytest.param(
            3,
            Kind.ISSUING,
            {"left": 3 * DAY, "life": 6 * DAY},
            100 * MINUTE,
            id="of six days too, the third comes after a hundred minutes",
        ),
        pytest.param(
            9,
            Kind.ISSUING,
            {"left": 2 * HOUR, "life": 12 * HOUR},
            15 * MINUTE,
            id="of half a day: as often as a share of it",
        ),
        pytest.param(1, Kind.UNRESOLVED, {}, 30 * MINUTE, id="what may have been issued is looked for soon"),
        pytest.param(9, Kind.UNRESOLVED, {}, DAY, id="and then daily"),
        pytest.param(9, Kind.UNRESOLVED, {"left": 6 * DAY}, 4 * HOUR, id="sooner where it is urgent"),
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


lives = st.timedeltas(min_value=HOUR, max_value=400 * DAY)
SLACK = [Kind.ISSUING, Kind.THROTTLED, Kind.UNRESOLVED]


@given(st.integers(1, 50), st.sampled_from(SLACK), lives, st.floats(0, 1), st.floats(0.75, 1.25))
def test_there_is_a_try_before_the_end_wherever_there_is_time_for_one(failures, kind, life, share, jitter):
    left, taking = life * share, life / 100
    floor = min(HOUR, life / 48)
    if left - taking > 1.25 * floor:
        assert pause(failures, kind, left=left, life=life, taking=taking, jitter=jitter) < left - taking


@given(st.integers(1, 50), lefts, lives, st.floats(0.75, 1.25))
def test_no_slack_is_so_small_that_the_service_is_asked_without_a_pause(failures, left, life, jitter):
    steps = (MINUTE, 10 * MINUTE, 100 * MINUTE, DAY)
    least = min(steps[min(failures, 4) - 1], HOUR, life / 48)
    assert pause(failures, left=left, life=life, jitter=jitter) >= 0.75 * least


@given(
    st.integers(1, 50),
    lives,
    st.floats(0, 1),
    st.timedeltas(timedelta(), DAY),
    st.timedeltas(timedelta(), DAY),
)
def test_the_longer_a_renewal_takes_the_sooner_it_is_tried(failures, life, share, one, other):
    how = {"left": life * share, "life": life}
    quick, slow = sorted((one, other))
    assert pause(failures, taking=slow, **how) <= pause(failures, taking=quick, **how)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.Unresolved, Kind.UNRESOLVED),
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


@pytest.mark.fault(34)
@pytest.mark.parametrize("jitter", [0.75, 1.0, 1.25])
def test_what_needs_a_person_waits_for_at_least_a_day(jitter: float):
    told = backoff.next_try(1, kind=Kind.CONFIGURATION, left=DAY, life=None, now=NOW, jitter=jitter)
    assert told - NOW == DAY * max(jitter, 1.0)
