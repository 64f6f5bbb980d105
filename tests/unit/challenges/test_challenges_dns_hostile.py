"""Name servers that are silent, broken or hostile: never a crash, never a record believed that is not there."""

import base64
import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from renewd.certs.caa import Answer as Caa
from renewd.certs.caa import Record as CaaRecord
from renewd.certs.order import Token
from renewd.challenges import caa_records, dns_lookup, dns_watch, rfc2136
from renewd.challenges.dns01 import Record
from renewd.challenges.dns_lookup import Lookup, Server
from renewd.challenges.dns_watch import Wanted
from renewd.config.model import Rfc2136
from renewd.errors import TargetError
from tests.nameservers import free_address

TOKEN = Token("example.test", "dns-01", "", "the value")
NAME = "_acme-challenge.example.test"
Answer = Callable[[bytes], bytes | None]


class Answering:
    """A server that answers each question, by UDP and TCP, with what a function makes of it; None: with nothing."""

    def __init__(self, answer: Answer, address: str = "127.0.0.1", port: int = 0) -> None:
        self.answer = answer
        self.stream = socket.create_server((address, port))
        self.port = self.stream.getsockname()[1]
        self.where = f"{address}:{self.port}"
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind((address, self.port))
        self._crew = [threading.Thread(target=each, daemon=True) for each in (self._udp, self._tcp)]
        for thread in self._crew:
            thread.start()

    def close(self) -> None:
        for each in (self.datagrams, self.stream):
            with each, contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._crew:
            thread.join()

    def _udp(self) -> None:
        while True:
            try:
                asked, whom = self.datagrams.recvfrom(65535)
            except OSError:
                return
            if not whom or not asked:
                return
            said = self.answer(asked)
            if said is not None:
                self.datagrams.sendto(said, whom)

    def _tcp(self) -> None:
        while True:
            try:
                connection, _ = self.stream.accept()
            except OSError:
                return
            with connection:
                asked = connection.recv(65535)
                said = self.answer(asked[2:])
                if said is not None:
                    connection.sendall(struct.pack("!H", len(said)) + said)


def reply(asked: bytes, *records: str, rcode: int = dns.rcode.NOERROR, flags: int = 0) -> bytes:
    try:
        query = dns.message.from_wire(asked, ignore_trailing=True)
    except dns.message.UnknownTSIGKey:  # an update: only its head is answered
        return asked[:2] + struct.pack("!HHHHH", 0xA800 | flags | rcode, 0, 0, 0, 0)
    answer = dns.message.make_response(query)
    answer.flags |= flags
    answer.set_rcode(rcode)
    for record in records:
        name, kind, what = record.split(" ", 2)
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, what))
    return answer.to_wire()


ANSWERS: dict[str, Answer] = {
    "nothing": lambda _: None,
    "garbage": lambda _: os.urandom(40),
    "too short": lambda asked: asked[:5],
    "another id": lambda asked: bytes(2) + reply(asked, f"{NAME}. TXT x")[2:],
    "well": reply,
    "the question itself": lambda asked: asked,
    "cut off": lambda asked: reply(asked, flags=dns.flags.TC)[:-3],
    "refused": lambda asked: reply(asked, rcode=dns.rcode.REFUSED),
    "failing": lambda asked: reply(asked, rcode=dns.rcode.SERVFAIL),
    "of another name": lambda asked: reply(asked, 'other.test. TXT "the value"', "other.test. CNAME y.test."),
}


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    for module in (caa_records, dns_lookup, dns_watch, rfc2136):
        monkeypatch.setattr(module, "_SECONDS", 0.3)


@pytest.fixture
def answering():
    started = []

    def make(answer, *where):
        started.append(Answering(answer, *where))
        return started[-1]

    yield make
    for each in started:
        each.close()


@pytest.mark.parametrize("case", ANSWERS)
def test_a_name_service_of_any_kind_leads_to_words(answering, case):
    lookup = Lookup(answering(ANSWERS[case]).where)
    for ask in (lookup.follow, lookup.zone, lookup.servers):
        with contextlib.suppress(TargetError):
            assert ask(NAME) == NAME


@pytest.mark.parametrize("case", ANSWERS)
def test_no_answer_but_a_right_one_is_a_caa_record(answering, case):
    found = caa_records.ask(["a.test", "test"], answering(ANSWERS[case]).where)
    assert list(found) == ["a.test", "test"]
    for answer in found.values():
        assert answer.records == ()
        assert bool(answer.failed) is (case not in ("well", "of another name"))


def test_caa_records_are_those_at_the_end_of_the_aliases(answering):
    server = answering(
        lambda asked: reply(
            asked, "a.test. CNAME b.test.", 'b.test. CAA 128 issue "x"', 'b.test. CAA 0 tbs "\\255"'
        )
    )
    (found,) = caa_records.ask(["a.test"], server.where).values()
    assert found.owner == "b.test"
    assert sorted(found.records, key=str) == [CaaRecord(0, "tbs", "\\xff"), CaaRecord(128, "issue", "x")]


def test_a_name_that_is_not_there_has_no_caa_records(answering):
    server = answering(lambda asked: reply(asked, rcode=dns.rcode.NXDOMAIN))
    assert caa_records.ask(["a.test"], server.where) == {"a.test": Caa()}


def test_many_names_are_not_waited_for_one_after_the_other(answering, monkeypatch):
    monkeypatch.setattr(caa_records, "_ALL", 0.5)
    found = caa_records.ask([f"{number}.test" for number in range(100)], answering(ANSWERS["nothing"]).where)
    assert {answer.failed.partition(": ")[2] for answer in found.values()} == {"no answer in time"}


@pytest.mark.parametrize("case", [*ANSWERS, "another value"])
def test_no_answer_but_the_right_one_is_the_record(answering, case):
    address = free_address()
    answer = ANSWERS.get(case, lambda asked: reply(asked, f'{NAME}. TXT "another value" "the value"'))
    answering(answer, address, 53)
    wanted = [Wanted(TOKEN, NAME)]
    lookup = Lookup(zone="example.test")
    lookup.servers = lambda _: [Server("ns.test", address)]  # type: ignore[method-assign]
    sights = dns_watch.look(wanted, lookup, 0.0, threading.Event())
    assert [sight.ok for sight in sights] == [False]
    assert "ns.test" in sights[0].saw


def test_the_right_one_is_the_record_in_however_many_pieces(answering):
    address = free_address()
    answering(lambda asked: reply(asked, f'{NAME}. TXT "x"', f'{NAME}. TXT "the " "value"'), address, 53)
    lookup = Lookup(zone="example.test")
    lookup.servers = lambda _: [Server("ns.test", address)]  # type: ignore[method-assign]
    assert dns_watch.look([Wanted(TOKEN, NAME)], lookup, 0.0, threading.Event())[0].ok


@pytest.mark.parametrize("case", ANSWERS)
def test_no_answer_that_is_not_signed_is_an_update_that_was_done(answering, tmp_path, case):
    secret = tmp_path / "key"
    secret.write_text(base64.b64encode(os.urandom(32)).decode())
    secret.chmod(0o600)
    server = answering(ANSWERS[case])
    settings = Rfc2136.model_validate(
        {
            "type": "dns-01",
            "provider": "rfc2136",
            "server": server.where,
            "key_name": "k",
            "key": {"file": str(secret)},
            "zone": "example.test",
        }
    )
    with pytest.raises(TargetError, match=server.where):
        rfc2136.Updates(settings, Lookup(server.where)).write([Record(TOKEN, NAME)])
