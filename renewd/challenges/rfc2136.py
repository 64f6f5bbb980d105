"""Records written by dynamic updates (RFC 2136) to the primary name server, signed by TSIG (RFC 8945)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from renewd.challenges import dns_asking, dns_lookup
from renewd.challenges.dns01 import Record
from renewd.challenges.dns_lookup import Lookup
from renewd.config import addresses, tsig
from renewd.config.proving import Rfc2136
from renewd.errors import ChallengeFailed, TargetError, Temporary

if TYPE_CHECKING:
    from dns.message import Message
    from dns.tsig import Key
    from dns.update import UpdateMessage

_SECONDS = 10.0  # for an update, connecting included
_TTL = 60  # seconds
_MANY = 100  # values in one update: a message holds 64 KiB


class Updates:
    """Adds and deletes single values; the server itself says which zone of its own a name is in."""

    def __init__(self, settings: Rfc2136, lookup: Lookup) -> None:
        self._settings = settings
        self._lookup = lookup
        self._host, self._port = addresses.split(settings.server)

    def write(self, records: Sequence[Record]) -> None:
        """Add these values, those of a zone in one update. Raises a TargetError that says what the server refused."""
        ttl = _TTL if self._settings.ttl is None else int(self._settings.ttl.total_seconds())
        for zone, some in self._by_zone(records):
            update = self._update(zone)
            for record in some:
                update.add(f"{record.name}.", ttl, "TXT", _quoted(record.value))
            self._send(update, zone)

    def erase(self, records: Sequence[Record]) -> None:
        """Delete these values and no others."""
        for zone, some in self._by_zone(records):
            update = self._update(zone)
            for record in some:
                update.delete(f"{record.name}.", "TXT", _quoted(record.value))
            self._send(update, zone)

    def _by_zone(self, records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
        zones: dict[str, list[Record]] = {}
        for record in records:
            zones.setdefault(self._zone(record.name), []).append(record)
        for zone, some in zones.items():
            for start in range(0, len(some), _MANY):
                yield zone, some[start : start + _MANY]

    def _zone(self, name: str) -> str:
        """The zone as the server knows it, which may be hidden from everybody else; as everybody knows it otherwise."""
        if self._settings.zone is not None:
            return self._settings.zone.rstrip(".")
        import dns.flags
        import dns.message
        import dns.name

        response = self._exchange(dns.message.make_query(f"{name}.", "SOA", flags=0), name)
        found = dns_lookup.owner(response, dns.name.from_text(name))
        if found is not None and response.flags & dns.flags.AA:
            return found.to_text(omit_final_dot=True)
        return self._lookup.zone(name)

    def _update(self, zone: str) -> "UpdateMessage":
        import dns.update

        return dns.update.UpdateMessage(f"{zone}.", keyring=self._key())

    def _key(self) -> "Key":
        import dns.tsig

        return dns.tsig.Key(self._settings.key_name, tsig.secret(self._settings), self._settings.algorithm)

    def _send(self, update: "UpdateMessage", zone: str) -> None:
        import dns.rcode

        said = self._exchange(update, zone).rcode()
        if said != dns.rcode.NOERROR:
            raise self._refused(said, zone)

    def _exchange(self, message: "Message", zone: str) -> "Message":
        """Over TCP, with the first of the server's addresses that answers. Raises a TargetError in words."""
        import dns.exception
        import dns.message
        import dns.query
        import dns.tsig

        signed = (dns.tsig.PeerError, dns.tsig.BadSignature, dns.tsig.BadTime, dns.message.UnknownTSIGKey)
        why: BaseException = OSError()
        for address in dns_asking.located(self._host, self._port):
            try:
                return dns.query.tcp(message, address, timeout=_SECONDS, port=self._port)
            except signed as error:
                raise self._refused(type(error), zone) from error
            except (OSError, EOFError, ValueError, dns.exception.DNSException) as error:
                if type(error) is dns.exception.FormError:  # a signed message got an answer that is not
                    raise self._refused(type(error), zone) from error
                why = error
        raise Temporary(
            f"the name server {self._settings.server} cannot be asked: {dns_asking.words(why)}",
            stage="challenge",
            remedy="See that it runs, that `server` is its address, and that it listens on TCP.",
        ) from why

    def _refused(self, said: object, zone: str) -> TargetError:
        """What the server's refusal means and what to do about it."""
        import dns.rcode
        import dns.tsig

        server, key = self._settings.server, f"the TSIG key {self._settings.key_name}"
        grant = f"Grant it that in the name server: TXT records of names that begin with _acme-challenge, in {zone}."
        compare = "Compare key_name, algorithm and the key itself with the name server's configuration."
        primary = "Let `server` be the zone's primary, or write the right `zone`."
        known: dict[object, tuple[str, str]] = {
            dns.tsig.PeerBadKey: (
                f"knows no {key[4:]} with {self._settings.algorithm}, or does not let it change {zone}",
                f"{compare} {grant}",
            ),
            dns.tsig.PeerBadSignature: (f"has another secret for {key}", compare),
            dns.tsig.PeerBadTime: (
                "says that this machine's clock and its own differ by minutes",
                "Let both keep time by NTP.",
            ),
            dns.rcode.NOTAUTH: (f"is not authoritative for the zone {zone}", primary),
            dns.exception.FormError: (
                f"answers without a signature, as for a zone that it does not serve: {zone}",
                primary,
            ),
            dns.rcode.NOTZONE: (f"says that a record's name is not in the zone {zone}", primary),
            dns.rcode.NOTIMP: ("takes no dynamic updates", primary),
            dns.rcode.REFUSED: (f"does not let {key} write TXT records in {zone}", grant),
        }
        if said in known:
            what, remedy = known[said]
            return ChallengeFailed(f"the name server {server} {what}", remedy=remedy)
        if isinstance(said, dns.rcode.Rcode):
            return Temporary(
                f"the name server {server} did not carry out the update: {dns.rcode.to_text(said)}",
                stage="challenge",
                remedy="The name server's log says why.",
            )
        return ChallengeFailed(
            f"the name server {server} gives an answer that is not signed by {key}", remedy=compare
        )


def _quoted(value: str) -> str:
    """A value as zone files write it; a longer one than 255 octets is no challenge's."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
