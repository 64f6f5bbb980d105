"""Asking the DNS for CAA records: of all names that may decide, side by side, with an end of time."""

import importlib.util
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from renewd.certs.caa import Answer, Record
from renewd.challenges import dns_asking
from renewd.clock import SystemClock
from renewd.errors import Temporary

if TYPE_CHECKING:
    from dns.resolver import Resolver

_SECONDS = 5.0  # for a name, all tries included
_ALL = 10.0  # for all of them
_AT_ONCE = 16
_CLOCK = SystemClock()  # servers answer in real time


def can_ask() -> bool:
    """Whether dnspython is there, which the extra `dns` brings."""
    return importlib.util.find_spec("dns") is not None


def ask(names: Collection[str], resolver: str | None = None) -> dict[str, Answer]:
    """What the name server at `resolver` (HOST:PORT), or the system's, says of each name; aliases are followed by it."""
    wanted = list(dict.fromkeys(names))
    try:
        server = dns_asking.reach(resolver)
    except Temporary as error:
        return dict.fromkeys(wanted, Answer(failed=str(error)))
    end = _CLOCK.monotonic() + _ALL
    with ThreadPoolExecutor(max(1, min(_AT_ONCE, len(wanted))), thread_name_prefix="caa") as crew:
        return dict(zip(wanted, crew.map(partial(_answer, server, end), wanted), strict=True))


def _answer(server: "Resolver", end: float, name: str) -> Answer:
    import dns.exception
    import dns.resolver

    seconds = min(_SECONDS, end - _CLOCK.monotonic())
    if seconds <= 0:
        return Answer(failed=f"{name}: no answer in time")
    try:
        found = server.resolve(f"{name}.", "CAA", raise_on_no_answer=False, search=False, lifetime=seconds)
    except dns.resolver.NXDOMAIN:
        return Answer()
    except (dns.exception.DNSException, OSError) as error:
        return Answer(failed=f"{name}: {dns_asking.words(error)}")
    if found.rrset is None:
        return Answer()
    records = [Record(each.flags, _text(each.tag), _text(each.value)) for each in found.rrset]
    return Answer(found.rrset.name.to_text(omit_final_dot=True), tuple(records))


def _text(data: bytes) -> str:
    return data.decode("ascii", "backslashreplace")
