"""Records through a provider's API: a real PowerDNS, APIs that hang or refuse, and words without secrets."""

import base64
import json
import socket
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from renewd import challenges
from renewd.certs.order import Token
from renewd.challenges import lexicon
from renewd.challenges.dns01 import Record
from renewd.challenges.dns_lookup import Lookup
from renewd.config.model import DnsProvider
from renewd.errors import ChallengeFailed, SecretUnusable, Temporary
from tests.powerdns import PowerDns
from tests.servers import free_port

RECORD = "_acme-challenge.example.test"
TOKENS = (
    Token("example.test", "dns-01", "_acme-challenge", "first"),
    Token("*.example.test", "dns-01", "_acme-challenge", "second"),
)
SECRET = "s3cret-0f-the-provider"


@pytest.fixture
def server(tmp_path_factory, _servers):
    made = PowerDns(tmp_path_factory.mktemp("powerdns"))
    _servers.append(made)
    made.start()
    return made


@pytest.fixture
def settings(tmp_path):
    def make(token=SECRET, **keys):
        path = tmp_path / "token"
        path.write_text(token)
        path.chmod(0o600)
        written = {"type": "dns-01", "provider": "powerdns", "auth_token": {"file": str(path)}, **keys}
        return DnsProvider.model_validate(written)

    return make


@pytest.fixture
def made(server, settings):
    def make(token=None, **keys):
        keys = {"pdns_server": server.api, "resolver": server.where, "wait": "20s", **keys}
        return challenges.make(settings(token or server.token, **keys))

    return make


def test_records_are_made_seen_and_taken_away_at_a_real_provider(server, made):
    made().place(TOKENS)
    assert server.records(RECORD) == ["first", "second"]
    assert [sight.ok for sight in made().look(TOKENS)] == [True, True]
    made().place(TOKENS)
    made().remove(TOKENS[:1])
    assert server.records(RECORD) == ["second"]
    made().remove(TOKENS)
    made().remove(TOKENS)
    assert server.records(RECORD) == []


def test_values_that_are_written_at_once_all_stand(server, made):
    tokens = [Token("example.test", "dns-01", "", f"v{number}") for number in range(6)]
    crew = [threading.Thread(target=made().place, args=([token],)) for token in tokens]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert server.records(RECORD) == [token.value for token in tokens]


def test_a_ttl_is_handed_on(server, made):
    made(ttl="7m").place(TOKENS)
    rrsets = server.ask("GET", "/zones/example.test.")["rrsets"]
    assert [each["ttl"] for each in rrsets if each["type"] == "TXT"] == [420]


def test_a_wrong_token_is_told_and_not_shown(made):
    with pytest.raises(ChallengeFailed) as caught:
        made(SECRET).place(TOKENS)
    assert (
        str(caught.value) == "powerdns does not change the zone example.test: 401 Client Error: Unauthorized"
    )
    assert "may change its TXT records" in caught.value.remedy


def test_a_zone_that_the_provider_does_not_have_is_told(made):
    with pytest.raises(ChallengeFailed, match=r"powerdns does not change the zone other\.test: 404"):
        made(zone="other.test").place(TOKENS)


def test_an_api_that_is_away_is_asked_again_later(made):
    with pytest.raises(Temporary, match="the API of powerdns cannot be asked: connection refused"):
        made(pdns_server=f"http://127.0.0.1:{free_port()}").place(TOKENS)


@pytest.mark.fault(102)
def test_an_api_that_never_answers_holds_nobody_for_long(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        writer = lexicon.ProviderRecords(settings(pdns_server=address), Lookup(zone="example.test"), 0.3)
        for _ in range(2):  # the first one's zone is free again
            with pytest.raises(Temporary, match=r"did not finish in 0\.3 s for the zone example\.test"):
                writer.write([Record(TOKENS[0], RECORD)])


@pytest.mark.parametrize(
    ("status", "kind"), [("429 Slow", Temporary), ("503 No", Temporary), ("422 No", ChallengeFailed)]
)
def test_what_may_pass_is_told_apart_from_what_stays(settings, status, kind):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        writer = lexicon.ProviderRecords(settings(pdns_server=address), Lookup(zone="example.test"))
        with pytest.raises((Temporary, ChallengeFailed), match=status[:3]) as caught:
            writer.write([Record(TOKENS[0], RECORD)])
        thread.join()
        assert type(caught.value) is kind


def test_the_environment_says_nothing_to_the_library(server, settings, monkeypatch):
    monkeypatch.setenv("LEXICON_POWERDNS_PDNS_SERVER", server.api)
    monkeypatch.setenv("LEXICON_POWERDNS_AUTH_TOKEN", server.token)
    with pytest.raises(ChallengeFailed, match="PowerDNS API endpoint not defined"):
        challenges.make(settings(server.token, resolver=server.where)).place(TOKENS)


@pytest.mark.fault(79)
def test_a_token_that_cannot_be_read_is_told(made, tmp_path):
    challenge = made()
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(SecretUnusable, match="others than its owner"):
        challenge.place(TOKENS)


@pytest.mark.fault(98, 100)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"bad token {SECRET}", "bad token ***"),
        ("401 for url: https://me:pw@api.example/x?token=abc", "401"),
        ("see https://me:pw@api.example:8443/x?token=abc, then", "see https://api.example:8443 then"),
        ("two\nlines\x1b[31m", "two lines?[31m"),
        ("", "ValueError"),
        ("x" * 1000, "x" * 300 + "…"),
        ("the key abcdefghij is wrong", "the key *** is wrong"),
    ],
)
def test_the_library_s_words_are_shown_without_secrets(text, shown):
    assert lexicon.said(ValueError(text), [SECRET, "hmac-sha256:k:abcdefghij"]) == shown


def pem():
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


KEYS = {
    "googleclouddns": (
        "auth_service_account_info",
        {},
        lambda: json.dumps({"client_email": "a@b", "private_key": pem(), "project_id": "c"}, indent=2),
    ),
    "transip": ("auth_api_key", {"auth_username": "me"}, pem),
}


@pytest.mark.parametrize("provider", KEYS)
@pytest.mark.parametrize("coded", [False, True], ids=["as it is", "in base64"])
def test_a_key_of_several_lines_is_read_from_its_file(tmp_path, provider, coded):
    option, others, make = KEYS[provider]
    text = make()
    path = tmp_path / "key"
    path.write_text(f"base64::{base64.b64encode(text.encode()).decode()}" if coded else text)
    path.chmod(0o600)
    written = {"type": "dns-01", "provider": provider, option: {"file": str(path)}, **others}
    writer = lexicon.ProviderRecords(DnsProvider.model_validate(written), Lookup(zone="example.test"))
    hidden: list[str] = []
    options = writer._options(hidden)
    writer._provider("example.test", options)  # which reads it
    assert base64.b64decode(str(options[option]).removeprefix("base64::")).decode().strip() == text.strip()
    assert "***" in lexicon.said(ValueError(f"no: {text.splitlines()[1]}"), hidden) or coded
