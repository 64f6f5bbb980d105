"""Starts are counted until a pass is healthy; too many leave the network alone for a while."""

from pathlib import Path

import pytest

from renewd.daemon import starts
from renewd.daemon.starts import Starts
from tests.clocks import FakeClock


def begun(folder: Path, clock: FakeClock, times: int, apart: float = 60.0) -> tuple[Starts, list[int]]:
    counted = []
    for number in range(times):
        made = Starts(str(folder), clock)
        counted.append(made.begin())
        if number < times - 1:
            clock.advance(apart)
    return made, counted


@pytest.mark.fault(64)
def test_the_eleventh_start_within_ten_minutes_is_one_too_many(tmp_path: Path, clock: FakeClock):
    made, counted = begun(tmp_path, clock, 11)
    assert counted == [0] * 10 + [11]
    assert made.quiet()
    assert not made.over()
    clock.advance(starts.QUIET)
    assert not made.quiet()
    assert (made.over(), made.over()) == (True, False)


@pytest.mark.fault(64)
def test_it_is_never_dead_for_long_however_often_it_crashes(tmp_path: Path, clock: FakeClock):
    _, counted = begun(tmp_path, clock, 200, apart=30.0)
    assert not any(counted[:10])
    assert set(counted[10:]) == {11}, "what is kept does not grow"
    clock.advance(starts.QUIET)
    assert begun(tmp_path, clock, 1)[1] == [0]


def test_starts_that_are_far_apart_are_no_loop(tmp_path: Path, clock: FakeClock):
    assert not any(begun(tmp_path, clock, 20, apart=150.0)[1])


def test_a_healthy_pass_wipes_the_slate_clean(tmp_path: Path, clock: FakeClock):
    made, _ = begun(tmp_path, clock, 10, apart=1.0)
    made.healthy()
    made.healthy()
    assert begun(tmp_path, clock, 10, apart=1.0)[1] == [0] * 10


@pytest.mark.parametrize("text", ["", "[", "{}", "null", '["a"]', "[1e400]", "[99999999.0, 99999999.0]"])
def test_a_torn_file_or_one_from_before_a_reboot_counts_nothing(tmp_path: Path, clock: FakeClock, text: str):
    (tmp_path / starts.FILE).write_text(text)
    assert Starts(str(tmp_path), clock).begin() == 0


def test_where_it_cannot_be_kept_the_daemon_starts_all_the_same(tmp_path: Path, clock: FakeClock):
    (tmp_path / starts.FILE).mkdir()
    made, counted = begun(tmp_path, clock, 3)
    assert counted == [0, 0, 0]
    made.quiet()
