"""Watching records come up: at every authoritative server, asked directly, until all of them show them."""

import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Event

from renewd.certs.order import Token
from renewd.challenges.base import Sight
from renewd.challenges.dns_asking import words
from renewd.challenges.dns_lookup import PORT, Lookup, Server
from renewd.clock import SystemClock
from renewd.errors import TargetError

_FIRST, _GROWTH, _LONGEST = 0.1, 1.6, 5.0  # seconds between rounds
_SECONDS = 2.0  # for one server's answer; it is asked again in the next round
_AT_ONCE = 16
_CLOCK = SystemClock()  # servers answer in real time


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token and the name that its value is to be seen at, after all aliases."""

    token: Token
    name: str


@dataclass(frozen=True, slots=True)
class _Question:
    """One server, and what it is to show."""

    server: Server
    wanted: Wanted


def look(wanted: Sequence[Wanted], lookup: Lookup, wait: float, stop: Event) -> list[Sight]:
    """What the servers show of each, after `wait` seconds or earlier if all show all; a sight for each that does not."""
    end = _CLOCK.monotonic() + wait
    sights = []
    questions = []
    for each in wanted:
        try:
            servers = reachable(lookup.servers(lookup.zone(each.name)))
        except TargetError as error:
            sights.append(Sight(each.token, _place(each), ok=False, saw=f"nothing ({error})"))
        else:
            questions += [_Question(server, each) for server in servers]
    unseen = _watch(questions, end, stop)
    return [*sights, *_sights(questions, unseen)]


def reachable(servers: Sequence[Server]) -> list[Server]:
    """Those that this machine has a way to; all of them where it has a way to none."""
    return [server for server in servers if _has_way(server.address)] or list(servers)


def _watch(questions: Sequence[_Question], end: float, stop: Event) -> dict[_Question, str]:
    """What is shown instead, question by question, when the time is over; empty once all is seen."""
    pause = _FIRST
    open_ = list(questions)
    while open_:
        with ThreadPoolExecutor(min(_AT_ONCE, len(open_)), thread_name_prefix="dns") as crew:
            shown = dict(zip(open_, crew.map(_seen, open_), strict=True))
        open_ = [question for question in open_ if shown[question]]
        left = end - _CLOCK.monotonic()
        if left <= 0 or not open_ or _CLOCK.wait(stop, min(pause, left)):
            return {question: shown[question] for question in open_}
        pause = min(pause * _GROWTH, _LONGEST)
    return {}


def _sights(questions: Sequence[_Question], unseen: dict[_Question, str]) -> Iterator[Sight]:
    """One for each token that all servers show, and one for each server that lacks some of a name's."""
    told = set()
    for wanted in dict.fromkeys(question.wanted for question in questions):
        asked = [question for question in questions if question.wanted == wanted]
        lagging = [question for question in asked if question in unseen]
        for question in lagging:
            place = wanted.name, question.server
            if place not in told:
                told.add(place)
                saw = f"{unseen[question]} on {question.server}"
                yield Sight(wanted.token, _place(wanted), ok=False, saw=saw)
        if not lagging:
            yield Sight(wanted.token, _place(wanted), ok=True, saw=_said(len(asked)))


def _place(wanted: Wanted) -> str:
    return f"TXT {wanted.name}"


def _said(count: int) -> str:
    return (
        "the right answer from the authoritative server"
        if count == 1
        else f"the right answer from all {count} authoritative servers"
    )


def _seen(question: _Question) -> str:
    """Empty if the server shows the value; else what it shows."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode

    query = dns.message.make_query(question.wanted.name, "TXT", use_edns=0, payload=1232, flags=0)
    try:
        answer, _ = dns.query.udp_with_fallback(
            query, question.server.address, _SECONDS, PORT, ignore_unexpected=True, ignore_errors=True
        )
    except (dns.exception.DNSException, EOFError, OSError, ValueError) as error:
        return words(error)
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return f"the answer {dns.rcode.to_text(answer.rcode())}"
    values = [
        b"".join(record.strings)
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.TXT and rrset.name == query.question[0].name
        for record in rrset
    ]
    if question.wanted.token.value.encode() in values:
        return ""
    return f"{len(values)} other value{'' if len(values) == 1 else 's'}" if values else "no such record"


def _has_way(address: str) -> bool:
    """Whether there is a route; a machine without IPv6 has none to a server's IPv6 address."""
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET  # noqa: PLR2004 - the version
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, PORT))  # sends nothing
    except OSError:
        return False
    return True
