"""Worlds whose secrets are all known: at RCL, by either of its APIs, and at an ACME CA; their journal may be in PostgreSQL."""

import abc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from renewd.certs import csr
from renewd.clock import Clock
from renewd.config import load
from renewd.issuers import acme_account_keys
from renewd.renewal.context import Context
from renewd.report import metrics, snapshot
from renewd.sandbox.faults import KINDS
from tests import pages
from tests.faults.hostile.acme_replies import WRONG
from tests.faults.hostile.canaries import Canaries
from tests.hostile_ca import CALLS, decoded
from tests.issuing_ca import IssuingCa
from tests.postgres import Server
from tests.programs import renewd
from tests.world import World

KEEPERS = ("privkey", "combined", "material", ".pfx", "secret-", "api-key")  # files that hold one, and are to
SLOW = {"drip", "drip-head", "huge", "gzip", "2 MB", "compressed"}  # tell nothing else, in a longer time
Faults = Sequence[tuple[str, str]]


class Planted(World, abc.ABC):
    """`database` is where its journal is, behind a password; `keys` are what its configuration has besides."""

    def __init__(
        self, folder: Path, clock: Clock | None = None, *, database: Server | None = None, v8: bool = False
    ) -> None:
        super().__init__(folder, clock, v8=v8)
        self.canaries = Canaries()
        self.keys: dict[str, Any] = {}
        self._database, self._url = database, ""
        if database is not None:
            password = os.urandom(12).hex()
            self._url = database.empty()
            self.canaries.add("database password", password)
            self.keys["state"] = self.hidden("database", self._url.replace("renewd@", f"renewd:{password}@"))

    @property
    @abc.abstractmethod
    def faults(self) -> Faults:
        """Everything that can go wrong with a call, as (call, kind)."""

    @property
    @abc.abstractmethod
    def commands(self) -> Sequence[Sequence[str]]:
        """What there is to be run beside what every world is asked."""

    def seed(self, name: str) -> None:
        """The service knows it, and has no certificate of it."""
        self.sandbox.seed(name, days_left=None)

    @abc.abstractmethod
    def arm(self, call: str, kind: str) -> None:
        """The next renewal meets it."""

    @abc.abstractmethod
    def calm(self) -> None:
        """Nothing goes wrong any more."""

    def write(self, *entries: Any, **keys: Any) -> str:
        return super().write(*entries, **{**self.keys, **keys})

    def hidden(self, name: str, text: str) -> dict[str, str]:
        """Where a secret is read from."""
        path = self.folder / f"secret-{name}"
        path.write_text(text)
        path.chmod(0o600)
        return {"file": str(path)}

    def leaks(self) -> set[str]:
        """What holds a secret and has no business with any: names of files, and the journal's tables."""
        kept = {
            path.name
            for path in self.folder.rglob("*")
            if path.is_file() and not self.keeps(path) and self.canaries.found(path.read_bytes())
        }
        return kept | {table for table, rows in self._tables().items() if self.canaries.found(rows)}

    def keeps(self, path: Path) -> bool:
        """Whether a secret is to be in this file."""
        return any(keeper in path.name for keeper in KEEPERS)

    def _tables(self) -> dict[str, str]:
        if self._database is None:
            return {}
        database = self._url.rpartition("/")[2]
        sql = self._database.sql
        names = [
            str(row[0])
            for row in sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database)
        ]
        return {
            name: repr(sql(f"SELECT t::text FROM {name} t", database))  # noqa: S608 - its own names
            for name in names
        }

    def said(self, path: str, name: str) -> list[str]:
        """All that commands print of it."""
        always = (["status"], ["status", "--json"], ["history"], ["history", "--json"], ["why", name])
        ran = [renewd(path, *command, env={"RENEWD_DEBUG": "1"}) for command in (*always, *self.commands)]
        return [text for each in ran for text in (each.stdout, each.stderr)]

    def page(self, path: str) -> list[str]:
        """All that the page, the metrics and the health show of it."""
        context = Context(load.load(path), clock=self.clock)
        board = pages.board(self.clock, [])
        board.known = snapshot.take(context)
        board.metrics = metrics.certificates(board.known)
        addresses = ["/", "/metrics", "/healthz", *(f"/certificate/{slug}" for slug in board.known.by_slug)]
        try:
            with pages.served(board, read=lambda target: context.journal.history(target.identity)) as url:
                return [httpx.get(url + address).text for address in addresses]
        finally:
            context.close()


