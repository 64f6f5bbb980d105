"""What is served is asked for over real TLS; what time does is up to the test's clock."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from renewd import confirm, probe
from renewd.certs.facts import PLACEHOLDER_SERIAL
from renewd.config.model import Confirm
from renewd.errors import NotServed
from tests.certificates import Authority, negative
from tests.clocks import START
from tests.servers import free_port

AUTHORITY = Authority.new()
NAMES = ["shop.example", "www.shop.example"]
OLD = AUTHORITY.issue(NAMES, not_after=datetime(2096, 11, 28, tzinfo=UTC))
NEW = AUTHORITY.issue(NAMES)
OTHER = AUTHORITY.issue(["other.example"], not_after=datetime(2096, 11, 28, tzinfo=UTC))


class TlsServer:
    """Shows one certificate a connection: those given, in order, then the last for ever."""

    def __init__(self, shown, listener: socket.socket, folder) -> None:
        self.asked: list[str] = []
        self.connect = "{}:{}".format(*listener.getsockname()[:2])
        self._contexts = [self._context(issued, folder / f"{turn}.pem") for turn, issued in enumerate(shown)]
        self._listener = listener

    def _context(self, issued, file) -> ssl.SSLContext:
        file.write_bytes(issued.fullchain_pem + issued.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.sni_callback = lambda _, name, __: self.asked.append(name)
        return context

    def serve(self) -> None:
        """Until the listener is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            context = self._contexts.pop(0) if len(self._contexts) > 1 else self._contexts[0]
            with (
                connection,
                contextlib.suppress(OSError),
                context.wrap_socket(connection, server_side=True) as tls,
            ):
                tls.recv(1)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts


@pytest.fixture
def serve(listener, tmp_path) -> Callable[..., TlsServer]:
    def start(*shown) -> TlsServer:
        server = TlsServer(shown, listener, tmp_path)
        threading.Thread(target=server.serve, daemon=True).start()
        return server

    return start


@pytest.fixture
def answer(listener) -> Callable[[Callable[[socket.socket], None]], str]:
    """One connection is treated in a way of the test; gives HOST:PORT."""

    def start(what) -> str:
        def accept() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    what(connection)

        threading.Thread(target=accept, daemon=True).start()
        return "{}:{}".format(*listener.getsockname())

    return start


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


@pytest.fixture
def watch(clock) -> Callable[..., confirm.Verdict]:
    def start(connect: str, within: float = 30, stop: threading.Event | None = None) -> confirm.Verdict:
        settings = Confirm(connect=connect, within=timedelta(seconds=within))
        return confirm.confirm(settings, "shop.example", NEW.leaf, clock, stop or threading.Event())

    return start


def test_the_new_certificate_is_confirmed_once_it_was_seen_in_a_row(serve, watch, clock):
    server = serve(NEW)
    verdict = watch(server.connect)
    assert (verdict.ok, verdict.why, verdict.serial) == (
        True,
        "",
        confirm.facts.show_serial(NEW.leaf.serial_number),
    )
    assert len(server.asked) == confirm.IN_A_ROW
    assert sum(clock.waits) == pytest.approx(0.2), "twice as long as nginx's old workers were seen to answer"
    assert verdict.at == clock.now()


def test_an_old_worker_that_still_answers_starts_the_count_anew(serve, watch):
    server = serve(OLD, NEW, NEW, NEW, OLD, NEW, NEW, OLD, NEW)
    assert watch(server.connect).ok
    assert len(server.asked) == 8 + confirm.IN_A_ROW


def test_the_old_certificate_is_told_with_its_serial_and_its_end(serve, watch, clock):
    server = serve(OLD)
    verdict = watch(server.connect)
    serial = confirm.facts.show_serial(OLD.leaf.serial_number)
    assert verdict.why == f"{server.connect} still serves {serial[:11]}…, expires 2096-11-28"
    assert (verdict.ok, verdict.serial) == (False, serial)
    assert timedelta(seconds=30) <= clock.now() - START <= timedelta(seconds=31)
    assert len(server.asked) < 50, "a server that shows the old one is not asked forty times a second"


def test_another_names_certificate_is_told_as_a_name_that_is_not_set_up(serve, watch):
    assert watch(serve(OTHER).connect).why.endswith(
        "…, expires 2096-11-28, for other.example: is the name set up there?"
    )


def test_a_placeholder_is_told_as_one(serve, watch):
    placeholder = AUTHORITY.issue(NAMES, serial=PLACEHOLDER_SERIAL)
    server = serve(placeholder)
    assert (
        watch(server.connect).why == f"{server.connect} does not serve it: only renewd's placeholder is there"
    )


