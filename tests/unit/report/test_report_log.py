"""One line an event, the same facts for eyes and for programs, and nothing that should not be there."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from renewd.config.secrets import Secret
from renewd.renewal import events
from renewd.report import log


@pytest.fixture(autouse=True)
def _logging_as_before():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def write(clock):
    """What the log says of events: `write("json", event, …)`."""

    def write(form, *told, level="info", stream=None):
        stream = stream or io.StringIO()
        log.configure(form, level, stream, clock)
        tell = log.subscriber()
        for event in told:
            tell(event)
        return stream.getvalue() if isinstance(stream, io.StringIO) else stream.text

    return write


@pytest.fixture
def installed(now):
    return events.Installed(
        name="contoso.com", version="20261123T120431Z-1a2b", not_after=now + timedelta(days=90)
    )


def failed(message, **facts):
    usual = {"name": "a.example", "stage": "api", "remedy": "", "next_try_at": None}
    return events.Failed(message=message, **(usual | facts))


def test_a_line_for_eyes(write, installed):
    assert write("console", installed) == (
        "12:00:00 installed     contoso.com          version=20261123T120431Z-1a2b not_after=2027-02-21\n"
    )


def test_the_same_for_programs_has_time_level_event_and_name_first(write, installed):
    line = write("json", installed)
    assert json.loads(line) == {
        "time": "2026-11-23T12:00:00Z",
        "level": "info",
        "event": "install.switched",
        "name": "contoso.com",
        "version": "20261123T120431Z-1a2b",
        "not_after": "2027-02-21T12:00:00Z",
    }
    assert list(json.loads(line))[:4] == ["time", "level", "event", "name"]


def test_without_a_wish_a_pipe_gets_json_and_a_terminal_a_readable_line(write, installed, terminal):
    assert write(None, installed).startswith("{")
    assert write(None, installed, stream=terminal).startswith("12:00:00 installed")


def test_an_event_about_no_target_has_no_name(write):
    assert write("console", events.PassStarted(watched=10, due=2)) == (
        "12:00:00 pass started                       watched=10 due=2\n"
    )


def test_words_and_lists_stay_in_one_piece(write):
    line = write("console", events.Refused(name="a.example", problems=("one reason", "another")))
    assert line.endswith('problems="one reason,another"\n')


def test_failures_stand_out_on_a_terminal_only_where_colour_is_wanted(write, terminal, monkeypatch):
    assert "\x1b[31mfailed       \x1b[0m" in write("console", failed("no"), stream=terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.text = ""
    assert "\x1b" not in write("console", failed("no"), stream=terminal)


@pytest.mark.fault(100)
@pytest.mark.parametrize("form", ["json", "console"])
def test_an_event_is_one_line_whatever_is_in_it(write, form):
    line = write(form, failed("a\r\nforged line\x1b[2J \u2028 end"))
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert "\r" not in line
    assert "\x1b" not in line
    assert "\u2028" not in line


@pytest.mark.fault(100)
def test_nobodys_words_look_like_a_fact_of_ours(write):
    line = write("console", failed('no" not_after=2099-01-01 "x'))
    assert "message=\"no' not_after=2099-01-01 'x\"" in line
    assert 'message="a=b"' in write("console", failed("a=b"))


@pytest.mark.fault(100)
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_long_value_is_cut(write, form):
    line = write(form, failed("x" * 10_000))
    assert len(line) < 700
    assert "x…" in line


def test_what_says_nothing_is_left_out(write):
    told = json.loads(write("json", failed("no")))
    assert not {"remedy", "next_try_at"} & told.keys()


def test_numbers_stay_numbers(write):
    told = json.loads(write("json", events.PassEnded(renewed=2, failed=0, seconds=21.00049)))
    assert (told["renewed"], told["failed"], told["seconds"]) == (2, 0, 21.0)


@pytest.mark.parametrize(("level", "told"), [("info", 2), ("debug", 2), ("warning", 1), ("error", 1)])
def test_what_is_below_the_level_is_not_written(write, installed, level, told):
    assert write("json", installed, failed("no"), level=level).count("\n") == told


@pytest.mark.fault(98)
def test_no_secret_of_a_download_link_is_written(write):
    link = "https://blob.example/c/leaf.pem?sv=2024&sig=canary%3D"
    line = write("json", failed(f"GET {link} gave 403", remedy=f'look at "{link}"'))
    assert "canary" not in line
    assert "https://blob.example/c/leaf.pem?…" in line


@pytest.mark.fault(98)
def test_a_secret_handed_in_by_mistake_is_stars(write):
    assert "***" in write("json", failed(Secret("canary")))


def test_libraries_warn_through_the_same_log_and_chat_nowhere(write):
    stream = io.StringIO()
    write("json", stream=stream, level="debug")
    logging.getLogger("another.package").info("Running job")
    logging.getLogger("another.package").warning("missed by %s", "1 s")
    logging.getLogger("alembic").error("broken\nhere")
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(one["level"], one["library"], one["message"]) for one in told] == [
        ("warning", "another.package", "missed by 1 s"),
        ("error", "alembic", "broken\\nhere"),
    ]


def test_of_a_librarys_exception_only_the_last_line_is_written(write):
    stream = io.StringIO()
    write("json", stream=stream)
    try:
        os.close(-1)
    except OSError:
        logging.getLogger("apscheduler").exception("job failed")
    (told,) = map(json.loads, stream.getvalue().splitlines())
    assert told["error"] == "OSError: [Errno 9] Bad file descriptor"
    assert "Traceback" not in stream.getvalue()


@pytest.mark.fault(98)
@pytest.mark.parametrize("name", ["httpx", "httpcore", "httpcore.http11"])
def test_http_libraries_say_nothing_at_all_for_their_lines_hold_addresses(write, name):
    stream = io.StringIO()
    write("json", stream=stream, level="debug")
    for level in (logging.DEBUG, logging.INFO, logging.CRITICAL):
        logging.getLogger(name).log(level, "GET https://blob.example/?sig=canary")
    assert stream.getvalue() == ""


def test_a_log_that_nobody_can_write_stops_nothing(write, clock, installed):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    write("json", installed, stream=Full())
    closed = io.StringIO()
    log.configure("json", "info", closed, clock)
    closed.close()
    log.subscriber()(installed)


def test_a_relay_keeps_what_happened_before_anybody_listened(installed):
    relay, heard, later = log.Relay(), [], []
    relay(installed)
    relay.to(heard.append)
    relay(failed("no"))
    relay.to(later.append)
    relay(installed)
    assert heard == [installed, failed("no"), installed]
    assert later == [installed]


def test_lines_of_many_threads_do_not_mix(write, clock):
    stream = io.StringIO()
    log.configure("json", "info", stream, clock)
    tell = log.subscriber()
    threads = [
        threading.Thread(target=lambda: [tell(failed("x" * 200)) for _ in range(50)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([json.loads(line) for line in stream.getvalue().splitlines()]) == 400


def test_a_daemons_log_loads_no_rich():
    code = (
        "import sys; from renewd.report import log; log.configure('json', 'info', sys.stderr); log.subscriber();"
        "assert not any(name.partition('.')[0] == 'rich' for name in sys.modules); import rich.console"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("to_the_journal", [True, False])
def test_the_journal_is_told_how_bad_it_is(installed, tmp_path, monkeypatch, to_the_journal):
    with (tmp_path / "stream").open("w") as stream:
        found = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + (not to_the_journal)}")
        log.configure("json", "info", stream)
        for event in (installed, failed("x")):
            log.subscriber()(event)
    lines = (tmp_path / "stream").read_text().splitlines()
    assert [line.partition("{")[0] for line in lines] == (["", "<3>"] if to_the_journal else ["", ""])