class AtRcl(Planted):
    """At the sandbox."""

    planted = ("API key", "PFX password", "pfxString", "private key", "signature of a link")
    commands = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.canaries.add("API key", self.sandbox.api_key)
        self._known: set[int] = set()
        self._links = self.sandbox.downloads.links
        self.sandbox.downloads.links = self._watched  # type: ignore[method-assign]

    @property
    def faults(self) -> Faults:
        issues = "schedule" if self.v8 else "finalize"
        echo = f"text-400=Bearer {self.sandbox.api_key}, or {quote(self.sandbox.api_key)}, is no key"
        return [
            ("certificate", echo),
            (issues, echo),
            *(
                (call, kind)
                for call in ("certificate", "order", issues, "download")
                for kind, fault in KINDS.items()
                if call in fault.calls and kind not in SLOW
            ),
        ]

    def arm(self, call: str, kind: str) -> None:
        self.sandbox.fault(call, kind)

    def calm(self) -> None:
        self.sandbox.faults.clear()

    def _watched(self, generation: Any) -> Any:
        """Every generation of which the portal tells anything is told through here."""
        links = self._links(generation)
        if generation.number not in self._known:
            self._known.add(generation.number)
            self.canaries.add("PFX password", generation.password)
            self.canaries.add("private key", private(generation.key))
            self.canaries.add("pfxString", generation.pfx[300:380])  # from the middle of what is encrypted
        for link in links.values():
            self.canaries.add("signature of a link", parse_qs(urlsplit(link).query)["sig"][0])
        return links


class AtAcme(Planted):
    """At an ACME CA that wants its accounts bound to one that it knows."""

    planted = ("ACME account key", "EAB HMAC key", "private key")
    faults = tuple((call, kind) for call in CALLS for kind in WRONG if kind not in SLOW)
    commands = (
        ["preflight", "--json"],
        ["renew", "--force", "n0.example"],
        ["account"],
        ["account", "--roll-over"],
        ["revoke", "n0.example"],
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ca = IssuingCa(clock=self.clock, meta={"externalAccountRequired": True})
        secret = os.urandom(48).hex()
        self.canaries.add("EAB HMAC key", secret, decoded(secret))
        self.keys["issuers"] = {
            "ca": {
                "type": "acme",
                "directory": self.ca.url,
                "agree_terms": True,
                "trust": "none",
                "timeout": {"connect": "1s", "read": "1s"},
                "eab": {"kid": "kid-1", "hmac_key": self.hidden("eab", secret)},
            }
        }
        self._state = self.folder / "sandbox" / "state" / "acme"
        self._watching = pytest.MonkeyPatch()
        made = {"private key": (csr, "new_key"), "ACME account key": (acme_account_keys, "new")}
        for kind, (module, name) in made.items():
            self._watching.setattr(module, name, self._watched(kind, getattr(module, name)))

    def close(self) -> None:
        self._watching.undo()
        self.ca.close()
        super().close()

    def arm(self, call: str, kind: str) -> None:
        self.ca.spoiled[call] = WRONG[kind]
        if call == "account":  # which is asked for once
            for path in self._state.rglob("account-*"):
                path.unlink()

    def calm(self) -> None:
        self.ca.spoiled = {"revoke": lambda _: self.ca.say("revoke", None)}

    def said(self, path: str, name: str) -> list[str]:
        said = super().said(path, name)
        for file in self._state.rglob("*.pem"):  # what other processes made
            kind = "ACME account key" if file.name.startswith("account-") else "private key"
            self.canaries.add(kind, private(load_pem_private_key(file.read_bytes(), None)))
        return said

    def keeps(self, path: Path) -> bool:
        return super().keeps(path) or (path.suffix == ".pem" and self._state in path.parents)

    def _watched(self, kind: str, make: Any) -> Any:
        """Each key, as it is made."""

        def made(*args: Any) -> Any:
            key = make(*args)
            self.canaries.add(
                kind, private(load_pem_private_key(key, None) if isinstance(key, bytes) else key)
            )
            return key

        return made


def private(key: Any) -> bytes:
    """The number of a key that nobody else is to know."""
    numbers = key.private_numbers()
    if hasattr(numbers, "private_value"):
        return bytes(numbers.private_value.to_bytes(key.key_size // 8))
    return bytes(numbers.d.to_bytes(key.key_size // 8))
