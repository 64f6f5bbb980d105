"""What renewd sees of its own challenge, in words."""

import ssl
from collections.abc import Iterable
from pathlib import Path

import pytest
import trustme

from renewd.certs.order import Token
from renewd.challenges import look
from renewd.challenges.webroot import Webroot
from tests.scripted import Scripted, Seen, Step, answer, scripted
from tests.servers import free_port

TOKEN = Token("contoso.com", "http-01", "tok_EN-1", "tok_EN-1.thumb")
RIGHT = answer(200, TOKEN.value)


def to(*servers: Scripted):
    """Port 80 is the first server, port 443 the second."""
    ports = dict(zip((80, 443), (server.port for server in servers), strict=False))
    return lambda _host, port: ("127.0.0.1", ports[port])


def redirect(where: str) -> bytes:
    return answer(302, "", location=where)


def test_an_address_of_version_6_is_looked_at_in_brackets():
    token = Token("2001:db8::1", "http-01", TOKEN.name, TOKEN.value)
    with scripted(lambda _: RIGHT) as server:
        (sight,) = look.look([token], to(server))
    assert sight.saw == "the right answer"
    assert sight.url == "http://[2001:db8::1]/.well-known/acme-challenge/tok_EN-1"
    assert server.seen[0].headers["host"] == "[2001:db8::1]"


def test_the_right_answer_is_seen_at_its_address():
    with scripted(lambda _: answer(200, f"{TOKEN.value}\r\n ")) as server:
        (sight,) = look.look([TOKEN], to(server))
    assert sight.ok
    assert sight.saw == "the right answer"
    assert sight.url == "http://contoso.com/.well-known/acme-challenge/tok_EN-1"
    assert server.targets == ["/.well-known/acme-challenge/tok_EN-1"]
    assert server.seen[0].headers["host"] == "contoso.com"


@pytest.mark.parametrize(
    ("steps", "saw"),
    [
        pytest.param([b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"], "404 Not Found", id="404"),
        pytest.param([b"HTTP/1.1 503\r\ncontent-length: 0\r\n\r\n"], "503", id="a status without words"),
        pytest.param([answer(304, "")], "304 Whatever", id="not modified"),
        pytest.param([answer(200, "<html>\x1b[31m and more")], "another content: '<html>\\x1b[31m and ', 20 bytes", id="a page"),
        pytest.param([answer(200, b"\xff\xfe")], "another content: '\\\\xff\\\\xfe', 2 bytes", id="bytes"),
        pytest.param([answer(200, " " + TOKEN.value)], "another content: ' tok_EN-1.thumb', 15 bytes", id="a blank in front"),
        pytest.param([answer(200, "")], "an empty page", id="nothing"),
        pytest.param([answer(200, "x" * 70_000)], "a page of more than 64 KiB", id="too much"),
        pytest.param([redirect("https://contoso.com:8443/x")], "a redirect to another port than 80 and 443, which a CA does not follow", id="another port"),
        pytest.param([redirect("ftp://contoso.com/x")], "a redirect to another port than 80 and 443, which a CA does not follow", id="another scheme"),
        pytest.param([redirect("/again")], "more than 10 redirects", id="a loop"),
        pytest.param([redirect("http://[::1/")], "a redirect to what is no URL", id="a redirect to nonsense"),
        pytest.param(["reset"], "connection reset by peer", id="a reset"),
        pytest.param([b"SSH-2.0\r\n"], "the answer broke off, or was no HTTP", id="no HTTP"),
        pytest.param([], "the answer broke off, or was no HTTP", id="no answer"),
    ],
)  # fmt: skip
def test_what_is_seen_is_told(steps: Iterable[Step], saw: str):
    with scripted(lambda _: steps) as server:
        (sight,) = look.look([TOKEN], to(server))
    assert not sight.ok
    assert sight.saw == saw
    assert sight.saw.isprintable()


def test_a_redirect_to_https_is_followed_without_a_look_at_the_certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("other.example").configure_cert(context)
    with (
        scripted(lambda _: RIGHT, context) as secure,
        scripted(lambda seen: redirect(f"https://www.contoso.com{seen.target}")) as plain,
    ):
        (sight,) = look.look([TOKEN], to(plain, secure))
    assert sight.ok
    assert secure.seen[0].headers["host"] == "www.contoso.com"


def test_ten_redirects_are_followed():
    def script(seen: Seen) -> bytes:
        number = int(seen.target.rpartition("=")[2]) if "=" in seen.target else 0
        return RIGHT if number == look.REDIRECTS else redirect(f"/x?n={number + 1}")

    with scripted(script) as server:
        (sight,) = look.look([TOKEN], to(server))
    assert sight.ok


def test_a_closed_port_and_an_unknown_name_are_told():
    closed = free_port()
    (sight,) = look.look([TOKEN], lambda _host, _port: ("127.0.0.1", closed))
    assert sight.saw == "connection refused"
    (sight,) = look.look([Token("no-such-host.invalid", "http-01", "a", "b")])
    assert sight.saw == "no such host: no-such-host.invalid"


def test_a_name_that_is_none_is_told():
    (sight,) = look.look([Token("a b", "http-01", "a", "b")], lambda _host, _port: ("127.0.0.1", 1))
    assert not sight.ok


def test_a_server_that_is_too_slow_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(look, "ONE", 0.2)
    with scripted(lambda _: [60.0]) as server:
        (sight,) = look.look([TOKEN], to(server))
    assert sight.saw == "no whole answer in time"


def test_the_time_for_all_is_limited(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(look, "ALL", 0.2)
    with scripted(lambda _: [60.0]) as server:
        sights = look.look([TOKEN] * 5, to(server))
    assert [sight.ok for sight in sights] == [False] * 5
    assert len(server.seen) == 1


def test_the_environments_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with scripted(lambda _: RIGHT) as server:
        assert look.look([TOKEN], to(server))[0].ok


def test_a_web_root_that_is_served_is_seen(tmp_path: Path):
    def serve(seen: Seen) -> bytes:
        file = tmp_path / seen.target.lstrip("/")
        return answer(200, file.read_bytes()) if file.is_file() else answer(404, "")

    with scripted(serve) as server:
        challenge = Webroot(str(tmp_path), to(server))
        challenge.place([TOKEN])
        assert challenge.look([TOKEN])[0].ok
        challenge.remove([TOKEN])
        assert not challenge.look([TOKEN])[0].ok
