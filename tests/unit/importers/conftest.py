"""A folder as certbot keeps it, written by hand, and what is made of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from renewd.config import load
from renewd.config.load import Loaded
from renewd.importers import certbot, lineages
from renewd.importers.certbot import Imported
from renewd.importers.lineages import Lineage
from tests.certificates import Authority

SERVER = "https://acme-v02.api.letsencrypt.org/directory"
ACCOUNT = "33dd41b69ffd0067fdb26d196fe9bd41"
_AUTHORITY = Authority.new()
_SHOWN = ("cert", "privkey", "chain", "fullchain")


@dataclass
class Folder:
    """certbot's folder; `lineage` adds one."""

    path: Path

    def lineage(
        self,
        name: str,
        *domains: str,
        tables: dict[str, dict[str, str]] | None = None,
        top: str = "",
        key: str = "ecdsa-p256",
        not_after: datetime | None = None,
        **settings: Any,
    ) -> Path:
        """Its renewal file, with these settings beside the usual ones; None removes one."""
        issued = _AUTHORITY.issue(domains or (name,), key_type=key, not_after=not_after)
        live, archive = self.path / "live" / name, self.path / "archive" / name
        live.mkdir(parents=True)
        archive.mkdir(parents=True)
        data = (issued.leaf_pem, issued.key_pem, issued.chain_pem, issued.fullchain_pem)
        for kind, each in zip(_SHOWN, data, strict=True):
            (archive / f"{kind}1.pem").write_bytes(each)
            (archive / f"{kind}1.pem").chmod(0o600 if kind == "privkey" else 0o644)
            (live / f"{kind}.pem").symlink_to(f"../../archive/{name}/{kind}1.pem")
        usual = {"account": ACCOUNT, "server": SERVER, "authenticator": "webroot", "key_type": "ecdsa"}
        if settings.get("authenticator", "webroot") == "webroot":
            usual["webroot_path"] = f"{self.web()},"
        lines = [top, "version = 2.1.0", f"archive_dir = {archive}"]
        lines += [f"{kind} = {live}/{kind}.pem" for kind in _SHOWN]
        lines += ["[renewalparams]"]
        lines += [f"{key} = {value}" for key, value in {**usual, **settings}.items() if value is not None]
        for section, pairs in (tables or {}).items():
            lines += [f"[[{section}]]", *(f"{key} = {value}" for key, value in pairs.items())]
        return self.write(f"renewal/{name}.conf", "\n".join(lines) + "\n")

    def web(self, name: str = "www") -> Path:
        """A web root."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def account(self, contact: str | None = "mailto:me@example.com", server: str = SERVER) -> Path:
        """The account's key."""
        folder = f"accounts/{server.removeprefix('https://')}/{ACCOUNT}"
        body = {"contact": [contact]} if contact else {}
        self.write(f"{folder}/regr.json", json.dumps({"body": body, "uri": "https://ca/acct/1"}))
        key = self.write(
            f"{folder}/private_key.json", json.dumps({"kty": "RSA", "d": "CANARY-of-an-account"})
        )
        key.chmod(0o400)
        return key

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def read(self) -> Imported:
        return certbot.read(str(self.path))

    def one(self, name: str) -> Lineage:
        return next(each for each in lineages.find(str(self.path))[0] if each.name == name)

    def findings(self) -> list[str]:
        return [str(each) for each in self.read().findings]

    def loaded(self) -> Loaded:
        """What renewd understands of the file; every fault of it is a failure."""
        path = self.path.parent / "config.yaml"
        path.write_text(self.read().text)
        examined = load.examine(str(path))
        assert [str(fault) for fault in examined.faults] == []
        assert examined.loaded is not None
        return examined.loaded


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "letsencrypt"
    path.mkdir()
    (path / "renewal").mkdir()
    return Folder(path)


@pytest.fixture
def entry(folder: Folder) -> Callable[..., Any]:
    """The entry of one lineage with these settings, as renewd understands it."""

    def make(*domains: str, **settings: Any) -> Any:
        folder.lineage("a.example.com", *domains, **settings)
        return folder.loaded().targets[0].entry

    return make
