"""What the page answers, asked by HTTP over a real socket: what it shows, and that nothing strange gets past it."""

import base64
import http.client
import re
import socket
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renewd.journal import Failure
from renewd.renewal import events
from renewd.renewal.findings import Finding, Newest
from renewd.report.known import Known
from renewd.report.web import guard, listing, server, views
from renewd.report.web.board import Board
from renewd.report.web.query import LONGEST
from tests import pages
from tests.pages import CONFIRM, SHOWN

TOKEN = "a-token-that-is-long-enough"
ADDRESSES = ("/", "/certificate/contoso.com", "/metrics", "/livez", "/healthz", "/style.css", "/icon.svg")
VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """Checks that tags match, and keeps the text and the links."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.links, self.tags, self.attributes = [], "", [], [], set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f" {data.strip()}" if data.strip() else ""


class Site:
    """A page that is served; each request has a connection of its own."""

    def __init__(self, url):
        self.place = urlsplit(url)

    def ask(self, path="/", method="GET", **headers):
        """(status, headers, body)."""
        connection = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            reply = connection.getresponse()
            return reply.status, {key.lower(): value for key, value in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    def status(self, path="/", method="GET", **headers):
        return self.ask(path, method, **headers)[0]

    def html(self, path="/"):
        status, _, body = self.ask(path)
        assert status == 200, body
        return Page(body.decode())

    def raw(self, data):
        """The first line of what comes back for these bytes."""
        with socket.create_connection((self.place.hostname, self.place.port), timeout=30) as plain:
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: plain.recv(65536), b"")).partition(b"\r\n")[0]


@pytest.fixture
def serve(clock):
    """The page of these certificates."""
    running = []

    def make(*rows, **options):
        board = options.pop("board", None) or pages.board(clock, rows)
        block = pages.served(board, **options)
        running.append(block)
        site = Site(block.__enter__())
        site.board = board
        return site

    yield make
    for block in running:
        block.__exit__(None, None, None)


@pytest.fixture
def site(serve, clock):
    """One certificate that failed."""
    now = clock.now()
    return serve(pages.row("contoso.com", now, 5, pages.failed("contoso.com", now)))


# What it shows


def test_a_glance_tells_whether_all_is_well(serve, clock):
    assert (
        "All 2 are well"
        in serve(pages.row("a.example", clock.now(), 61), pages.row("b.example", clock.now(), 61)).html().text
    )


def test_who_needs_somebody_stands_on_top_with_what_went_wrong_and_what_to_do(serve, clock):
    now = clock.now()
    page = serve(
        pages.row("well.example", now, 61), pages.row("contoso.com", now, 5, pages.failed("contoso.com", now))
    ).html()
    assert "1 of 2 needs somebody" in page.text
    top = page.text.partition("Coming renewals")[0]
    assert "the CA saw 404" in top
    assert "serve /.well-known/acme-challenge/ of www.contoso.com from /var/www/contoso, then:" in top
    assert "renewd renew contoso.com" in top
    assert "well.example" not in top


def test_what_is_served_differs_loudly(serve, clock):
    now = clock.now()
    same = pages.row("a.example", now, 61, pages.seen(now), **CONFIRM)
    other = pages.row(
        "b.example", now, 61, pages.seen(now, why="127.0.0.1:443 still serves 77:01"), **CONFIRM
    )
    text = serve(same, other).html().text
    assert "1 of 2 needs somebody" in text
    assert "the same seen 2 hours ago" in text
    assert text.count("differs 127.0.0.1:443 still serves 77:01") == 2, "in its card and in the table"


def test_what_is_not_served_comes_before_what_is_due_and_each_says_what_its_state_does_not(clock):
    now = clock.now()
    blocks = Known(preflight=Newest(now, (Finding("x", "blocks", "no such host", ""),)))
    debt = pages.attempt("owing.example", now, outcome="owed", owed=("reload",))
    soon = pages.seen(now, "77:01", not_after=(now + timedelta(days=1)).isoformat())
    board = pages.board(
        clock,
        [
            pages.row("owing.example", now, 64, Known(debt=debt)),
            pages.row("blocked.example", now, 63, blocks),
            pages.row("held.example", now, 62, held="no such program"),
            pages.row("late.example", now, 5, pages.failed("late.example", now)),
            pages.row("soon.example", now, 61, soon, **CONFIRM),
            pages.row("other.example", now, 61, pages.seen(now, "77:01"), **CONFIRM),
            pages.row("gone.example", now, -1),
        ],
    )
    lines = [views.line(row, now, troubled=True) for row in listing.Summary.of(board.known).troubled]
    assert [(line.name, line.state, *line.signs) for line in lines] == [
        ("gone.example", "expired"),
        ("other.example", "ok", "differs"),
        ("soon.example", "ok", "differs"),
        ("late.example", "due", "fails"),
        ("held.example", "ok", "held"),
        ("blocked.example", "ok", "blocked"),
        ("owing.example", "ok", "owes"),
    ]
    with pages.served(board) as url:
        top = Site(url).html().text.partition("Coming renewals")[0]
    for said in (
        "ok differs ok on disk, but not what is served",
        "ok held ok, but this machine lacks",
        "ok blocked ok, but",
    ):
        assert said in top


def test_what_was_seen_long_ago_and_is_another_serial_differs_too(serve, clock):
    row = pages.row("a.example", clock.now(), 61, pages.seen(clock.now(), "77:01"), **CONFIRM)
    assert "differs another one: 77:01" in serve(row).html().text


def test_a_configuration_that_was_refused_a_clock_in_doubt_and_a_failed_tick_stand_above_all(serve, clock):
    site = serve(pages.row("a.example", clock.now(), 61))
    heard = site.board.heard
    heard.refused, heard.suspect, heard.tick_failed = (
        "config.yaml:3: web: wrong\nmore",
        "it jumped",
        "no disk",
    )
    text = site.html().text
    assert "config.yaml:3: web: wrong" in text
    assert "more" not in text
    assert "it jumped" in text
    assert "no disk" in text


def test_the_page_of_one_certificate_has_all_that_why_says_and_its_history(serve, clock):
    now = clock.now()
    row = pages.row("contoso.com,www.contoso.com", now, 5, pages.failed("contoso.com", now))
    tried = pages.attempt("contoso.com", now, failure=pages.REFUSED)
    went_well = pages.attempt("contoso.com", now, outcome="renewed")
    site = serve(row, history=[(tried, []), (went_well, [])])
    (link, *_) = [each for each in site.html().links if each.startswith("/certificate/")]
    text = site.html(link).text
    assert "renewal by rcl" in text
    assert "a renewal has been taking 40 seconds" in text
    assert f"serial {SHOWN}" in text


def test_a_journal_that_cannot_be_read_costs_the_history_alone(clock):
    def broken(target):
        raise OSError(5, "it is gone")

    board = pages.board(clock, [pages.row("contoso.com", clock.now(), 61)])
    with pages.served(board, read=broken) as url:
        text = Site(url).html("/certificate/contoso.com").text
    assert "the journal cannot be read: [Errno 5] it is gone" in text
    assert "expires in 61 days" in text


def test_before_the_first_look_it_says_so(clock):
    with pages.served(Board(clock)) as url:
        site = Site(url)
        assert "The first look is under way" in site.html().text
        assert site.status("/livez") == 200
        assert site.status("/healthz") == 503
        assert site.status("/metrics") == 200


# Filter, order, pages


@pytest.fixture
def many(serve, clock):
    now = clock.now()
    rows = [pages.row(f"shop-{number:03}.example", now, 35 + number / 3) for number in range(130)]
    return serve(*rows, pages.row("gone.example", now, None))


def names(page):
    return re.findall(r"[a-z]+(?:-\d+)?\.example", page.text.partition("Show")[2].partition("page ")[0])


def test_a_page_has_fifty_and_links_to_the_next(many):
    page = many.html()
    assert "1-50 of 131" in page.text
    assert len(names(page)) == 50
    assert "/?page=2#all" in page.links
    last = many.html("/?page=3")
    assert "101-131 of 131" in last.text
    assert "Next" not in last.text


def test_a_part_of_a_name_and_a_state_narrow_it(many):
    assert "1-10 of 10" in many.html("/?q=SHOP-01").text
    assert names(many.html("/?state=missing")) == ["gone.example"]
    assert names(many.html("/?state=trouble")) == ["gone.example"]
    assert "None is like that" in many.html("/?q=nothing-like-it").text


@pytest.mark.parametrize("sort", ["name", "expires", "renews", "state"])
def test_each_column_sorts_both_ways(many, sort):
    forth = names(many.html(f"/?sort={sort}&page=1"))
    assert len(forth) == 50
    back = names(many.html(f"/?sort=-{sort}&page=3"))
    assert forth[0] == back[-1]


def test_a_week_of_the_timeline_is_a_link_to_its_certificates(many):
    page = many.html()
    weeks = sorted({link for link in page.links if link.startswith("/?week=")})
    assert len(weeks) == 16
    total = sum(
        int(found[1])
        if (found := re.search(r"\d-\d+ of (\d+)", many.html(week.partition("#")[0]).text))
        else 0
        for week in weeks
    )
    assert total == 131, "each renewal stands in one week"


def test_the_links_keep_what_was_asked_for(many):
    page = many.html("/?q=shop&sort=-expires")
    assert "/?q=shop&sort=-expires&page=2#all" in page.links


# Strange requests


@pytest.mark.parametrize(
    "path",
    [
        "/?page=0",
        "/?page=-1",
        "/?page=x",
        "/?page=1e3",
        "/?page=999999",
        "/?state=bogus",
        "/?sort=serial",
        "/?sort=--name",
        "/?week=2026-11-24",
        "/?week=yesterday",
        "/?week=2026-W48",
        "/?nothing=1",
        "/?q=a&q=b",
        f"/?q={'a' * (LONGEST + 1)}",
        "/?q=%00",
        "/?q=%E2%80%AE",
        "/?%ff=1",
        "/metrics?name=a",
        "/livez?x",
        "/certificate/contoso.com?x=1",
    ],
)
def test_what_the_page_never_asks_for_is_a_400_in_words(site, path):
    status, headers, body = site.ask(path)
    assert status == 400
    assert headers["content-type"].startswith("text/html")
    assert b"Traceback" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/?page=2",
        "/nothing",
        "/certificate/",
        "/certificate/no.example",
        "/certificate/..%2f..%2fetc%2fpasswd",
        "/certificate/%00",
        "/certificate/%ff%fe",
        "/metrics/",
        "//evil.example/",
        "/static/../app.py",
        "/templates/page.html",
        "/app.py",
        "/.env",
    ],
)
def test_what_is_not_there_is_a_404(site, path):
    assert site.status(path) == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_nothing_but_get_and_head(site, method):
    for path in ("/", "/metrics", "/nothing"):
        status, headers, _ = site.ask(path, method)
        assert status == 405
        assert headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ADDRESSES)
def test_head_says_what_get_says_without_a_body(site, path):
    got, asked = site.ask(path), site.ask(path, "HEAD")
    assert asked[0] == got[0]
    assert asked[1].keys() == got[1].keys()
    if path != "/metrics":  # where the processor's time goes on meanwhile
        assert asked[1]["content-length"] == str(len(got[2]))
    assert asked[2] == b""


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /\xc3\xbc HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /?q=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_in_a_line(site, data):
    line = site.raw(data)
    assert re.match(rb"HTTP/1\.[01] 4\d\d", line), line
    assert site.status() == 200, "and the next one is served as ever"


def test_no_address_at_all_leads_to_a_defect(clock):
    """Whatever is asked for is shown, or is the asker's fault."""
    board = pages.board(clock, [pages.row("contoso.com", clock.now(), 61)])
    words = st.sampled_from(
        ["q", "state", "sort", "week", "page", "=", "&", "?", "/", "%", "..", "certificate", "-", "0"]
    )
    texts = st.one_of(
        words, st.text(st.characters(min_codepoint=33, max_codepoint=126)), st.binary().map(quote)
    )

    with pages.served(board) as url:
        site = Site(url)

        @given(st.lists(texts, max_size=8).map("".join))
        @settings(max_examples=150)
        def ask(path):
            status, _, body = site.ask(f"/{path}")
            assert status in (200, 400, 404, 414)
            assert b"Traceback" not in body

        ask()


