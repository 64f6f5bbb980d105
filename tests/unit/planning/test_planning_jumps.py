"""What is made of a wall clock that was set."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import renewd
from renewd.planning import jumps
from renewd.planning.jumps import Reading

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HEADING = re.compile(r"^## \[[^\]]+\] - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)


@pytest.mark.parametrize(
    ("wall", "monotonic", "jump"),
    [
        (NOW + timedelta(seconds=60), 160.0, timedelta()),
        (NOW + 3 * DAY, 100.0 + 3 * 86400, timedelta()),  # asleep: both went on
        (NOW + DAY, 100.0, DAY),
        (NOW - DAY, 160.0, -DAY - timedelta(seconds=60)),
    ],
)
def test_a_jump_is_what_the_wall_went_on_by_beyond_the_time_that_passed(wall, monotonic, jump):
    before, now = Reading(NOW, 100.0), Reading(wall, monotonic)
    assert jumps.jump(before, now) == jump
    assert jumps.expected(before, now) + jump == wall


@pytest.mark.parametrize(
    ("wall", "seen", "possible"),
    [
        (NOW, None, True),
        (NOW, NOW, True),
        (NOW, NOW + timedelta(minutes=5), True),
        (NOW, NOW + timedelta(minutes=5, seconds=1), False),
        (NOW + 400 * DAY, NOW, True),  # the machine was off, or another has the disk now
        (datetime(1970, 1, 1, tzinfo=UTC), None, False),
        (renewd.RELEASED, None, True),
        (renewd.RELEASED - timedelta(seconds=1), None, False),
    ],
)
def test_the_present_is_never_before_the_release_nor_before_what_was_believed(wall, seen, possible):
    why = jumps.impossible(wall, renewd.RELEASED, seen)
    assert (why is None) == possible
    assert possible or jumps.show(wall) in str(why)


@pytest.mark.parametrize(
    ("newly", "watched", "many"),
    [(0, 0, False), (1, 1, False), (1, 2, False), (2, 2, True), (2, 10, False), (3, 10, True), (2, 9, True)],
)
def test_more_than_a_fifth_and_at_least_two_is_too_many(newly, watched, many):
    assert jumps.too_many(newly, watched) is many


def test_the_release_is_not_later_than_what_the_changelog_says_of_it():
    text = (Path(renewd.__file__).parents[1] / "CHANGELOG.md").read_text()
    released = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in HEADING.findall(text)]
    assert datetime(2026, 11, 1, tzinfo=UTC) <= renewd.RELEASED
    assert all(day >= renewd.RELEASED for day in released[:1])
    assert datetime.now(UTC) > renewd.RELEASED
