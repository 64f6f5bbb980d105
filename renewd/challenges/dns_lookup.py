"""Questions to the DNS about a record: where its name leads, which zone it is in, who is authoritative for that."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from renewd.challenges import dns_asking
from renewd.errors import ChallengeFailed, Temporary

if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name
    from dns.resolver import Resolver

HOPS = 8  # aliases one after the other; resolvers give up at about as many
PORT = 53
_SECONDS = 10.0  # for a question, all tries included
_EXTRA = "pip install 'renewd[dns]'"


@dataclass(frozen=True, slots=True)
class Server:
    """An authoritative server at one of its addresses."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"


class Lookup:
    """Asks the name server at `resolver` (HOST:PORT), or the system's. All names come and go without their last dot.

    Every question raises Temporary if the name service cannot answer it now; what it answered is not asked again.
    """

    def __init__(self, resolver: str | None = None, zone: str | None = None) -> None:
        self._address = resolver
        self._zone = zone
        self._made: Resolver | None = None
        self._ends: dict[str, str] = {}
        self._zones: dict[str, str] = {}
        self._servers: dict[str, list[Server]] = {}

    def follow(self, name: str) -> str:
        """Where a record of this name has to be written: the end of its aliases. Raises ChallengeFailed for a loop."""
        if name not in self._ends:
            self._ends[name] = self._end(name)
        return self._ends[name]

    def zone(self, name: str) -> str:
        """The zone that the name is in. Raises ChallengeFailed if it is in none."""
        if self._zone is not None:
            return self._zone.rstrip(".")
        if name not in self._zones:
            self._zones[name] = self._zone_of(name)
        return self._zones[name]

    def servers(self, zone: str) -> list[Server]:
        """Every authoritative server of the zone, at each of its addresses. Raises ChallengeFailed if there is none."""
        if zone not in self._servers:
            self._servers[zone] = self._servers_of(zone)
        return self._servers[zone]

    def _end(self, name: str) -> str:
        names = [_name(name)]
        while (target := self._alias(names[-1])) is not None:
            way = " → ".join(_text(each) for each in (*names, target))
            if target in names:
                raise ChallengeFailed(f"aliases (CNAME) lead in a circle: {way}", remedy="Correct them.")
            if len(names) > HOPS:
                raise ChallengeFailed(
                    f"more than {HOPS} aliases (CNAME) one after the other: {way}",
                    remedy=f"Let {name} lead to the record's place directly.",
                )
            names.append(target)
        return _text(names[-1])

    def _zone_of(self, name: str) -> str:
        whole = _name(name)
        for each in _ancestors(whole):
            found = owner(self._ask(each, "SOA"), whole)
            if found is not None:
                return _text(found)
        raise ChallengeFailed(
            f"no zone was found that {name} is in",
            remedy="Is the domain delegated? Otherwise name the zone: challenge.zone.",
        )

    def _servers_of(self, zone: str) -> list[Server]:
        import dns.rdatatype

        names = [
            _text(record.target)
            for rrset in self._ask(_name(zone), "NS").answer
            if rrset.rdtype == dns.rdatatype.NS
            for record in rrset
        ]
        found = [
            Server(name, address) for name in sorted(set(names)) for address in sorted(self._addresses(name))
        ]
        if not found:
            said = f"the name servers of {zone} have no address" if names else f"{zone} has no name servers"
            raise ChallengeFailed(said, remedy="See that the domain is delegated to them.")
        return found

    def _addresses(self, name: str) -> Iterator[str]:
        import dns.rdatatype

        for kind in ("A", "AAAA"):
            for rrset in self._ask(_name(name), kind).answer:
                if rrset.rdtype == dns.rdatatype.from_text(kind):
                    yield from (str(record.address) for record in rrset)

    def _alias(self, name: "Name") -> "Name | None":
        """What the name is an alias of; a wildcard's, which every name beside it has too, ends where a record stands."""
        import dns.name

        target = self._cname(name)
        if target is None:
            return None
        try:
            beside = dns.name.Name([f"renewd-{secrets.token_hex(8)}".encode(), *name.parent().labels])
        except dns.name.NameTooLong:
            return target
        return None if self._cname(beside) == target else target

    def _cname(self, name: "Name") -> "Name | None":
        import dns.rdatatype

        for rrset in self._ask(name, "CNAME").answer:
            if rrset.rdtype == dns.rdatatype.CNAME and rrset.name == name:
                target: Name = rrset[0].target
                return target
        return None

    def _ask(self, name: "Name", kind: str) -> "Message":
        """The answer, empty ones and those of names that are not there included."""
        import dns.exception
        import dns.resolver

        resolver = self._resolver()
        try:
            answer = resolver.resolve(name, kind, raise_on_no_answer=False, search=False, lifetime=_SECONDS)
        except dns.resolver.NXDOMAIN as error:
            empty: Message = error.response(name)  # type: ignore[no-untyped-call]
            return empty
        except (dns.exception.DNSException, OSError) as error:
            whom = self._address or "the system's name servers"
            raise Temporary(
                f"{whom} cannot say what {kind} {_text(name)} has: {dns_asking.words(error)}",
                stage="challenge",
                remedy="See that this machine's name service works, or name another: challenge.resolver.",
            ) from error
        return answer.response

    def _resolver(self) -> "Resolver":
        if self._made is None:
            self._made = dns_asking.reach(self._address)
        return self._made


def owner(response: "Message", name: "Name") -> "Name | None":
    """The zone that an answer to a question for SOA shows the name to be in; the root is none."""
    import dns.name
    import dns.rdatatype

    for rrset in (*response.answer, *response.authority):
        if (
            rrset.rdtype == dns.rdatatype.SOA
            and rrset.name != dns.name.root
            and name.is_subdomain(rrset.name)
        ):
            return rrset.name
    return None


def _ancestors(name: "Name") -> Iterator["Name"]:
    import dns.name

    while name != dns.name.root:
        yield name
        name = name.parent()


def _name(text: str) -> "Name":
    """Raises ChallengeFailed for what is no name, such as one of more than 255 octets."""
    try:
        import dns.exception
        import dns.name
    except ImportError as error:
        raise ChallengeFailed("dnspython is not installed, which DNS-01 needs", remedy=_EXTRA) from error
    try:
        return dns.name.from_text(text)
    except dns.exception.DNSException as error:
        raise ChallengeFailed(f"{text[:300]!a} is a name that the DNS cannot hold: {error}") from error


def _text(name: "Name") -> str:
    return name.to_text(omit_final_dot=True)