def test_a_defect_shows_no_traceback(site, monkeypatch):
    monkeypatch.setattr(listing, "listing", lambda *_: 1 / 0)
    status, _, body = site.ask()
    assert status == 500
    assert b"Traceback" not in body
    assert b"ZeroDivision" not in body


def test_who_says_nothing_or_drips_is_sent_away(serve, clock, monkeypatch):
    monkeypatch.setattr(server, "LONGEST", 0.2)
    site = serve(pages.row("a.example", clock.now(), 61))
    with socket.create_connection((site.place.hostname, site.place.port), timeout=30) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-")
        with suppress(ConnectionResetError):
            assert plain.recv(1) == b""


# Who may ask


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9473", "127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:9473", "127.9.9.9"]
)
def test_it_answers_to_this_machines_own_names(site, host):
    assert site.status("/metrics", Host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:9473",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "",
        "[::2]",
        "::1:80:",
        "0x7f.1",
    ],
)
def test_a_name_that_was_made_to_resolve_to_this_machine_is_refused(site, host):
    assert {site.status(path, Host=host) for path in ("/", "/metrics", "/livez")} == {421}


def basic(password, user="anybody"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def locked(serve, clock):
    return serve(pages.row("a.example", clock.now(), 61), token=TOKEN)


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(TOKEN), basic(TOKEN, "")])
def test_with_the_token_all_is_open_under_any_name(locked, shown):
    for path in ("/", "/metrics", "/healthz"):
        assert locked.status(path, Authorization=shown, Host="renewd.example.net") == 200


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer x",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        TOKEN,
        "Basic !!!",
        "Basic ====",
        basic("x"),
        basic(""),
        f"Basic {TOKEN}",
        f"Digest {TOKEN}",
    ],
)
def test_without_it_nothing_is_not_even_what_is_there(locked, shown):
    for path in (*ADDRESSES, "/nothing"):
        status, headers, body = locked.ask(path, **({"Authorization": shown} if shown else {}))
        assert status == 401
        assert headers["www-authenticate"].startswith("Basic ")
        assert b"a.example" not in body
        assert TOKEN.encode() not in body


