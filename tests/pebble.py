"""A real ACME server for tests (Pebble), with its DNS and challenge test server, both ended by pid with the test."""

import json
import os
import re
import shlex
import ssl
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509

from tests.programs import until
from tests.servers import Server, free_port, program

NEWER = Path(os.environ.get("RENEWD_VENV", Path(__file__).parents[1] / ".venv")) / "parts" / "pebble"


def newer() -> str:
    """The Pebble that knows renewal information and profiles, which `tests/setup` puts beside the environment."""
    path = NEWER / "usr" / "bin" / "pebble"
    if not path.exists():
        pytest.fail(f"{path} is not there; run tests/setup")
    return str(path)


class Names(Server):
    """pebble-challtestsrv as the DNS server that Pebble asks: every name is 127.0.0.1, TXT records are set by `txt`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.port = free_port()  # its management
        self.dns_port = free_port()
        self.other_ports = (self.dns_port,)
        self.command = [
            program("pebble-challtestsrv", "pebble"),
            *("-management", f"127.0.0.1:{self.port}", "-dns01", f"127.0.0.1:{self.dns_port}"),
            *("-http01", "", "-https01", "", "-tlsalpn01", ""),
            *("-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""),
        ]

    def tell(self, path: str, **facts: Any) -> None:
        """One call of its management, such as `tell("set-txt", host="_acme-challenge.a.test.", value="…")`."""
        body = json.dumps(facts).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", body, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            answer.read()

    check_command = reload_command = ""


class Pebble(Server):
    """Pebble; `http_port` and `tls_port` are where it looks for challenges. `dns` is a HOST:PORT it asks, its own by default."""

    def __init__(
        self,
        directory: Path,
        *,
        binary: str | None = None,
        dns: str | None = None,
        environment: Mapping[str, str] | None = None,
        eab: Mapping[str, str] | None = None,
        http_port: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(directory)
        self.port, self.management_port = free_port(), free_port()
        self.other_ports = (self.management_port,)
        self.http_port, self.tls_port = http_port or free_port(), free_port()
        self.names = Names(directory) if dns is None else None
        self._dns = dns
        self._environment = {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": "0",
            "PEBBLE_AUTHZREUSE": "0",
            **(environment or {}),
        }
        authority = trustme.CA()
        own = authority.issue_cert("localhost", "127.0.0.1")
        self.ca_file = directory / "pebble-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        own.cert_chain_pems[0].write_to_path(str(directory / "pebble.pem"))
        own.private_key_pem.write_to_path(str(directory / "pebble.key"))
        configuration = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management_port}",
            "certificate": str(directory / "pebble.pem"),
            "privateKey": str(directory / "pebble.key"),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": eab is not None,
            "externalAccountMACKeys": dict(eab or {}),
            "certificateValidityPeriod": 90
            * 86400,  # seconds; its own five years are more than anybody takes
            "retryAfter": {"authz": 1, "order": 1},
            **settings,
        }
        self.configuration = directory / "pebble.json"
        self.configuration.write_text(json.dumps({"pebble": configuration}))
        self._log = directory / "pebble.log"  # which it writes to its standard output
        self._binary = binary or program("pebble", "pebble")

    @property
    def directory_url(self) -> str:
        return f"https://localhost:{self.port}/dir"

    def start(self, **options: Any) -> None:
        dns = self._dns
        if self.names is not None:
            self.names.start()
            dns = f"127.0.0.1:{self.names.dns_port}"
        line = [self._binary, "-config", str(self.configuration), "-strict", "-dnsserver", str(dns)]
        self.command = ["sh", "-c", f"exec {shlex.join(line)} >>{shlex.quote(str(self._log))}"]
        super().start(env={**os.environ, **self._environment}, **options)

    def stop(self) -> None:
        super().stop()
        if self.names is not None:
            self.names.stop()

    @property
    def orders(self) -> int:
        """How many orders it was asked for."""
        return self._log.read_text().count('Added order "')

    @property
    def issued(self) -> list[x509.Certificate]:
        """Every leaf that it issued since it was started, whoever asked, in that order."""
        serials = re.findall(r"Issued certificate serial (\w+) for order", self._log.read_text())
        told = [json.loads(self._managed(f"/cert-status-by-serial/{serial}")) for serial in serials]
        return [x509.load_pem_x509_certificate(each["Certificate"].encode()) for each in told]

    def roots(self, number: int = 0) -> bytes:
        """The PEM of a root that it issues under."""
        return self._managed(f"/roots/{number}")

    def suggest(self, certificate: bytes, answer: Mapping[str, Any]) -> None:
        """Let its renewal information for a certificate (PEM) be this (RFC 9773 §4.2)."""
        body = {"certificate": certificate.decode(), "ariResponse": json.dumps(answer)}
        self._managed("/set-renewal-info/", json.dumps(body).encode())

    def said(self) -> str:
        return super().said() + (self._log.read_text() if self._log.exists() else "")

    def _managed(self, path: str, body: bytes | None = None) -> bytes:
        trusted = ssl.create_default_context(cafile=str(self.ca_file))
        request = urllib.request.Request(f"https://localhost:{self.management_port}{path}", body)
        with urllib.request.urlopen(request, timeout=10, context=trusted) as answer:  # noqa: S310
            return answer.read()

    check_command = reload_command = ""


def another_second() -> None:
    """Whole seconds are all that a certificate's end has; one that ends with the running one is not newer."""
    begun = int(time.time())
    until(lambda: int(time.time()) > begun)
