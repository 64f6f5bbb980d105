"""The CA's own look at the challenges, and what it says of what it sees."""

import pytest

from renewd.certs.order import Token
from renewd.sandbox.validation import Validator
from tests.unit.sandbox.conftest import ACME

TOKEN = Token("a.example", "http-01", "tok", "tok.thumb")


@pytest.fixture
def look(sandbox, site):
    def look(**answers):
        site.answers.update({ACME + "tok": (404, "")} | {ACME + key: value for key, value in answers.items()})
        return Validator(sandbox.http_port)([TOKEN])

    return look


def test_the_right_content_is_a_proof_whatever_blanks_follow(look):
    assert look(tok=(200, "tok.thumb\r\n")) is None


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(
            (404, "gone"),
            "Invalid response from http://a.example/.well-known/acme-challenge/tok: 404",
            id="not there",
        ),
        pytest.param((500, "oops"), "Invalid response from", id="a server error"),
        pytest.param((200, "<html>parked</html>"), "did not match this challenge", id="another content"),
        pytest.param((200, "tok.thumb" + "x" * 9000), "did not match this challenge", id="far too much"),
        pytest.param(
            (302, "http://a.example:8080/x"),
            "Only ports 80 and 443 are supported, not 8080",
            id="to another port",
        ),
        pytest.param((302, "ftp://a.example/x"), "speaks no ftp", id="to another protocol"),
        pytest.param((301, ACME + "tok"), "Too many redirects", id="in a circle"),
        pytest.param((302, "http://[::1/"), "Error getting validation data", id="to no URL at all"),
        pytest.param((302, ""), "Invalid response from", id="to nowhere"),
    ],
)
def test_what_is_no_proof_is_told_as_the_ca_tells_it(look, answer, says):
    assert says in look(tok=answer)


def test_redirects_are_followed_to_other_names_and_folders(look, site):
    assert (
        look(
            tok=(302, "http://www.a.example/.well-known/acme-challenge/there?x=1"),
            **{"there?x=1": (200, "tok.thumb")},
        )
        is None
    )
    assert [host for host, _ in site.seen] == ["a.example", "www.a.example"]


def test_nobody_listening_is_told(sandbox):
    assert Validator(sandbox.http_port)([TOKEN]).endswith(": Connection refused")


def test_a_server_that_speaks_something_else_is_told(sandbox, clock):
    import socket
    import threading

    with socket.create_server(("127.0.0.1", sandbox.http_port)) as server:

        def greet():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        assert "Error getting validation data" in Validator(sandbox.http_port)([TOKEN])
        thread.join()


def test_a_server_that_says_nothing_is_told(sandbox, monkeypatch):
    import socket

    from renewd.sandbox import validation

    monkeypatch.setattr(validation, "_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", sandbox.http_port)):
        assert "Timeout" in Validator(sandbox.http_port)([TOKEN])


def test_dns_proofs_are_never_found():
    token = Token("*.a.example", "dns-01", "_acme-challenge", "x")
    assert Validator(1)([token]) == "DNS problem: NXDOMAIN looking up TXT for _acme-challenge.a.example"
