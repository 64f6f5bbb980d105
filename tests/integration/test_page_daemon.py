"""The page of a real daemon: as a process, reloaded by a signal, and ended while somebody still holds a connection."""

import http.client
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from tests.programs import renewd, running, until
from tests.world import World

A = "a.example"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.sandbox.seed(A, days_left=None)
    yield world
    world.close()


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ask(port, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read().decode()
    connection.close()
    return reply.status, body


def test_from_the_first_renewal_to_the_last_signal(world, port):
    path = world.write(A, web={"listen": f"127.0.0.1:{port}"})
    with running(path) as daemon:
        assert daemon.wait_for("page.served")["at"] == f"http://127.0.0.1:{port}/"
        assert ask(port, "/livez") == (200, "alive\n")
        daemon.wait_for("attempt.renewed")
        until(lambda: "All 1 are well" in ask(port)[1])
        assert ask(port, "/healthz")[0] == 200
        right = Path(path).read_text()
        Path(path).write_text(right + "webb: {}\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration.refused")
        until(lambda: "unknown key; did you mean web?" in ask(port)[1])
        Path(path).write_text(right)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration.reloaded")
        until(lambda: "did you mean" not in ask(port)[1])
        for nonsense in (b"\x16\x03\x01 not HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(nonsense)
                assert stranger.recv(12).startswith(b"HTTP/1.1 4")
        with socket.create_connection(("127.0.0.1", port)) as held:
            held.sendall(b"GET / HTTP/1.1\r\n")
            assert daemon.end() == 0
        with suppress(AssertionError):
            daemon.wait_for("nothing more")
        assert not [line for line in daemon.lines if line["event"] == "library.said"], daemon.lines


def test_a_defect_of_the_page_is_a_line_in_the_log_and_nothing_more(world, port):
    """What uvicorn would print as a traceback."""
    path = world.write(A, web={"listen": f"127.0.0.1:{port}"})
    code = (
        "import sys; from renewd.report.web import listing; listing.listing = lambda *_: 1 / 0;"
        "from renewd.cli.main import main; main(sys.argv[1:])"
    )
    with running(path, python=("-c", code)) as daemon:
        daemon.wait_for("attempt.renewed")
        until(lambda: "renewd_certificate_usable" in ask(port, "/metrics")[1])
        assert ask(port)[0] == 500
        said = daemon.wait_for("library.said")
        assert "ZeroDivisionError" in said["error"]
        assert ask(port, "/livez")[0] == 200
        assert daemon.end() == 0


def test_validate_tells_what_the_page_would_lack(world):
    path = world.write(A, web={"listen": "0.0.0.0:9473"})
    ran = renewd(path, "validate")
    assert ran.returncode == 2
    assert "web.listen: anybody on the network could read the page" in ran.stderr
