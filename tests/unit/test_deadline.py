"""A call ends when its whole time is over, or when somebody says so; whatever the server does."""

import ssl
import threading
from collections.abc import Iterator

import httpcore
import httpx
import pytest
import trustme

from renewd import deadline
from tests.scripted import Seen, Step, answer, scripted
from tests.servers import free_port

SHORT = 0.2  # seconds; what is tested is that it ends, and how, not when


def get(
    url: str, network: deadline.Deadline, context: ssl.SSLContext | None = None, proxy: str | None = None
) -> bytes:
    transport = deadline.Transport(
        network, context or ssl.create_default_context(), httpcore.Proxy(proxy) if proxy else None
    )
    with httpx.Client(transport=transport, trust_env=False, timeout=30) as client:
        return client.get(url).content


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def served(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def drip(data: bytes) -> Iterator[Step]:
    for place in range(len(data)):
        yield data[place : place + 1]
        yield 0.05


WAYS = {
    "it never answers": lambda _: [60.0],
    "it drips its head": lambda _: drip(answer(200, "x" * 1000)),
    "it drips its body": lambda _: [b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *drip(b"x" * 1000)],
    "its head never ends": lambda _: [b"HTTP/1.1 200 OK\r\n", *(step for n in range(999) for step in (b"x: y\r\n", 0.05))],
    "it keeps saying that it goes on": lambda _: [step for n in range(999) for step in (b"HTTP/1.1 102 Processing\r\n\r\n", 0.05)],
}  # fmt: skip


@pytest.mark.fault(4, 5)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_slow_server_costs_no_more_than_the_whole_time(
    way: str, secure: bool, served: ssl.SSLContext, trusting: ssl.SSLContext
):
    network = deadline.Deadline(SHORT)
    with (
        scripted(WAYS[way], served if secure else None, "localhost") as server,
        pytest.raises((httpcore.ReadTimeout, deadline.Expired)) as raised,
    ):
        get(server.url, network, trusting)
    assert network.sent
    assert deadline.words(raised.value) == "no whole answer in time"


@pytest.mark.fault(4)
def test_a_server_that_never_shakes_hands_is_left(trusting: ssl.SSLContext):
    network = deadline.Deadline(SHORT)
    with scripted(lambda _: []) as server, pytest.raises(httpcore.ConnectTimeout):
        get(f"https://127.0.0.1:{server.port}", network, trusting)
    assert not network.sent


def test_an_answer_in_time_is_an_answer(served: ssl.SSLContext, trusting: ssl.SSLContext):
    with scripted(lambda _: answer(200, "hello"), served, "localhost") as server:
        assert get(server.url, deadline.Deadline(30), trusting) == b"hello"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_call_that_waits_ends_when_it_is_aborted(
    secure: bool, served: ssl.SSLContext, trusting: ssl.SSLContext
):
    asked = threading.Event()

    def script(_: Seen) -> list[Step]:
        asked.set()
        return [60.0]

    network = deadline.Deadline(60)
    failures: list[Exception] = []

    def call() -> None:
        try:
            get(server.url, network, trusting)
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            failures.append(error)

    with scripted(script, served if secure else None, "localhost") as server:
        thread = threading.Thread(target=call)
        thread.start()
        assert asked.wait(30)
        network.abort()
        thread.join(30)
        assert not thread.is_alive()
    assert len(failures) == 1
    network.abort()  # once more does nothing


def test_an_aborted_network_connects_no_more():
    network = deadline.Deadline(60)
    network.abort()
    with scripted(lambda _: answer()) as server, pytest.raises(deadline.Aborted):
        get(server.url, network)
    assert server.seen == []


def test_nothing_is_connected_to_when_the_time_is_over():
    with scripted(lambda _: answer()) as server, pytest.raises(deadline.Expired):
        get(server.url, deadline.Deadline(0))
    assert server.seen == []


@pytest.mark.fault(2)
def test_the_next_address_is_tried_where_one_refuses():
    with scripted(
        lambda _: answer(200, "hello")
    ) as server:  # localhost may be ::1 first, where nothing listens
        assert get(f"http://localhost:{server.port}", deadline.Deadline(30)) == b"hello"


@pytest.mark.fault(1)
def test_a_name_that_does_not_exist_is_told():
    with pytest.raises(httpcore.ConnectError) as raised:
        get("http://no-such-host.invalid", deadline.Deadline(30))
    assert deadline.words(raised.value) == "no such host: no-such-host.invalid"


@pytest.mark.fault(96)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_address_that_is_not_permitted_is_not_connected_to(host: str):
    with scripted(lambda _: answer()) as server:
        with pytest.raises(httpcore.ConnectError, match="not a public address"):
            get(f"http://{host}:{server.port}", deadline.Deadline(30, permit=lambda _: False))
        assert server.seen == []


def test_a_test_may_send_a_name_elsewhere():
    with scripted(lambda _: answer(200, "hello")) as server:
        network = deadline.Deadline(30, resolve=lambda _host, _port: ("127.0.0.1", server.port))
        assert get("http://shopeneur.example/x", network) == b"hello"
    assert server.seen[0].headers["host"] == "shopeneur.example"


@pytest.mark.fault(9)
def test_a_connection_is_used_once():
    with scripted(lambda _: answer(200, "hello", connection="keep-alive")) as server:
        for _ in range(3):
            get(server.url, deadline.Deadline(30))
        assert len(server.seen) == 3


def test_what_a_proxy_was_told_is_not_the_request(served: ssl.SSLContext, trusting: ssl.SSLContext):
    network = deadline.Deadline(30)
    with scripted(lambda _: [b"HTTP/1.1 200 OK\r\n\r\n"]) as proxy, pytest.raises(httpcore.ConnectError):
        get("https://rclapi.invalid/", network, trusting, proxy.url)
    assert proxy.seen[0].method == "CONNECT"
    assert not network.sent


@pytest.mark.fault(3)
def test_a_certificate_of_another_ca_is_told():
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(other)
    with (
        scripted(lambda _: answer(), other, "localhost") as server,
        pytest.raises(httpcore.ConnectError) as raised,
    ):
        get(server.url, deadline.Deadline(30))
    assert "not trusted" in deadline.words(raised.value)


@pytest.mark.fault(3)
def test_a_server_without_tls_is_told(trusting: ssl.SSLContext):
    def speak(_: Seen) -> bytes:
        return b""

    with scripted(speak) as server:
        server.close()
        with pytest.raises(httpcore.ConnectError) as raised:
            get(f"https://127.0.0.1:{server.port}", deadline.Deadline(30), trusting)
    assert deadline.words(raised.value) == "connection refused"


@pytest.mark.fault(2)
def test_a_closed_port_is_told():
    with pytest.raises(httpcore.ConnectError) as raised:
        get(f"http://127.0.0.1:{free_port()}", deadline.Deadline(30))
    assert deadline.words(raised.value) == "connection refused"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "TLS failed"),
        (TimeoutError(), "no whole answer in time"),
        (OSError(104, "x"), "connection reset by peer"),
        (ValueError("odd"), "odd"),
        (KeyError(), "KeyError"),
    ],
)
def test_errors_in_words(error: Exception, words: str):
    assert words in deadline.words(error)


def test_a_machine_without_a_thread_for_a_look_up_is_told_as_what_it_lacks(monkeypatch: pytest.MonkeyPatch):
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(OSError, match="temporarily unavailable"):
        deadline.Deadline(10).connect_tcp("localhost", 1)