# Fences


@pytest.mark.parametrize("path", [*ADDRESSES, "/nothing", "/?page=x"])
def test_every_answer_keeps_browsers_careful(site, path):
    _, headers, _ = site.ask(path)
    assert guard.HEADERS.items() <= headers.items()
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "server" not in headers
    assert "cache-control" in headers


@pytest.mark.parametrize("path", ["/", "/certificate/contoso.com", "/nothing"])
def test_there_is_no_script_no_inline_style_and_nothing_from_elsewhere(site, path):
    page = Page(site.ask(path)[2].decode())
    assert not {"script", "style", "iframe", "object", "img"} & set(page.tags)
    assert not {name for name in page.attributes if name == "style" or name.startswith("on")}
    assert all(re.match(r"/(?!/)|#", link) for link in page.links), page.links


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}{% raw %}",
    "\u202eexample.com\u202c",
    "&lt;b&gt;",
    "a" * 253,
    "\x1b[31mred\x07",
    "javascript:alert(1)//",
    "ünïcödé.example",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_words_wherever_they_come_from(serve, clock, text):
    now = clock.now()
    failure = Failure("api", "Unreachable", text, text)
    seen = pages.seen(now, text, text).served
    known = replace(pages.failed("a.example", now, failure), served=seen)
    row = pages.row("a.example", now, 5, known, facts={"problem": text}, held=text, **CONFIRM)
    row.look.target.name = text
    site = serve(row, history=[(pages.attempt(text, now, failure=failure, kind=text, issuer=text), [])])
    site.board.heard.refused = site.board.heard.suspect = text
    site.board.known.by_slug["it"] = row
    for path in ("/", "/certificate/it", f"/?q={quote(text)}" if text.isprintable() else "/"):
        body = site.ask(path)[2].decode()
        page = Page(body)
        assert not {"script", "img", "b"} & set(page.tags) - {"b"}
        assert "<script" not in body
        assert "onerror=" not in page.attributes
        assert not {name for name in page.attributes if name.startswith("on")}
        assert "\u202e" not in body
        assert "\x1b" not in body
        assert "49" not in page.text or "7*7" in page.text
        assert all(re.match(r"/(?!/)|#", link) for link in page.links), page.links


