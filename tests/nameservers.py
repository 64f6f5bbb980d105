"""Real authoritative name servers for tests (BIND and Knot), with TSIG-signed updates of TXT records allowed."""

import base64
import os
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import pytest

from tests.servers import Server, free_port, program

ZONES = ("example.test", "acme.test")
_SECONDS = 5  # for an answer
_addresses = count(os.getpid() * 7)


def free_address() -> str:
    """A loopback address whose port 53 nobody listens on; only root may listen there."""
    while True:
        number = 256 + next(_addresses) % 60_000
        address = f"127.53.{number // 256}.{number % 254 + 1}"
        with socket.socket() as probe:
            try:
                probe.bind((address, 53))
            except PermissionError:
                pytest.fail("only root may listen on port 53")
            except OSError:
                continue
        return address


@dataclass(frozen=True)
class Key:
    """A TSIG key; `secret` is in base64."""

    name: str = "renewd"
    secret: str = field(default_factory=lambda: base64.b64encode(os.urandom(32)).decode())
    algorithm: str = "hmac-sha256"


class NameServer(Server):
    """
    An authoritative server of `zones` at `address` and `port`, where every name that has nothing else is 127.0.0.1.

    `aliases` maps full names to what they are CNAMEs of; `records` are more lines of its zones' files, by full names; `hosts` are names that keep their address although a record
    stands below them; `others` are the addresses of servers that are authoritative too (`ns2`, `ns3` …), at whose
    port 53 they are asked: give this one an address of its own and port 53 then. `primary` makes it a secondary,
    which transfers the zones from there when it is told (`hear`), or without that where the primary `tells` it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        key: Key | None = None,
        zones: Sequence[str] = ZONES,
        aliases: Mapping[str, str] | None = None,
        hosts: Sequence[str] = (),
        records: Sequence[str] = (),
        others: Sequence[str] = (),
        primary: "NameServer | None" = None,
        tells: Sequence["NameServer"] = (),
        address: str = "127.0.0.1",
        port: int | None = None,
    ) -> None:
        super().__init__(directory)
        self.address, self.port = address, port or free_port()
        self.key = primary.key if primary else key or Key()
        self.zones = primary.zones if primary else tuple(zones)
        self._ttl = 60
        self._names = dict.fromkeys(hosts, "A 127.0.0.1")
        self._names |= {name: f"CNAME {target}." for name, target in (aliases or {}).items()}
        self._records = tuple(records)
        self._others, self._primary, self._tells = tuple(others), primary, tuple(tells)
        for zone in () if primary else self.zones:
            (directory / f"{zone}.zone").write_text(self._zone(zone))

    @property
    def where(self) -> str:
        """HOST:PORT, as configurations want it."""
        return f"{self.address}:{self.port}"

    def records(self, name: str) -> list[str]:
        """The TXT values of a name, sorted, as this server itself holds them."""
        query = dns.message.make_query(f"{name.rstrip('.')}.", "TXT")
        answer = dns.query.tcp(query, self.address, timeout=_SECONDS, port=self.port)
        return sorted(
            b"".join(record.strings).decode()
            for found in answer.answer
            if found.rdtype == dns.rdatatype.TXT
            for record in found
        )

    def write(self, name: str, *values: str) -> None:
        """Lets these be the TXT values of a name, none to take it away, by an update as any client sends it."""
        name = f"{name.rstrip('.')}."
        zone = max((zone for zone in self.zones if name.endswith(f".{zone}.")), key=len)
        ring = dns.tsigkeyring.from_text({f"{self.key.name}.": self.key.secret})
        update = dns.update.UpdateMessage(f"{zone}.", keyring=ring, keyalgorithm=self.key.algorithm)
        update.delete(name, "TXT")
        for value in values:
            update.add(name, self._ttl, "TXT", f'"{value}"')
        said = dns.query.tcp(update, self.address, timeout=_SECONDS, port=self.port).rcode()
        assert said == dns.rcode.NOERROR, dns.rcode.to_text(said)

    def hear(self) -> None:
        """Tells this secondary that the zones have changed (NOTIFY), as a primary would."""
        for zone in self.zones:
            told = dns.message.make_query(f"{zone}.", "SOA")
            told.set_opcode(dns.opcode.NOTIFY)
            dns.query.udp(told, self.address, timeout=_SECONDS, port=self.port)

    def _answers(self) -> bool:
        return all(self._holds(zone) for zone in self.zones)

    def _holds(self, zone: str) -> bool:
        query = dns.message.make_query(f"{zone}.", "SOA")
        try:
            answer = dns.query.tcp(query, self.address, timeout=_SECONDS, port=self.port)
        except (OSError, EOFError, dns.exception.DNSException):
            return False
        return bool(answer.rcode() == dns.rcode.NOERROR and answer.answer)

    def _zone(self, zone: str) -> str:
        """Its file; serial 1, and a refresh so late that only being told makes a secondary look again."""
        lines = [f"$ORIGIN {zone}.", f"$TTL {self._ttl}", "@ SOA ns1 hostmaster 1 86400 86400 864000 1"]
        for number, address in enumerate([self.address, *self._others], 1):
            lines += [f"@ NS ns{number}", f"ns{number} A {address}"]
        lines += ["@ A 127.0.0.1", "* A 127.0.0.1"]
        lines += [f"{name}. {what}" for name, what in self._names.items() if name.endswith(f".{zone}")]
        lines += [line for line in self._records if f".{line.split()[0]}".endswith(f".{zone}.")]
        return "\n".join(lines) + "\n"


class Bind(NameServer):
    """BIND's named, on 127.0.0.1 only; it resolves too (aliases into its other zones), and knows that nothing else exists."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        super().__init__(directory, **settings)
        (directory / "root.zone").write_text(
            "$TTL 60\n@ SOA ns. hostmaster. 1 60 60 60 1\n@ NS ns.\nns. A 127.0.0.1\n"
        )
        self._configuration = directory / "named.conf"
        self._configuration.write_text(self._settings())
        self.command = [
            program("named", "bind9"),
            *("-g", "-n", "1", "-c", str(self._configuration), "-p", str(self.port)),
        ]

    def _settings(self) -> str:
        """Without `managed-keys` and control channels, so that nothing outside the folder is touched."""
        return (
            f'key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};\n'
            f'options {{ directory "{self.directory}"; listen-on port {self.port} {{ {self.address}; }};\n'
            f'  listen-on-v6 {{ none; }}; pid-file "{self.directory}/named.pid"; session-keyfile "{self.directory}/session.key";\n'
            f'  managed-keys-directory "{self.directory}"; dnssec-validation no; recursion yes;\n'
            "  allow-query { any; }; allow-recursion { any; }; allow-transfer { any; }; allow-notify { any; };\n"
            "  notify-delay 0; min-refresh-time 86400; };\n"
            'controls { };\nzone "." { type primary; file "root.zone"; };\n'
            + "".join(self._served(zone) for zone in self.zones)
        )

    def _served(self, zone: str) -> str:
        """A zone's part of the configuration."""
        if self._primary is not None:
            source = f"{self._primary.address} port {self._primary.port}"
            return f'zone "{zone}" {{ type secondary; file "{zone}.copy"; primaries {{ {source}; }}; notify no; }};\n'
        told = " ".join(f"{server.address} port {server.port};" for server in self._tells)
        notify = f"notify explicit; also-notify {{ {told} }};" if told else "notify no;"
        return (
            f'zone "{zone}" {{ type primary; file "{zone}.zone"; {notify}\n'
            f"  update-policy {{ grant {self.key.name} wildcard *.{zone}. TXT; }}; }};\n"
        )

    @property
    def check_command(self) -> str:
        return shlex.join([program("named-checkconf", "bind9-utils"), str(self._configuration)])

    reload_command = ""


