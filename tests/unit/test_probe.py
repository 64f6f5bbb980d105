"""What a server shows for a name, and what it is where it shows nothing."""

import socket
import threading
from datetime import UTC, datetime

import pytest

from renewd import probe
from renewd.errors import NotServed
from tests.certificates import Authority
from tests.servers import free_port
from tests.tls import NEW


def refusal(connect: str, timeout: float = 30) -> str:
    with pytest.raises(NotServed) as caught:
        probe.leaf(connect, "shop.example", timeout)
    return str(caught.value)


def test_the_leaf_that_is_shown_for_a_name(serve):
    server = serve(NEW)
    assert probe.leaf(server.connect, "shop.example") == NEW.leaf
    assert server.asked == ["shop.example"]


def test_a_wildcard_is_asked_for_by_a_name_it_stands_for(serve):
    server = serve(NEW)
    probe.leaf(server.connect, "*.shop.example")
    assert server.asked == ["renewd-looks.shop.example"]


def test_an_expired_certificate_of_an_unknown_authority_is_looked_at_like_any(serve):
    odd = Authority.new().issue(
        ["x.example"],
        not_after=datetime(2020, 1, 1, tzinfo=UTC),
        not_before=datetime(2019, 12, 1, tzinfo=UTC),
    )
    assert probe.leaf(serve(odd).connect, "shop.example") == odd.leaf


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("127.0.0.1:443", ("127.0.0.1", 443), id="IPv4"),
        pytest.param("[::1]:8443", ("::1", 8443), id="IPv6"),
        pytest.param("web.example:443", ("web.example", 443), id="a name"),
    ],
)
def test_host_and_port(text, parts):
    assert probe.split(text) == parts


@pytest.mark.parametrize("text", ["", "localhost", ":443", "web.example:", "web.example:https"])
def test_what_is_no_host_and_port(text):
    assert refusal(text) == f"{text}: {text!r} is no HOST:PORT"


def test_nobody_listens():
    connect = f"127.0.0.1:{free_port()}"
    assert refusal(connect) == f"{connect}: connection refused"


def test_no_such_host():
    assert refusal("no-such-host.invalid:443") == "no-such-host.invalid:443: there is no such host"


def test_a_server_that_does_not_speak_tls(answer):
    connect = answer(lambda connection: connection.sendall(b"220 mail.example ESMTP\r\n"))
    assert refusal(connect).startswith(f"{connect}: TLS failed: wrong version number")


def test_a_server_that_hangs_up(answer):
    connect = answer(lambda connection: connection.recv(1))
    assert refusal(connect) in {
        f"{connect}: TLS failed: unexpected eof while reading",
        f"{connect}: TLS failed: the connection was closed",
        f"{connect}: connection reset by peer",
    }


def test_a_server_that_says_nothing(answer):
    over = threading.Event()
    connect = answer(lambda _: over.wait(60))
    assert refusal(connect, 0.2) == f"{connect}: no TLS answer within 0.2 s"
    over.set()


def test_a_server_that_drips_is_not_waited_for_any_longer(answer):
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        for byte in b"\x16\x03\x03\x10\x00" + b"\x02" * 4000:
            connection.sendall(bytes([byte]))
            if over.wait(0.05):
                return

    connect = answer(drip)
    assert refusal(connect, 0.5) == f"{connect}: no TLS answer within 0.5 s"
    over.set()


@pytest.mark.parametrize("name", ["", ".example", "a..example", f"{'x' * 64}.example", f"a{'.example' * 40}"])
def test_a_name_that_nobody_can_ask_for(serve, name):
    connect = serve(NEW).connect
    with pytest.raises(NotServed, match="is no name that a server can be asked for"):
        probe.leaf(connect, name)


def test_what_no_parser_takes_is_not_served(serve, monkeypatch):
    """Each version of the parser refuses other things; what it raises then is its own affair."""

    def refuse(_der):
        raise OverflowError("int too big to convert")

    monkeypatch.setattr(probe.x509, "load_der_x509_certificate", refuse)
    assert refusal(serve(NEW).connect).endswith("no certificate that can be read")
