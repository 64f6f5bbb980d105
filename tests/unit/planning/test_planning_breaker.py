from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.planning import breaker
from renewd.planning.breaker import End

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ends(*told: tuple[float, str, str]) -> list[End]:
    """Tries in minutes after noon, with whose it was and what it failed of."""
    return [
        End(number, NOW + minutes * MINUTE, name, failed)
        for number, (minutes, name, failed) in enumerate(told, 1)
    ]


def alike(count: int, *, at: float = 0, step: float = 1, failed: str = "NotInSubscription"):
    return [(at + index * step, f"{index}.example", failed) for index in range(count)]


@pytest.mark.fault(29)
def test_five_that_fail_alike_pause_their_issuer_for_a_quarter_of_an_hour():
    pause = breaker.pause(ends(*alike(5)))
    assert pause is not None
    assert (pause.targets, pause.attempt, pause.until) == (5, 5, NOW + 19 * MINUTE)
    assert not pause.told
    assert pause.covers(NOW + 18 * MINUTE)
    assert not pause.covers(NOW + 19 * MINUTE)


@pytest.mark.fault(11)
def test_a_service_that_says_when_to_come_back_is_left_alone_until_then():
    later = NOW + timedelta(hours=6)
    tries = [End(number, NOW, f"{number}.example", "Throttled", later) for number in range(1, 6)]
    pause = breaker.pause(tries)
    assert pause is not None
    assert (pause.since, pause.until) == (NOW, later)
    assert pause.covers(later - MINUTE)
    assert not pause.covers(later)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(alike(4), id="four"),
        pytest.param([(index, "a.example", "BadReply") for index in range(9)], id="one, again and again"),
        pytest.param(alike(5, step=2.5), id="five within more than ten minutes"),
        pytest.param([*alike(3), *alike(4, at=3, failed="BadReply")], id="seven of different kinds"),
        pytest.param(alike(9, failed="InstallFailed"), id="nine, of what is wrong here"),
        pytest.param(alike(9, failed="NotPlaced"), id="nine, of a key that the name server does not take"),
        pytest.param(alike(9, failed="NotPermitted"), id="nine, of CAA records"),
        pytest.param(alike(9, failed="NotPlacedYet"), id="nine, of a name server that is away"),
    ],
)
def test_an_issuer_is_not_left_alone_for(told):
    assert breaker.pause(ends(*told)) is None


@pytest.mark.fault(29)
def test_what_still_fails_after_the_pause_prolongs_it_and_is_not_told_again():
    pause = breaker.pause(ends(*alike(5, step=0), (15, "7.example", "NotInSubscription")))
    assert pause is not None
    assert (pause.told, pause.until) == (True, NOW + 30 * MINUTE)


def test_what_goes_well_after_the_pause_ends_it():
    recovered = (15, "7.example", "")
    assert breaker.pause(ends(*alike(5, step=0), recovered)) is None
    assert breaker.pause(ends(*alike(5, step=0), recovered, (16, "8.example", "NotInSubscription"))) is None


def test_what_was_under_way_when_the_pause_began_changes_nothing():
    others = [(1, "8.example", "NotInSubscription"), (1, "9.example", "")]
    assert breaker.pause(ends(*alike(5, step=0), *others)) == breaker.pause(ends(*alike(5, step=0)))


def test_a_clock_that_was_set_back_makes_no_pause_longer():
    pause = breaker.pause(ends(*alike(5, at=60 * 24 * 30, step=0)))
    assert pause is not None
    assert not pause.covers(NOW)


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from("abcdefgh"), st.sampled_from(["", "BadReply"]))))
def test_a_pause_never_lasts_longer_than_a_quarter_of_an_hour_after_a_failure(told):
    minutes, known = 0.0, []
    for after, name, failed in told:
        minutes += after
        known.append((minutes, name, failed))
    pause = breaker.pause(ends(*known))
    if pause is not None:
        assert pause.until - breaker.PAUSE in {end.at for end in ends(*known) if end.failed}