class Knot(NameServer):
    """Knot's knotd, on any loopback address; it is authoritative only, and follows no alias into another zone."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        super().__init__(directory, **settings)
        (directory / "db").mkdir()  # without it each update is SERVFAIL
        self._configuration = directory / "knot.conf"
        self._configuration.write_text(self._settings())
        self.command = [program("knotd", "knot"), "-c", str(self._configuration)]

    def _settings(self) -> str:
        remotes = {f"told{number}": server for number, server in enumerate(self._tells)}
        zone = "    acl: [update, transfer]\n"
        zone += f"    notify: [{', '.join(remotes)}]\n" if remotes else ""
        if self._primary is not None:
            remotes = {"primary": self._primary}
            zone = "    acl: [notify, transfer]\n    master: primary\n"
        return (
            f"server:\n  rundir: {self.directory}\n  listen: {self.address}@{self.port}\n"
            "  udp-workers: 1\n  tcp-workers: 2\n  background-workers: 1\n"
            f"database:\n  storage: {self.directory}/db\n"
            f"key:\n  - id: {self.key.name}\n    algorithm: {self.key.algorithm}\n    secret: {self.key.secret}\n"
            "remote:\n"
            + "".join(
                f"  - id: {name}\n    address: {at.address}@{at.port}\n" for name, at in remotes.items()
            )
            + f"acl:\n  - id: update\n    key: {self.key.name}\n    action: update\n    update-type: [TXT]\n"
            "  - id: transfer\n    address: 127.0.0.0/8\n    action: transfer\n"
            "  - id: notify\n    address: 127.0.0.0/8\n    action: notify\n"
            f'template:\n  - id: default\n    storage: {self.directory}\n    file: "%s.zone"\nzone:\n'
            + "".join(f"  - domain: {each}\n{zone}" for each in self.zones)
        )

    @property
    def check_command(self) -> str:
        return shlex.join([program("knotc", "knot"), "-c", str(self._configuration), "conf-check"])

    reload_command = ""
