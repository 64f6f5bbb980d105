"""renewd answers challenges itself, while there are any."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from renewd import challenges
from renewd.certs.order import Token
from renewd.challenges import answerer, listener
from renewd.challenges.listener import Listener
from renewd.config.model import Http01
from renewd.errors import ChallengeFailed
from tests.servers import free_port

TOKEN = Token("contoso.com", "http-01", "tok_EN-1", "tok_EN-1.thumb")
OTHER = Token("www.contoso.com", "http-01", "tok_EN-2", "tok_EN-2.thumb")
PATH = "/.well-known/acme-challenge/"


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    yield port
    Listener(f"127.0.0.1:{port}").remove([TOKEN, OTHER])
    assert f"127.0.0.1:{port}" not in listener._running


@pytest.fixture
def listening(port: int) -> Listener:
    challenge = Listener(f"127.0.0.1:{port}")
    challenge.place([TOKEN])
    return challenge


def ask(port: int, request: str | bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request if isinstance(request, bytes) else request.encode())
        got = b""
        while part := connection.recv(65536):
            got += part
        return got


def get(port: int, path: str, host: str = "contoso.com", method: str = "GET") -> tuple[int, bytes]:
    got = ask(port, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"server:" not in head.lower()
    return int(head.split(b" ")[1]), body


def refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_setting_chooses_the_listener():
    assert isinstance(challenges.make(Http01(type="http-01", listen="127.0.0.1:8402")), Listener)


@pytest.mark.usefixtures("listening")
def test_a_placed_token_is_answered(port: int):
    assert get(port, PATH + TOKEN.name) == (200, TOKEN.value.encode())
    assert get(port, PATH + TOKEN.name, method="HEAD") == (200, b"")


@pytest.mark.fault(95)
@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(
    "path",
    ["/", PATH, PATH + "other", PATH + TOKEN.name + "/", PATH + TOKEN.name + "?x", "/" + TOKEN.name, PATH + "../" + TOKEN.name, "*"],
)  # fmt: skip
def test_nothing_else_is_answered(port: int, path: str):
    assert get(port, path)[0] == 404


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "get"])
def test_no_other_method_is_answered(port: int, method: str):
    assert get(port, PATH + TOKEN.name, method=method)[0] == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("contoso.com", 200, id="the name itself"),
        pytest.param("CONTOSO.com:80", 200, id="in other letters, with a port"),
        pytest.param("127.0.0.1:8402", 200, id="what a proxy puts there"),
        pytest.param("", 200, id="nothing"),
        pytest.param("www.contoso.com", 404, id="another target's name"),
    ],
)
def test_the_host_is_looked_at_loosely(listening: Listener, port: int, host: str, status: int):
    listening.place([OTHER])
    assert get(port, PATH + TOKEN.name, host)[0] == status


@pytest.mark.usefixtures("listening")
def test_a_request_without_a_host_is_answered(port: int):
    assert b"200 OK" in ask(port, f"GET {PATH}{TOKEN.name} HTTP/1.0\r\n\r\n")


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\r\n\r\n", b"\r\n\r\n", b"GET\r\n\r\n", b"\xff" * 100 + b"\r\n\r\n"]
)
def test_nonsense_is_not_found(port: int, request_: bytes):
    assert ask(port, request_).startswith(b"HTTP/1.1 404 ")


@pytest.mark.usefixtures("listening")
def test_a_request_that_is_too_large_is_hung_up_on(port: int):
    try:
        assert ask(port, b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000) == b""
    except ConnectionError:
        return


@pytest.mark.usefixtures("listening")
def test_one_that_only_connects_keeps_nobody_else_waiting(port: int):
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
    assert get(port, PATH + TOKEN.name)[0] == 200
    for connection in idle:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert get(port, PATH + TOKEN.name)[0] == 200


@pytest.mark.usefixtures("listening")
def test_one_that_never_ends_its_request_is_hung_up_on(port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(answerer, "_LONGEST", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET / HT")
        assert connection.recv(10) == b""


@pytest.mark.usefixtures("listening")
def test_more_than_are_answered_at_once_are_answered_after_one_another(port: int):
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(get(port, PATH + TOKEN.name)[0])) for _ in range(100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * 100


def test_the_address_is_listened_on_only_while_there_is_something_to_answer(port: int):
    one, two = Listener(f"127.0.0.1:{port}"), Listener(f"127.0.0.1:{port}")
    assert refused(port)
    one.place([])
    assert refused(port)
    one.place([TOKEN])
    two.place([OTHER])
    one.remove([TOKEN])
    assert get(port, PATH + OTHER.name, "www.contoso.com")[0] == 200
    assert get(port, PATH + TOKEN.name)[0] == 404
    two.remove([OTHER])
    assert refused(port)
    two.remove([OTHER])
    one.place([TOKEN])
    assert get(port, PATH + TOKEN.name)[0] == 200


def test_an_address_that_is_taken_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ChallengeFailed, match=f"cannot listen on {address}: address already in use"):
            Listener(address).place([TOKEN])
    assert address not in listener._running


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.0.0.1:http!", "127.0.0.1:99999", "no-such-host.invalid:80", "192.0.2.1:80"]
)
def test_an_address_that_cannot_be_is_told(address: str):
    with pytest.raises(ChallengeFailed, match="cannot listen on"):
        Listener(address).place([TOKEN])


def test_an_ipv6_address_is_listened_on():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as probe:
            port = probe.getsockname()[1]
    except OSError:
        pytest.skip("this machine has no IPv6")
    challenge = Listener(f"[::1]:{port}")
    challenge.place([TOKEN])
    with socket.create_connection(("::1", port)) as connection:
        connection.sendall(f"GET {PATH}{TOKEN.name} HTTP/1.1\r\nHost: contoso.com\r\n\r\n".encode())
        assert b"200 OK" in connection.recv(1000)
    challenge.remove([TOKEN])


@pytest.mark.fault(95)
def test_a_record_and_a_hostile_name_are_refused(port: int):
    for token in (Token("a.com", "dns-01", "_acme-challenge", "v"), Token("a.com", "http-01", "../x", "v")):
        with pytest.raises(ChallengeFailed):
            Listener(f"127.0.0.1:{port}").place([token])
    assert refused(port)


def test_the_challenge_is_seen_by_its_own_look(port: int):
    challenge = Listener(f"127.0.0.1:{port}", lambda _host, _port: ("127.0.0.1", port))
    challenge.place([TOKEN, OTHER])
    assert [sight.saw for sight in challenge.look([TOKEN, OTHER])] == ["the right answer"] * 2