# Health


def test_live_is_the_tick_and_nothing_else(serve, clock):
    site = serve(pages.row("a.example", clock.now(), None))
    assert site.ask("/livez")[::2] == (200, b"alive\n")
    clock.advance(11 * 60)
    assert site.status("/livez") == 503
    site.board.heard(events.PassStarted(watched=1, due=1))
    clock.advance(40 * 60)
    assert site.status("/livez") == 200, "a pass may take long"
    clock.advance(6 * 60)
    assert site.status("/livez") == 503


def test_healthy_is_that_nothing_is_overdue(serve, clock):
    now = clock.now()
    assert serve(pages.row("a.example", now, 29)).ask("/healthz")[::2] == (200, b"healthy\n"), "due for a day"
    site = serve(
        pages.row("a.example", now, 20), pages.row("b.example", now, None), pages.row("c.example", now, 61)
    )
    assert site.ask("/healthz")[::2] == (503, b"a.example is overdue\nb.example is missing\n")


def test_what_is_healthy_becomes_overdue_by_the_time_alone(serve, clock):
    site = serve(pages.row("a.example", clock.now(), 29))
    assert site.status("/healthz") == 200
    clock.advance(9 * 86_400)
    site.board.heard.beat = clock.monotonic()
    assert site.ask("/healthz")[2] == b"a.example is overdue\n"


@pytest.mark.parametrize("what", ["tick_failed", "suspect"])
def test_renewd_itself_counts_for_its_health(serve, clock, what):
    site = serve(pages.row("a.example", clock.now(), 61))
    setattr(site.board.heard, what, "why not")
    status, _, body = site.ask("/healthz")
    assert status == 503
    assert b"why not" in body


def test_a_refused_configuration_is_no_matter_of_health(serve, clock):
    site = serve(pages.row("a.example", clock.now(), 61))
    site.board.heard.refused = "wrong"
    assert site.status("/healthz") == 200
