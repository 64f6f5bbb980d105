"""A CA's renewal information is read strictly, and whatever else comes is an error of ours."""

import ssl
from datetime import datetime, timedelta

import pytest
import trustme

from renewd.config.model import AcmeIssuer
from renewd.errors import BadReply, TargetError, Temporary, Throttled, Unreachable
from renewd.issuers.ari import Information
from renewd.planning.suggested import Window
from tests.clocks import START, FakeClock
from tests.renewal_info import Directory, directory, window
from tests.scripted import RESET, answer, answer_json, scripted
from tests.servers import free_port

DAY = timedelta(days=1)
SOON = Window(START + DAY, START + 3 * DAY)


@pytest.fixture
def ca():
    with directory() as server:
        yield server


def information(url: str, **keys: object) -> Information:
    settings = AcmeIssuer.model_validate({"type": "acme", "directory": url, "agree_terms": True, **keys})
    return Information(url, settings, FakeClock())


def ask(url: str, **keys: object) -> object:
    asking = information(url, **keys)
    try:
        return asking.ask("a.b")
    finally:
        asking.close()


def test_a_window_is_read_with_its_page_and_how_long_to_wait(ca: Directory):
    ca.suggest(SOON.start, SOON.end, page="https://ca.example/why", retry_after="21600")
    found = ask(ca.url)
    assert found.window == Window(SOON.start, SOON.end, "https://ca.example/why")
    assert found.wait == timedelta(hours=6)
    assert ca.asked == ["a.b"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-24T12:00:00Z", START + DAY),
        ("2026-11-24T14:00:00+02:00", START + DAY),
        ("2026-11-24T12:00:00.123456789Z", START + DAY + timedelta(microseconds=123456)),
    ],
)
def test_times_are_read_as_the_standard_writes_them(ca: Directory, written: str, meant: datetime):
    ca.answers[""] = answer_json({"suggestedWindow": {"start": written, "end": "2026-11-25T12:00:00Z"}})
    assert ask(ca.url).window.start == meant


def test_what_a_cache_had_kept_is_as_good(ca: Directory):
    """It is asked without a key, and everybody is answered alike."""
    ca.suggest(SOON.start, SOON.end, age="3600")
    assert ask(ca.url).window == SOON


def test_the_directory_is_looked_up_once_a_day(ca: Directory):
    ca.suggest(SOON.start, SOON.end)
    asking = information(ca.url)
    for _ in range(3):
        asking.ask("a.b")
    assert ca._server.targets.count("/directory") == 1
    asking._clock.advance(2 * DAY)
    asking.ask("a.b")
    assert ca._server.targets.count("/directory") == 2
    asking.close()


NONSENSE = {
    "no JSON": answer(200, b"<html>"),
    "nothing": answer(200),
    "a list": answer_json([]),
    "no window": answer_json({"explanationURL": "https://ca.example/"}),
    "a window that is a text": answer_json({"suggestedWindow": "soon"}),
    "numbers for times": answer_json({"suggestedWindow": {"start": 1, "end": 2}}),
    "no end": answer_json({"suggestedWindow": {"start": "2026-11-24T12:00:00Z"}}),
    "times without a zone": answer_json(
        {"suggestedWindow": {"start": "2026-11-24T12:00:00", "end": "2026-11-25T12:00:00"}}
    ),
    "no times": answer_json({"suggestedWindow": {"start": "soon", "end": "later"}}),
    "an end before the beginning": window(SOON.end, SOON.start),
    "an end at the beginning": window(SOON.start, SOON.start),
    "a window of years": window(SOON.start, SOON.start + 500 * DAY),
    "a year beyond all": answer_json(
        {"suggestedWindow": {"start": "0001-01-01T00:00:00+23:59", "end": "9999-12-31T23:59:59-23:59"}}
    ),
    "deep nesting": answer(200, b"[" * 100_000),
    "a megabyte and more": answer(200, b" " * ((1 << 20) + 1)),
    "compressed": answer(200, b"", content_encoding="gzip"),
    "unknown there": answer(404),
    "a redirect": answer(302, location="https://elsewhere.example/"),
}


@pytest.mark.fault(5, 16, 17, 18, 19, 20, 30)
@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_no_answer(ca: Directory, reply: bytes):
    ca.answers[""] = reply
    with pytest.raises(BadReply):
        ask(ca.url)


@pytest.mark.fault(11, 15, 30)
@pytest.mark.parametrize(
    ("reply", "kind", "wait"),
    [
        (answer(503, retry_after="120"), Throttled, timedelta(minutes=2)),
        (answer(429, retry_after="999999999"), Throttled, DAY),
        (answer(500), Temporary, None),
    ],
)
def test_a_ca_that_is_busy_is_asked_later(
    ca: Directory, reply: bytes, kind: type[Temporary], wait: timedelta | None
):
    ca.answers[""] = reply
    with pytest.raises(kind) as raised:
        ask(ca.url)
    assert raised.value.retry_after == wait


@pytest.mark.parametrize(
    "page",
    ["javascript:alert(1)", "https://ca.example/\x1b[2J", "http://elsewhere.example/", "x" * 3000, "https://u:p@ca.example/"],
    ids=["a script", "control characters", "http", "a long text", "a password"],
)  # fmt: skip
def test_a_page_that_is_none_is_not_shown_and_the_window_counts(ca: Directory, page: str):
    ca.suggest(SOON.start, SOON.end, page=page)
    assert ask(ca.url).window == SOON


@pytest.mark.parametrize(
    "document",
    [{}, {"renewalInfo": 7}, {"renewalInfo": "ftp://ca.example/"}, {"renewalInfo": "http://ca.example/info"}, []],
    ids=["none", "a number", "another scheme", "http to another machine", "a list"],
)  # fmt: skip
def test_a_directory_without_a_usable_place_offers_nothing(ca: Directory, document: object):
    ca.directory = answer_json(document)
    with pytest.raises(BadReply):
        ask(ca.url)


@pytest.mark.fault(1, 2, 6)
def test_a_server_that_is_gone_or_hangs_up_is_asked_again_later():
    with pytest.raises(Unreachable):
        ask(f"http://127.0.0.1:{free_port()}/directory")
    with scripted(lambda _: [RESET]) as server, pytest.raises(Temporary):
        ask(f"{server.url}/directory")


@pytest.mark.fault(3)
def test_tls_that_is_not_trusted_is_not_asked_and_a_ca_file_adds_to_the_roots(tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    good = window(SOON.start, SOON.end)

    def script(seen):
        place = answer_json({"renewalInfo": f"https://localhost:{server.port}/info"})
        return place if seen.target == "/directory" else good

    with scripted(script, context, host="localhost") as server:
        with pytest.raises(TargetError, match="not trusted"):
            ask(f"{server.url}/directory")
        assert ask(f"{server.url}/directory", ca_file=str(tmp_path / "roots.pem")).window == SOON
