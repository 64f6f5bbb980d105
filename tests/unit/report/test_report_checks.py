"""`check` is read at a glance, and its document by programs."""

import io
import json
from datetime import timedelta, timezone

import pytest

from renewd.report import checks


def shown(looks, now):
    return checks.text(looks, now, io.StringIO())


@pytest.fixture
def several(look):
    return [
        look("old.example", 40, state="invalid", problem="key and certificate do not match"),
        look("shopeneur.com", 61.5),
        look("wild.example"),
        look("contoso.com,www.contoso.com", 5),
        look("gone.example", -3),
    ]


def test_the_table_reads_like_the_sketch_with_what_needs_somebody_last(several, now):
    assert shown(several, now) == (
        "  shopeneur.com     ok       renews in 31 days   expires 2027-01-24\n"
        "  contoso.com (+1)  due      renews now          expires 2026-11-28   in 5 days\n"
        "  gone.example      expired  renews now          expired 2026-11-20   3 days ago\n"
        "  wild.example      missing  renews now          no file at /live/wild.example/fullchain.pem\n"
        "  old.example       invalid  key and certificate do not match   /live/old.example/fullchain.pem\n"
        "5 watched · 1 ok · 3 due · 1 needs you: renewd why old.example\n"
    )


def test_what_is_odd_beside_the_times_is_said_on_the_line_and_in_the_document(look, now):
    looks = [
        look("a.example", 80, domains=("b.example",)),
        look("c.example", 89, not_before=now + timedelta(hours=2)),
    ]
    other = "it lacks a.example and also has b.example"
    early = "it is valid only in 2 hours: is this machine's clock right?"
    assert other in shown(looks, now)
    assert early in shown(looks, now)
    assert [row["problem"] for row in json.loads(checks.document(looks))["certificates"]] == [other, early]


def test_nothing_watched_is_said():
    assert checks.summary([]) == "0 watched"
    assert json.loads(checks.document([])) == {"schema": 1, "certificates": []}


def test_all_well_is_said_in_a_few_words(look):
    assert checks.summary([look("a.example", 80), look("b.example", 80)]) == "2 watched · 2 ok"


def test_a_name_that_a_shell_would_take_apart_is_quoted(look):
    assert "renewd why '*.example.org'" in checks.summary(
        [look("*.example.org", 9, state="invalid", problem="x")]
    )


def test_usual_lines_fit_80_columns(look, now):
    looks = [look("a" * 17 + ".example.org", days) for days in (80, 5, -400, None)]
    assert max(map(len, shown(looks, now).splitlines()[:3])) <= 80


def test_a_long_name_is_shown_whole_and_moves_no_other_line(look, now):
    long = "a-very-long-name.of-a-department.example.org"
    lines = shown([look(long, 80), look("b.example", 80)], now).splitlines()
    assert lines[0].startswith(f"  {long} ok")
    assert lines[1].startswith("  b.example  ok")


def test_what_a_certificate_says_cannot_command_the_terminal(look, now):
    text = shown([look("a.example", 9, state="invalid", problem="\x1b[2Jcleared\nand a line")], now)
    assert "\x1b" not in text
    assert "\\x1b[2Jcleared\\nand a line" in text


def test_colour_is_for_eyes_that_want_it(several, now, terminal, monkeypatch):
    assert "\x1b[32mok\x1b[0m " in checks.text(several, now, terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in checks.text(several, now, terminal)


def test_the_document_is_one_of_json_with_absent_facts_null(several):
    document = json.loads(checks.document(several))
    assert document["schema"] == 1
    rows = {row["name"]: row for row in document["certificates"]}
    assert list(rows) == [look.target.name for look in several]
    assert rows["contoso.com,www.contoso.com"] == {
        "name": "contoso.com,www.contoso.com",
        "state": "due",
        "not_before": "2026-08-30T12:00:00Z",
        "not_after": "2026-11-28T12:00:00Z",
        "renew_at": "2026-10-29T12:00:00Z",
        "serial": "4F:9A:00:FF",
        "domains": ["contoso.com", "www.contoso.com"],
        "path": "/live/contoso.com+www.contoso.com/fullchain.pem",
        "issuer": "R3",
        "problem": None,
    }
    missing = rows["wild.example"]
    assert (missing["state"], missing["problem"]) == ("missing", "there is no such file")
    assert {missing[key] for key in ("not_before", "not_after", "renew_at", "serial", "issuer")} == {None}
    assert rows["old.example"]["problem"] == "key and certificate do not match"


def test_what_only_planning_found_wrong_is_a_problem_too(look, now):
    backwards = look("a.example", 9, not_before=now + timedelta(days=10))
    assert checks.row(backwards)["problem"] == "it ends before it begins"


def test_times_are_utc_whatever_zone_they_come_in(look, now):
    there = now.astimezone(timezone(timedelta(hours=5))) + timedelta(days=60)
    assert checks.row(look("a.example", 60, not_after=there))["not_after"] == "2027-01-22T12:00:00Z"


def test_what_this_user_may_not_look_at_is_neither_right_nor_wrong(look, now):
    closed = look(
        "a.example", 40, state="invalid", problem="it cannot be looked at as this user", closed=True
    )
    assert shown([closed, look("b.example", 80)], now) == (
        "  b.example  ok       renews in 50 days   expires 2027-02-11\n"
        "  a.example  unknown  it cannot be looked at as this user   /live/a.example/fullchain.pem\n"
        "2 watched · 1 ok · 1 cannot be looked at as this user\n"
    )


def test_on_a_terminal_a_long_problem_goes_on_in_its_own_column(look, now, terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    bad = look("a.example", 40, state="invalid", problem="the private key does not belong to the certificate")
    assert checks.text([bad], now, terminal).splitlines() == [
        "  a.example  \x1b[31minvalid\x1b[0m  the private key does not belong to the certificate",
        "                      /live/a.example/fullchain.pem",
        "1 watched · 1 needs you: renewd why a.example",
    ]
