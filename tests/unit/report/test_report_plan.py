"""The calendar as a chart of at most 80 columns, and as a document."""

import io
from datetime import UTC, datetime, timedelta

from renewd.planning.ahead import Renewal, Week
from renewd.report import plan

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def week(number, *names, limit=None):
    begin = MONDAY + timedelta(weeks=number)
    return Week(begin, tuple(Renewal(name, "rcl", begin, "due") for name in names), limit)


def test_a_line_a_week_as_long_as_it_is_full():
    told = plan.text(
        [week(0, "a.example", "b.example"), week(1), week(2, "a.example")], MONDAY, io.StringIO()
    )
    assert told.splitlines() == [
        "week of    count",
        "2026-11-23     2 #################### a.example, b.example",
        "2026-11-30",
        "2026-12-07     1 ##########           a.example",
        "3 renewals in 3 weeks · 2 due now · no week meets a limit",
    ]


def test_a_limit_stands_below_its_week():
    told = plan.text([week(0, "a.example", limit="rcl: too many")], MONDAY, io.StringIO())
    assert "limit: rcl: too many" in told.splitlines()[2]
    assert "1 weeks meet a limit" in told


def test_no_line_is_wider_than_a_narrow_terminal_whatever_the_names():
    told = plan.text([week(0, *(f"name-{n}.example.com\x1b[31m" for n in range(99)))], MONDAY, io.StringIO())
    assert max(map(len, told.splitlines())) <= 80
    assert "\x1b" not in told


def test_the_document_has_each_renewal_and_each_week():
    weeks = [week(0, "a.example"), week(1, limit="x")]
    found = plan.document(list(weeks[0].renewals), weeks)
    assert found == {
        "renewals": [{"name": "a.example", "at": "2026-11-23T00:00:00Z", "reason": "due", "issuer": "rcl"}],
        "weeks": [
            {"from": "2026-11-23T00:00:00Z", "renewals": 1, "limit": None},
            {"from": "2026-11-30T00:00:00Z", "renewals": 0, "limit": "x"},
        ],
    }
