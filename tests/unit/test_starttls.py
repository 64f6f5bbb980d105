"""What is said before TLS begins: real servers where they are small, the protocols' own examples elsewhere."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from renewd import confirm, probe
from renewd.config.model import Confirm
from renewd.errors import NotServed
from renewd.starttls import DIALOGUES
from tests import postgres
from tests.certificates import Authority
from tests.servers import free_port

AUTHORITY = Authority.new()
MAIL = AUTHORITY.issue(["mail.example"])
NEWER = AUTHORITY.issue(["mail.example"])


@pytest.fixture
def context(tmp_path) -> ssl.SSLContext:
    file = tmp_path / "mail.pem"
    file.write_bytes(MAIL.fullchain_pem + MAIL.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def talk(context) -> Iterator[Callable[..., str]]:
    """A server that says and hears what the test says, then speaks TLS; gives HOST:PORT."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def start(*dialogue: bytes) -> str:
            def accept() -> None:
                with contextlib.suppress(OSError):
                    connection, _ = listening.accept()
                    with connection:
                        for number, said in enumerate(dialogue):
                            if number % 2 == 0:
                                connection.sendall(said)
                            else:
                                assert connection.recv(len(said), socket.MSG_WAITALL) == said
                        with context.wrap_socket(connection, server_side=True) as tls:
                            tls.recv(1)

            threading.Thread(target=accept, daemon=True).start()
            return "{}:{}".format(*listening.getsockname())

        yield start
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


LDAP = b"0\x1d\x02\x01\x01w\x18\x80\x161.3.6.1.4.1.1466.20037"
LDAP_AGREED = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
LDAP_LONG = b"\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"  # as Active Directory writes it
LDAP_UNWILLING = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x35\x04\x00\x04\x00"
EHLO, STARTTLS = b"EHLO renewd.invalid\r\n", b"STARTTLS\r\n"
SAID = {
    "smtp": (b"220 mx\r\n", EHLO, b"250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n", STARTTLS, b"220 go\r\n"),
    "imap": (b"* OK ready\r\n", b"a STARTTLS\r\n", b"* CAPABILITY x\r\na OK go\r\n"),
    "pop3": (b"+OK ready\r\n", b"STLS\r\n", b"+OK go\r\n"),
    "ldap": (b"", LDAP, LDAP_AGREED),
    "postgres": (b"", b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"S"),
}


def test_every_dialogue_is_tried():
    assert SAID.keys() == DIALOGUES.keys()


@pytest.mark.parametrize("protocol", SAID)
def test_the_certificate_behind_the_dialogue_is_seen(talk, protocol):
    seen = probe.leaf(talk(*SAID[protocol]), "mail.example", starttls=protocol)
    assert seen == MAIL.leaf


def test_an_answer_of_active_directory_is_understood(talk):
    assert probe.leaf(talk(b"", LDAP, LDAP_LONG), "mail.example", starttls="ldap") == MAIL.leaf


@pytest.mark.parametrize(
    ("protocol", "dialogue", "why"),
    [
        ("smtp", (b"554 go away\r\n",), "it answers '554 go away'"),
        (
            "smtp",
            (b"220 mx\r\n", EHLO, b"250 mx\r\n", STARTTLS, b"454 no TLS\r\n"),
            "it answers '454 no TLS'",
        ),
        ("imap", (b"* BYE\r\n",), "it answers '* BYE'"),
        ("imap", (b"* OK\r\n", b"a STARTTLS\r\n", b"a BAD x\r\n"), "it answers 'a BAD x'"),
        ("pop3", (b"+OK\r\n", b"STLS\r\n", b"-ERR\r\n"), "it answers '-ERR'"),
        ("ldap", (b"", LDAP, LDAP_UNWILLING), "the LDAP server does not begin TLS"),
        ("ldap", (b"", LDAP, b"HTTP/1.1 400"), "this is no LDAP"),
        (
            "postgres",
            (b"", b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"N"),
            "the PostgreSQL server does not begin TLS",
        ),
        ("smtp", (b"x" * 20000,), "the answer is too long"),
    ],
)
def test_a_server_that_does_not_agree_is_told(talk, protocol, dialogue, why):
    connect = talk(*dialogue)
    with pytest.raises(NotServed) as caught:
        probe.leaf(connect, "mail.example", starttls=protocol)
    assert str(caught.value) == f"{connect}: {why}"


def test_a_server_that_says_nothing_is_not_waited_for(talk):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connect = "{}:{}".format(*silent.getsockname())
        with pytest.raises(NotServed, match=r"no TLS answer within 0\.2 s"):
            probe.leaf(connect, "mail.example", 0.2, starttls="smtp")


def test_a_real_mail_server_that_was_not_reloaded_is_told(context, clock):
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port(), tls_context=context)
    controller.start()
    try:
        connect = f"127.0.0.1:{controller.port}"
        settings = Confirm(connect=connect, starttls="smtp", within=timedelta(seconds=1))
        assert confirm.look(settings, "mail.example", MAIL.leaf, clock).ok
        verdict = confirm.look(settings, "mail.example", NEWER.leaf, clock)
        assert verdict.why.startswith(f"{connect} still serves ")
    finally:
        controller.stop()


def test_a_real_postgresql_is_asked_for_tls_and_one_without_it_is_told(clock):
    with postgres.running() as server:
        connect = f"127.0.0.1:{server.port}"
        settings = Confirm(connect=connect, starttls="postgres")
        assert confirm.look(settings, "mail.example", MAIL.leaf, clock).why == (
            f"{connect}: the PostgreSQL server does not begin TLS"
        )
        server.encrypted(MAIL.fullchain_pem, MAIL.key_pem)
        server.stop()
        server.start()
        assert confirm.look(settings, "mail.example", MAIL.leaf, clock).ok
        verdict = confirm.look(settings, "mail.example", NEWER.leaf, clock)
        assert verdict.why.startswith(f"{connect} still serves ")


def test_of_several_addresses_each_must_serve_it(talk, clock):
    good, nobody = talk(), f"127.0.0.1:{free_port()}"
    settings = Confirm(connect=[good, nobody])
    verdict = confirm.look(settings, "mail.example", MAIL.leaf, clock)
    assert not verdict.ok
    assert verdict.why == f"{nobody}: connection refused"
