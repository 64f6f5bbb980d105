"""`renew` as it is watched: rewritten lines on a terminal, steps in a pipe, failures only where asked."""

import io
import os
import pty
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from renewd.planning import words
from renewd.renewal import debts, events, permission
from renewd.renewal.outcome import Outcome, Result
from renewd.report import steps
from renewd.report.progress import Line, Progress
from tests.clocks import START

NAMES = ("contoso.com,www.contoso.com", "wild.example")


def story(now):
    """Two targets: the one fails at its challenge, the other goes live."""
    yield events.PassStarted(watched=4, due=2)
    for name in NAMES:
        yield events.Due(name=name, reason="due")
        yield events.Ordering(name=name, issuer="rcl")
        yield events.Ordered(name=name, uri="u", status="pending", challenges=2)
        yield events.Placed(name=name, domains=("a", "b"))
        yield events.Finalizing(name=name, uri="u")
    yield events.Installed(name=NAMES[1], version="v", not_after=now + timedelta(days=90))
    for hook, command in (("check", "nginx -t"), ("reload", "nginx -s reload")):
        yield events.HookRan(name=NAMES[0], hook=hook, command=command, seconds=0.1, names=NAMES)
    yield events.Served(name=NAMES[1], at="127.0.0.1:443", serial="4F")
    yield events.Renewed(name=NAMES[1], version="v", not_after=now, serial="4F")
    yield events.Failed(
        name=NAMES[0],
        stage="challenge",
        message="the CA saw 404",
        remedy="serve the file",
        next_try_at=now + timedelta(minutes=11),
    )


@pytest.fixture
def outcomes(target):
    return [Outcome(target(NAMES[0]), Result.FAILED, "x"), Outcome(target(NAMES[1]), Result.RENEWED)]


@pytest.fixture
def told(clock, now):
    """What a progress writes to a pipe."""

    def told(happened, outcomes=(), upcoming=None, **options):
        stream = io.StringIO()
        with Progress(stream, clock=clock, **options) as progress:
            for event in happened:
                progress(event)
            clock.advance(21)
        progress.summary(outcomes, now, upcoming)
        return stream.getvalue()

    return told


def test_a_pipe_gets_a_line_a_step_and_the_summary(told, outcomes, now):
    text = told(story(now), outcomes, ("shopeneur.com", now + timedelta(days=31)))
    assert text == (
        "  contoso.com (+1)         looking\n"
        "  contoso.com (+1)         ordering\n"
        "  contoso.com (+1)         ordered\n"
        "  contoso.com (+1)         2 challenges placed\n"
        "  contoso.com (+1)         finalizing\n"
        "  wild.example             looking\n"
        "  wild.example             ordering\n"
        "  wild.example             ordered\n"
        "  wild.example             2 challenges placed\n"
        "  wild.example             finalizing\n"
        "  wild.example             installed 2027-02-21\n"
        "  contoso.com (+1)         checked\n"
        "  wild.example             checked\n"
        "  contoso.com (+1)         reloaded\n"
        "  wild.example             reloaded\n"
        "  wild.example             served ✓\n"
        "  wild.example             done\n"
        "  contoso.com (+1)         failed at the challenge: the CA saw 404; next try in 11 minutes\n"
        "                           serve the file\n"
        "nginx -t, nginx -s reload: once for 2 certificates\n"
        "1 failed · 1 renewed in 21 s · next: shopeneur.com in 31 days\n"
    )


def test_quiet_says_failures_only(told, outcomes, now):
    assert told(story(now), outcomes, quiet=True) == (
        "  contoso.com (+1)         failed at the challenge: the CA saw 404; next try in 11 minutes\n"
        "                           serve the file\n"
    )


def test_nothing_due_is_said(told, now):
    assert (
        told([], [], ("a.example", now + timedelta(days=31)))
        == "nothing is due · next: a.example in 31 days\n"
    )


def test_an_outcome_that_no_event_told_is_told_by_the_summary(told, target, now):
    held = Outcome(target("a.example"), Result.HELD, "a program is missing", now + timedelta(hours=3))
    late = Outcome(target("b.example"), Result.PARKED, "", now)
    assert told([], [held, late], quiet=True) == (
        "  a.example                held: a program is missing; next try in 3 hours\n"
        "  b.example                parked; next try with the next pass\n"
    )


def test_what_a_service_says_cannot_command_the_terminal(told):
    bad = events.Failed(name="a\x1b[2J", stage="api", message="x\r\n\x1b[2J", remedy="\x07", next_try_at=None)
    text = told([bad], quiet=True)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert text.count("\n") == 2


def test_a_line_shows_what_lasts_with_its_time_until_the_next_thing_happens():
    line = Line("a.example")
    line.add(steps.Said("ordered"), 0)
    line.add(steps.Said("finalizing", lasts=True), 10)
    assert line.text(11) == "ordered · finalizing"
    assert line.text(84) == "ordered · finalizing 1:14"
    line.add(steps.Said("issued"), 85)
    assert line.text(90) == "ordered · issued"
    line.add(steps.Said("installed", starts_anew=True), 91)
    assert line.text(92) == "installed"