NEGATIVE = pytest.mark.filterwarnings("ignore:Parsed a serial number")


@NEGATIVE
def test_a_negative_serial_is_another_certificate_like_any(serve, watch):
    odd = negative(OTHER)
    verdict = watch(serve(odd).connect)
    assert verdict.serial == confirm.facts.show_serial(odd.leaf.serial_number)
    assert verdict.serial.startswith("-")
    assert "expires 2096-11-28, for other.example" in verdict.why


def test_what_no_parser_takes_is_not_served(serve, monkeypatch):
    """Each version of the parser refuses other things; what it raises then is its own affair."""

    def refuse(_der):
        raise OverflowError("int too big to convert")

    monkeypatch.setattr(confirm.x509, "load_der_x509_certificate", refuse)
    assert refusal(serve(NEW).connect).endswith("no certificate that can be read")


def test_a_server_that_is_down_is_told_and_has_served_nothing(watch):
    connect = f"127.0.0.1:{free_port()}"
    verdict = watch(connect)
    assert (verdict.ok, verdict.why, verdict.serial) == (False, f"{connect}: connection refused", None)


def test_steadiness_that_began_in_time_is_seen_to_its_end(serve, watch, clock):
    server = serve(OLD, OLD, OLD, OLD, NEW, OLD, OLD, NEW)
    assert watch(server.connect, within=1).ok
    assert clock.now() - START > timedelta(seconds=1)


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        pytest.param(OLD, "still serves", id="the old one shows"),
        pytest.param(NEW, "renewd left before it was sure", id="the new one shows"),
    ],
)
def test_leaving_ends_the_watch(serve, watch, shown, why):
    stop = threading.Event()
    stop.set()
    verdict = watch(serve(shown).connect, stop=stop)
    assert not verdict.ok
    assert why in verdict.why


# A host of several addresses, and several hosts


@pytest.fixture
def host(tmp_path) -> Iterator[Callable[..., str]]:
    """A host with what each of its addresses shows, on one port; None: nobody listens there."""
    listening: list[socket.socket] = []

    def start(*shown) -> str:
        port = free_port()
        for number, issued in enumerate(shown, 1):
            if issued is None:
                continue
            listening.append(socket.create_server((f"127.0.0.{number}", port)))
            folder = tmp_path / str(number)
            folder.mkdir()
            threading.Thread(target=TlsServer([issued], listening[-1], folder).serve, daemon=True).start()
        return f"shop.example:{port}"

    yield start
    for each in listening:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """shop.example has three addresses; the name service itself is not asked."""
    asked = socket.getaddrinfo

    def known(host, port, *args, **options):
        if host != "shop.example":
            return asked(host, port, *args, **options)
        return [found for number in (1, 2, 3) for found in asked(f"127.0.0.{number}", port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", known)


@pytest.fixture
def look(clock) -> Callable[..., confirm.Verdict]:
    return lambda *connect: confirm.look(Confirm(connect=connect), "shop.example", NEW.leaf, clock)


def test_each_address_of_a_host_counts(host, look, watch):
    connect = host(NEW, OLD, NEW)
    verdict = look(connect)
    serial = confirm.facts.show_serial(OLD.leaf.serial_number)
    assert verdict.why == f"{connect} (127.0.0.2) still serves {serial[:11]}…, expires 2096-11-28"
    assert (verdict.ok, verdict.serial, verdict.not_after) == (False, serial, OLD.leaf.not_valid_after_utc)
    assert not watch(connect, within=1).ok


def test_all_that_is_wrong_is_told_at_once(host, look):
    one, other, nobody = host(OLD, NEW, OTHER), f"127.0.0.1:{free_port()}", "no-such-host.invalid:1"
    told = look(one, other, nobody).why.split("; ")
    assert [each.partition(" ")[0].rstrip(":") for each in told] == [one, one, other, nobody]
    assert "(127.0.0.1) still serves" in told[0]
    assert "(127.0.0.3) serves" in told[1]


def test_an_address_where_nobody_listens_serves_nothing_wrong_as_long_as_another_does(host, look, watch):
    connect = host(NEW, None, None)
    assert look(connect).ok
    assert look(connect).not_after == NEW.leaf.not_valid_after_utc
    assert watch(connect).ok


def test_where_nobody_listens_at_all_each_address_is_told(host, look):
    connect = host(None, None, None)
    assert look(connect).why == "; ".join(
        f"{connect} (127.0.0.{number}): connection refused" for number in (1, 2, 3)
    )
