"""The page and the metrics of a thousand certificates, by what a bare answer of the same size takes from the same server."""

import http.client
import socket
import time
from urllib.parse import urlsplit

import pytest
from starlette.responses import Response
from starlette.routing import Route

from renewd.report.web.app import Pages
from tests import pages
from tests.bench.population import Population
from tests.bench.rounds import Ratio
from tests.bench.test_bench_memory import RENEWED, WATCHED, after_the_pass
from tests.pages import CONFIRM
from tests.programs import running, until
from tests.world import World

pytestmark = pytest.mark.bench

BOUND, ROUNDS, ASKED = 20, 7, 20
IDLE = 85  # MB
WORKED = 95  # MB; the page, the journal's SQLAlchemy (20 MB by itself) and an HTTP client then stay loaded


@pytest.fixture
def site(clock, monkeypatch):
    """A thousand certificates, and an address that answers with as many bytes as another one does."""
    sizes = {}
    plain = Pages.app

    async def bare(request):
        return Response(sizes[request.path_params["like"]], media_type="text/html")

    def app(self):
        made = plain(self)
        made.router.routes.insert(0, Route("/bare/{like}", bare))
        return made

    monkeypatch.setattr(Pages, "app", app)
    now = clock.now()
    rows = [
        pages.row(f"shop-{number:04}.example.com", now, 31 + number % 59, pages.seen(now), **CONFIRM)
        for number in range(WATCHED)
    ]
    with pages.served(pages.board(clock, rows)) as url:
        for name in ("", "metrics"):
            sizes[name or "page"] = b"x" * len(ask(url, f"/{name}"))
        yield url


def ask(url, path, times=1):
    """The answer, asked for so often over one connection."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    try:
        for _ in range(times):
            connection.request("GET", path)
            reply = connection.getresponse()
            body = reply.read()
            assert reply.status == 200
        return body
    finally:
        connection.close()


def took(url, path):
    """Processor seconds of this process for so many answers: server and client are both in it."""
    began = time.process_time()
    ask(url, path, ASKED)
    return time.process_time() - began


@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_an_answer_is_not_much_more_than_its_bytes(site, table, path):
    bare = f"/bare/{path[1:] or 'page'}"
    assert len(ask(site, bare)) == pytest.approx(len(ask(site, path)), rel=0.01)  # the processor time grows
    spent = [(took(site, path), took(site, bare)) for _ in range(ROUNDS)]
    ours, theirs = zip(*spent, strict=True)
    ratio = Ratio(ours, theirs)
    table.add(f"GET {path} of 1,000 / bare GET of its size", ratio.value, BOUND, ratio)
    assert ratio.value < BOUND


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_memory_of_the_idle_daemon_with_the_page(tmp_path, table):
    """Asked for page and metrics, and come to rest again."""
    watched, there = Population.settle(tmp_path, WATCHED, due_every=WATCHED * 2), port()
    text = f"{watched.listed()}web: {{listen: '127.0.0.1:{there}'}}\n"
    with running(watched.write(text)) as daemon:
        daemon.wait_for("page.served")
        url = f"http://127.0.0.1:{there}"
        until(lambda: b"renewd_certificate_usable" in ask(url, "/metrics"))
        ask(url, "/", 5)
        _, pss, rss = after_the_pass(daemon)
    table.add("idle daemon with 1,000 and the page, PSS", pss, IDLE, f"of {rss:.1f} MB resident", "MB")
    assert pss < IDLE


def test_memory_of_the_daemon_with_the_page_after_a_hundred_renewals(tmp_path, table):
    world, there = World(tmp_path), port()
    url = f"http://127.0.0.1:{there}"
    try:
        watched = Population.settle(tmp_path, WATCHED, due_every=WATCHED // RENEWED)
        for name in watched.due:
            world.sandbox.seed(name, days_left=10)
        entry = world.entry("each", names=watched.names)
        del entry["name"]
        with running(world.write(entry, web={"listen": f"127.0.0.1:{there}"})) as daemon:
            daemon.wait_for("page.served")
            until(lambda: b'renewd_certificates{state="due"} 0' in ask(url, "/metrics"))
            ask(url, "/", 5)
            _, pss, rss = after_the_pass(daemon)
    finally:
        world.close()
    table.add("after 100 renewals with the page, PSS", pss, WORKED, f"of {rss:.1f} MB resident", "MB")
    assert pss < WORKED