SAID = [
    (events.Resumed(state="finalize_intent"), "taken up again at finalize intent"),
    (events.Adopted(issuer="rcl"), "adopted from rcl"),
    (events.Placed(domains=("a",)), "1 challenge placed"),
    (events.Unseen(url="u", saw="404 Not Found"), "not to be seen from here (404 Not Found)"),
    (permission.Unread(issuer="i", why="a: SERVFAIL"), "CAA records could not be read (a: SERVFAIL)"),
    (events.Reconciling(why="w"), "finding out what became of it"),
    (events.Issued(uri="u"), "issued"),
    (events.HookRan(hook="post", command="c", seconds=1, names=("a",)), "post ran"),
    (events.HookFailed(hook="check", command="c", why="w", output="", names=("a",)), "check failed"),
    (events.NotServed(at="a", why="w"), "not served"),
    (events.PutBack(version="v", why="w"), "put back"),
    (debts.Kept(version="v", why="w"), "kept, as it went back within a day"),
    (debts.DebtPaid(hooks=("reload",), since=START), "reload paid"),
    (events.Recovered(what="completed"), "completed"),
    (events.PlaceholderPut(), "a placeholder is in its place"),
    (events.Seen(url="u", saw="the right answer"), None),
    (events.Staged(version="v"), None),
    (events.PassStarted(watched=1, due=1), None),
]


@pytest.mark.parametrize(("event", "words"), SAID, ids=[type(event).__name__ for event, _ in SAID])
def test_every_event_has_its_words_or_none(event, words, now):
    said = steps.said(event, now)
    assert words == (None if said is None else said.text)


def test_events_with_a_time_say_when_in_words(now):
    soon = now + timedelta(minutes=5)
    assert steps.said(events.Waiting(until=soon, why="busy"), now).text == "again in 5 minutes: busy"
    assert steps.said(events.Parked(until=soon, why="busy"), now).text == "waits: busy; next try in 5 minutes"
    owed = events.Owed(hooks=("reload", "post"), next_try_at=soon, why="it failed")
    assert steps.said(owed, now).text == "reload, post is owed: it failed; next try in 5 minutes"
    accepted = events.Accepted(checks=18, not_after=now)
    assert steps.said(accepted, now).text == "18 checks passed"


def test_what_differs_from_the_running_one_is_said_also_when_the_line_starts_anew(now):
    line = Line("a.example")
    differences = ("issuer: Old before, New now", "lifetime: 90 days before, 6 days now")
    for event in (
        events.Accepted(checks=18, not_after=now, differences=differences),
        events.Installed(version="x", not_after=now),
    ):
        line.add(steps.said(event, now), 0.0)
    assert line.text(0.0) == f"{'; '.join(differences)} · installed {words.date(now)}"


SCRIPT = """
import sys
from datetime import UTC, datetime, timedelta
from renewd.config.model import Certificate
from renewd.config.targets import Target
from renewd.renewal.outcome import Outcome, Result
from renewd.report.progress import Progress
from tests.unit.report import test_report_progress as tests
now = datetime.now(UTC)
with Progress(sys.stdout) as progress:
    for event in tests.story(now):
        progress(event)
progress.summary([Outcome(Target(name, Certificate(name=name), "rcl"), Result.RENEWED) for name in tests.NAMES], now)
"""


def on_a_terminal(script, until="", **environment):
    """All that a script writes to a real terminal; its standard input ends once `until` was seen there."""
    master, slave = pty.openpty()
    env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    env |= {
        "TERM": "xterm-256color",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        **environment,
    }
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=slave, stderr=slave, env=env
    ) as process:
        os.close(slave)
        text = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            text += part
            if until.encode() in text:
                process.stdin.close()
    os.close(master)
    assert process.returncode == 0, text.decode()
    return text.decode()


def test_a_terminal_keeps_a_final_line_each_and_the_summary():
    text = on_a_terminal(SCRIPT)
    kept = text.replace("\r", "")
    assert "wild.example             installed" in kept
    assert "· checked · reloaded · served ✓\n" in kept
    assert "\x1b[31mfailed at the challenge: the CA saw 404; next try in 10 minutes\x1b[0m" in kept
    assert kept.splitlines()[-1].startswith("2 renewed in ")


def test_a_terminal_without_colour_gets_none():
    assert "\x1b[31m" not in on_a_terminal(SCRIPT, NO_COLOR="1")


def test_a_terminal_shows_what_is_under_way_while_it_is():
    script = """
import select, sys
from renewd.planning import words
from renewd.renewal import debts, events
from renewd.report.progress import Progress
with Progress(sys.stdout) as progress:
    progress(events.Ordered(name="a.example", uri="u", status="pending", challenges=1))
    progress(events.Finalizing(name="a.example", uri="u"))
    assert select.select([sys.stdin], [], [], 60)[0], "what is under way was never shown"
    progress(events.Renewed(name="a.example", version="v", not_after=None, serial="4F"))
"""
    assert "ordered · finalizing" in on_a_terminal(script, "ordered · finalizing")


def test_many_threads_on_a_terminal_do_not_lock_each_other_up(terminal, now, clock):
    terminal.encoding = "utf-8"
    with Progress(terminal, clock=clock) as progress:

        def work():
            for _ in range(20):
                for event in story(now):
                    progress(event)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
