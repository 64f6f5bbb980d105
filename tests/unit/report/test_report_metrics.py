"""The metrics: names and labels by Prometheus' conventions, one series a certificate, nothing that should not be there."""

import shutil
import subprocess
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from renewd.journal import Failure, State
from renewd.renewal import events
from renewd.renewal.findings import Finding, Newest
from renewd.renewal.timed import Asked
from renewd.report import metrics
from renewd.report.heard import Heard
from renewd.report.known import Known
from renewd.report.metrics import Counting
from renewd.report.web.board import Pulse
from tests import pages
from tests.pages import CONFIRM


def samples(text: bytes) -> dict[str, float]:
    """name{label=value} → value, as Prometheus reads it."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for each in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(each.labels.items()))
            key = f"{each.name}{{{labels}}}" if labels else each.name
            assert key not in found, f"{key} twice"
            found[key] = each.value
    return found


def of(clock, *rows):
    """The samples of these certificates."""
    return samples(pages.board(clock, rows).metrics)


def test_the_times_of_a_certificate_are_timestamps(clock):
    now = clock.now()
    found = of(clock, pages.row("contoso.com", now, 61))
    assert (
        found["renewd_certificate_not_after_timestamp_seconds{name=contoso.com}"]
        == (now + timedelta(days=61)).timestamp()
    )
    assert (
        found["renewd_certificate_renew_at_timestamp_seconds{name=contoso.com}"]
        == (now + timedelta(days=31)).timestamp()
    )
    assert (
        found["renewd_certificate_overdue_at_timestamp_seconds{name=contoso.com}"]
        == (now + timedelta(days=40)).timestamp()
    ), "a tenth of ninety days after the renewal was wanted"
    assert found["renewd_certificate_usable{name=contoso.com}"] == 1


def test_what_is_not_there_has_no_times_and_is_not_usable(clock):
    found = of(clock, pages.row("contoso.com", clock.now(), None))
    assert "renewd_certificate_not_after_timestamp_seconds{name=contoso.com}" not in found
    assert found["renewd_certificate_usable{name=contoso.com}"] == 0
    assert found["renewd_certificates{state=missing}"] == 1
    assert found["renewd_certificates{state=ok}"] == 0
    assert found["renewd_certificates_in_trouble"] == 1


def test_what_is_served_is_told_where_somebody_looks(clock):
    now = clock.now()
    found = of(
        clock,
        pages.row("same.example", now, 61, pages.seen(now), **CONFIRM),
        pages.row("older.example", now, 61, pages.seen(now, "11:22"), **CONFIRM),
        pages.row("wrong.example", now, 61, pages.seen(now, why="it serves 11:22"), **CONFIRM),
        pages.row("unseen.example", now, 61, **CONFIRM),
        pages.row("unwatched.example", now, 61),
    )
    served = {key: value for key, value in found.items() if "served_ok" in key}
    assert served == {
        "renewd_certificate_served_ok{name=same.example}": 1,
        "renewd_certificate_served_ok{name=older.example}": 0,
        "renewd_certificate_served_ok{name=wrong.example}": 0,
        "renewd_certificate_served_ok{name=unseen.example}": 0,
    }


def test_the_end_of_what_is_served_is_told_whatever_it_is(clock):
    now = clock.now()
    end = now + timedelta(days=3)
    other = pages.seen(now, "11:22", not_after=end.isoformat())
    found = of(
        clock,
        pages.row("same.example", now, 61, pages.seen(now), **CONFIRM),
        pages.row("other.example", now, 61, other, **CONFIRM),
        pages.row("unknown.example", now, 61, pages.seen(now, "11:22"), **CONFIRM),
        pages.row("unwatched.example", now, 61, other),
    )
    assert {key: value for key, value in found.items() if "served_not_after" in key} == {
        "renewd_certificate_served_not_after_timestamp_seconds{name=same.example}": (
            now + timedelta(days=61)
        ).timestamp(),
        "renewd_certificate_served_not_after_timestamp_seconds{name=other.example}": end.timestamp(),
    }


def test_where_nothing_is_on_disk_nothing_else_is_said_to_be_served(clock):
    found = of(clock, pages.row("a.example", clock.now(), None, **CONFIRM))
    assert not [key for key in found if "served_ok" in key]


def test_what_would_stop_the_next_renewal_is_told(clock):
    now = clock.now()
    blocks = Known(preflight=Newest(now, (Finding("a.example", "blocks", "no such host", ""),)))
    found = of(clock, pages.row("a.example", now, 61, blocks), pages.row("b.example", now, 61))
    assert found["renewd_certificate_preflight_blocks{name=a.example}"] == 1
    assert found["renewd_certificate_preflight_blocks{name=b.example}"] == 0


def test_failures_debts_and_budget_are_told(clock):
    now = clock.now()
    owed = pages.attempt(
        "b.example", now, outcome="owed", owed=("reload", "confirm"), state=State.HOOKS_PENDING
    )
    found = of(
        clock,
        pages.row("a.example", now, 61, pages.failed("a.example", now)),
        pages.row("b.example", now, 61, Known(last=owed, debt=owed)),
    )
    assert found["renewd_certificate_last_attempt_failed{name=a.example}"] == 1
    assert found["renewd_certificate_last_attempt_failed{name=b.example}"] == 0
    assert found["renewd_certificate_hooks_owed{name=b.example}"] == 2
    assert found["renewd_certificate_budget_left{name=a.example}"] == 3


@pytest.mark.parametrize("name", ['a"b', "a\\b", "ü.example", "a\\", '\\"'])
def test_a_hostile_name_stays_within_its_label(clock, name):
    row = pages.row("a.example", clock.now(), 61)
    row.look.target.name = name
    (found,) = [
        sample.labels["name"]
        for family in text_string_to_metric_families(pages.board(clock, [row]).metrics.decode())
        for sample in family.samples
        if sample.name == "renewd_certificate_usable"
    ]
    assert found == name


def test_what_happens_is_counted(clock):
    counting = Counting()
    now = clock.now()
    counting(events.Renewed(name="a", version="v", not_after=now, serial="1"))
    counting(events.Failed(name="b", stage="api", message="m", remedy="r", next_try_at=None))
    counting(events.Failed(name="b", stage="api", message="m", remedy="r", next_try_at=None))
    counting(Asked(name="b", issuer="rcl", call="order", seconds=0.3, ok=False))
    counting(events.HookRan(hook="reload", command="x", seconds=0.1, names=("a",)))
    counting(events.HookFailed(hook="check", command="x", why="w", output="", names=("a",)))
    found = samples(counting.text())
    assert found["renewd_attempts_total{outcome=renewed}"] == 1
    assert found["renewd_attempts_total{outcome=failed}"] == 2
    assert found["renewd_attempts_total{outcome=owed}"] == 0, (
        "there from the start, so that a rate can be taken"
    )
    assert found["renewd_api_request_duration_seconds_bucket{call=order,issuer=rcl,le=0.5}"] == 1
    assert found["renewd_api_request_duration_seconds_bucket{call=order,issuer=rcl,le=0.25}"] == 0
    assert found["renewd_api_request_failures_total{call=order,issuer=rcl}"] == 1
    assert found["renewd_hook_duration_seconds_count{hook=reload}"] == 1
    assert found["renewd_hook_failures_total{hook=check}"] == 1
    assert not [key for key in found if "_created" in key]


def test_how_the_daemon_fares(clock):
    now, heard = clock.now(), Heard(clock)
    found = samples(metrics.daemon(Pulse.of(now, now, now + timedelta(hours=12), ""), heard, now))
    assert found["renewd_last_pass_timestamp_seconds"] == now.timestamp()
    assert "renewd_last_healthy_pass_timestamp_seconds" not in found
    assert found["renewd_next_pass_timestamp_seconds"] == (now + timedelta(hours=12)).timestamp()
    assert found["renewd_config_last_reload_successful"] == 1
    assert found["renewd_clock_trusted"] == found["renewd_tick_ok"] == 1
    heard.refused = heard.suspect = heard.tick_failed = "why"
    heard.healthy_pass = now
    found = samples(metrics.daemon(Pulse(), heard, None))
    assert found["renewd_config_last_reload_successful"] == 0
    assert found["renewd_clock_trusted"] == found["renewd_tick_ok"] == 0
    assert "renewd_last_pass_timestamp_seconds" not in found
    assert found["renewd_last_healthy_pass_timestamp_seconds"] == now.timestamp()


def everything(clock) -> bytes:
    """All that /metrics shows."""
    now = clock.now()
    refused = Failure("api", "Unreachable", "https://x.example/?sig=SECRET-IN-A-LINK", "wait")
    rows = [
        pages.row("a.example", now, 61, pages.seen(now), **CONFIRM),
        pages.row("b.example", now, 3, pages.failed("b.example", now, refused)),
    ]
    counting = Counting()
    counting(Asked(name="b", issuer="rcl", call="order", seconds=0.3, ok=False))
    counting(events.HookRan(hook="reload", command="x --password=SECRET", seconds=0.1, names=("a",)))
    board = pages.board(clock, rows)
    return board.metrics + metrics.daemon(board.pulse, board.heard, now) + counting.text()


def test_prometheus_own_linter_finds_nothing_to_say(clock):
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; as root: apt-get install prometheus (tests/setup does it)"
    ran = subprocess.run(
        [promtool, "check", "metrics"], input=everything(clock), capture_output=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


@pytest.mark.fault(98)
def test_no_message_no_command_and_no_link_is_in_it(clock):
    assert b"SECRET" not in everything(clock)


def test_each_certificate_adds_the_same_few_series_whatever_happened_to_it(clock):
    now = clock.now()
    quiet = of(clock, pages.row("a.example", now, 61))
    busy = of(clock, pages.row("a.example", now, 3, pages.failed("a.example", now)))
    assert quiet.keys() == busy.keys()
