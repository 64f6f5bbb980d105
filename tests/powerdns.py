"""A real PowerDNS for tests: authoritative for zones that are changed through its HTTP API."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.nameservers import free_address
from tests.servers import Server, free_port, program

_SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
_SECONDS = 10


class PowerDns(Server):
    """It answers at port 53 of an address of its own, `address`; its API is `api`, opened by `token`."""

    def __init__(self, directory: Path, zones: Sequence[str] = ("example.test",)) -> None:
        super().__init__(directory)
        self.address, self.port = free_address(), free_port()
        self.token = os.urandom(16).hex()
        self._zones = tuple(zones)
        database = directory / "zones.sqlite3"
        if not _SCHEMA.exists():
            pytest.fail(f"{_SCHEMA} is not there; as root: apt-get install pdns-backend-sqlite3")
        with sqlite3.connect(database) as connection:
            connection.executescript(_SCHEMA.read_text())
        connection.close()
        options = {
            "config-dir": directory,
            "socket-dir": directory,
            "launch": "gsqlite3",
            "gsqlite3-database": database,
            "local-address": self.address,
            "local-port": 53,
            "webserver": "yes",
            "webserver-address": "127.0.0.1",
            "webserver-port": self.port,
            "api": "yes",
            "api-key": self.token,
            "security-poll-suffix": "",
            "cache-ttl": 0,
            "negquery-cache-ttl": 0,
            "query-cache-ttl": 0,
            "zone-cache-refresh-interval": 0,
            "receiver-threads": 1,
            "distributor-threads": 1,
            "loglevel": 5,
            "daemon": "no",
            "guardian": "no",
            "disable-syslog": "yes",
        }
        self.command = [program("pdns_server", "pdns-backend-sqlite3")]
        self.command += [f"--{key}={value}" for key, value in options.items()]

    @property
    def api(self) -> str:
        """Its address as clients want it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def where(self) -> str:
        """HOST:PORT where it is asked as a name server."""
        return f"{self.address}:53"

    def start(self, **options: Any) -> None:
        super().start(**options)
        for zone in self._zones:
            records = {
                (f"{zone}.", "SOA"): f"ns1.{zone}. hostmaster.{zone}. 1 3600 600 86400 1",
                (f"{zone}.", "NS"): f"ns1.{zone}.",
                (f"ns1.{zone}.", "A"): self.address,
            }
            rrsets = [
                {"name": name, "type": kind, "ttl": 60, "records": [{"content": what, "disabled": False}]}
                for (name, kind), what in records.items()
            ]
            self.ask("POST", "/zones", {"name": f"{zone}.", "kind": "Native", "rrsets": rrsets})

    def records(self, name: str) -> list[str]:
        """The TXT values of a name, sorted, as the API has them."""
        zone = max((zone for zone in self._zones if name.endswith(f".{zone}")), key=len)
        rrsets = self.ask("GET", f"/zones/{zone}.")["rrsets"]
        return sorted(
            record["content"].strip('"')
            for each in rrsets
            if (each["name"], each["type"]) == (f"{name}.", "TXT")
            for record in each["records"]
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the API."""
        answer = httpx.request(
            method,
            f"{self.api}/api/v1/servers/localhost{path}",
            json=body,
            headers={"X-API-Key": self.token},
            timeout=_SECONDS,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/zones") is not None
        except httpx.HTTPError:
            return False

    check_command = ""
    reload_command = ""
