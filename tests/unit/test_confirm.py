"""What is served is asked for over real TLS; what time does is up to the test's clock."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from renewd import confirm
from renewd.certs.facts import PLACEHOLDER_SERIAL
from renewd.config.model import Confirm
from tests.certificates import negative
from tests.clocks import START
from tests.servers import free_port
from tests.tls import AUTHORITY, NAMES, NEW, OLD, OTHER, TlsServer


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
