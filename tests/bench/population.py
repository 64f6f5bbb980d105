"""Ten thousand live certificates as renewd leaves them behind: a store a name, seen through links."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509

from renewd.config import targets
from renewd.install import layouts
from tests.certificates import Authority, Issued

RSA_EVERY = 3  # each third key is RSA
DUE_EVERY = 100  # its time has come; a pass in steady state finds about as many
_SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_POLICIES = x509.CertificatePolicies(
    [x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)]  # domain-validated, CAB BR §7.1.6
)


def names(count: int) -> list[str]:
    """Certificate names, every second one with its www."""
    return [
        f"shop-{number:05}.example.com" + (f",www.shop-{number:05}.example.com" if number % 2 else "")
        for number in range(count)
    ]


@dataclass(frozen=True)
class Population:
    """The certificates below `folder`; `names` are those of the watch list, in its order."""

    folder: Path
    names: list[str]
    due: list[str]

    @classmethod
    def settle(cls, folder: Path, count: int, *, due_every: int = DUE_EVERY) -> "Population":
        """Issue them all and write the files that are looked at, links and all, as a pass leaves them."""
        every = names(count)
        made = cls(folder, every, every[due_every // 2 :: due_every])
        for number, (name, issued) in enumerate(zip(every, _issued(every, set(made.due)), strict=True)):
            _write(made.live(name), number, issued)
        return made

    def live(self, name: str) -> str:
        """The folder that `install.directory` names."""
        return str(self.folder / "live" / targets.slug(name))

    def fullchains(self) -> list[str]:
        """What a web server opens for each."""
        return [f"{self.live(name)}/fullchain.pem" for name in self.names]

    def keys(self) -> list[str]:
        """The private keys."""
        return [f"{self.live(name)}/privkey.pem" for name in self.names]

    def listed(self) -> str:
        """A configuration that watches them as one entry of many `names`."""
        return self._configuration([{"names": self.names, **self._shared()}])

    def written_out(self) -> str:
        """A configuration that watches each in a full entry of its own."""
        return self._configuration([{"name": name, **self._shared()} for name in self.names])

    def write(self, text: str) -> str:
        """The configuration's path."""
        path = self.folder / "config.yaml"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def _shared(self) -> dict[str, Any]:
        return {
            "install": {"directory": f"{self.folder}/live/{{name}}"},
            "challenge": {"type": "http-01", "listen": "127.0.0.1:8402"},
            "hooks": {"check": "true --check", "reload": "true --reload"},
            "renew_before": "1/3",
        }

    def _configuration(self, entries: list[dict[str, Any]]) -> str:
        secret = self.folder / "api-key"
        secret.write_text("a-key-that-is-never-used")
        secret.chmod(0o600)
        issuer = {"type": "rcl", "subscription_id": "s", "api_key": {"file": str(secret)}}
        whole = {
            "issuers": {"rcl": issuer},
            "certificates": entries,
            "state_directory": str(self.folder / "state"),
        }
        return yaml.dump(whole, Dumper=_Plain, sort_keys=False)


class _Plain(yaml.CSafeDumper):
    """Without anchors for what several entries share."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _issued(names: list[str], due: set[str]) -> Iterator[Issued]:
    authority, now = Authority.new("Bench"), datetime.now(UTC).replace(microsecond=0)
    for number, name in enumerate(names):
        age = timedelta(days=70 if name in due else 1 + number % 50)
        yield authority.issue(
            name.split(","),
            key_type="rsa-2048" if number % RSA_EVERY == 0 else "ecdsa-p256",
            not_before=now - age,
            extra=[(_POLICIES, False), (_timestamps(), False)],
        )


@cache
def _timestamps() -> x509.UnrecognizedExtension:
    """Two SCTs as every public certificate has them (RFC 6962 §3.3): random to whoever looks, and of the right size."""
    one = b"\0" + os.urandom(32) + (1_780_000_000_000).to_bytes(8) + b"\0\0\x04\x03\0\x47" + os.urandom(71)
    listed = b"".join(len(sct).to_bytes(2) + sct for sct in (one, one))
    listed = len(listed).to_bytes(2) + listed
    return x509.UnrecognizedExtension(_SCTS, b"\x04\x81" + bytes([len(listed)]) + listed)


def _write(store: str, number: int, issued: Issued) -> None:
    version = layouts.identifier(datetime(2026, 11, 23, 8, 56, 27, tzinfo=UTC), f"{number:08x}")
    inside = os.path.join(store, layouts.link_to_version(version))
    os.makedirs(inside)
    written = {"fullchain": issued.fullchain_pem, "key": issued.key_pem}
    for kind in layouts.LAYOUTS["renewd"]:  # the others are looked for, and not into
        with open(os.path.join(inside, layouts.STORED[kind]), "wb") as file:
            file.write(written.get(kind, b""))
        os.symlink(layouts.link_to_file(kind), os.path.join(store, layouts.LAYOUTS["renewd"][kind]))
    os.symlink(layouts.link_to_version(version), os.path.join(store, layouts.CURRENT))
