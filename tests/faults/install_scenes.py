"""Machines to install on, in each of the ways there are, and the process that installs under strace."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from renewd.config.model import Certificate
from renewd.config.targets import Target
from renewd.install import layouts
from renewd.install.installer import Installer, Source
from tests.certificates import Authority, Issued, spki
from tests.clocks import FakeClock

NAME = "contoso.com"
AUTHORITY = Authority.new()
OLD, NEW = AUTHORITY.issue(NAME), AUTHORITY.issue(NAME)


class Worker:
    """The process whose children install; one for a module, as it takes long to start."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.install_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.tell({"name": NAME, "pem": combined(NEW)})

    def tell(self, order: dict) -> dict:
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> dict:
        return json.loads(self.process.stdout.readline())

    def install(self, order: dict, *options: str) -> dict:
        """Install in a child under strace with these options; its exit status and what it said."""
        pid = self.tell(order)["pid"]
        strace = subprocess.Popen(
            ["strace", "-p", str(pid), *options],
            stderr=subprocess.PIPE,
            text=True,
            cwd=order["state"] + "/..",
        )
        attached = strace.stderr.readline()
        assert "attached" in attached, attached
        os.kill(pid, signal.SIGCONT)
        result = self.hear()
        strace.communicate()
        return result

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@contextmanager
def working() -> Iterator[Worker]:
    """A worker, ended at the end."""
    one = Worker()
    try:
        yield one
    finally:
        one.close()


def combined(issued: Issued) -> str:
    return (issued.fullchain_pem + issued.key_pem).decode()


class Scene:
    """A machine's folder with the old certificate live, in one of the ways that there are."""

    def __init__(self, folder: Path, install: list[dict], *, foreign: bool, empty: bool) -> None:
        self.folder = folder
        self.install = json.loads(json.dumps(install).replace("@", str(folder)))
        self.target = Target(NAME, Certificate(name=NAME, install=self.install), "rcl")
        self.clock = FakeClock()
        self.installer = Installer(f"{folder}/state", self.clock)
        self.shown = [dict(layouts.shown(place)) for place in self.target.places]
        self.empty = empty
        (folder / "state").mkdir(parents=True, mode=0o700)
        if foreign:
            self._put_foreign()
        elif not empty:
            version = self.installer.stage(self.target, OLD.bundle, Source("rcl"))
            self.installer.switch(self.target, version)
            self.clock.advance(timedelta(days=60))
        self.order = {
            "state": f"{folder}/state",
            "name": NAME,
            "install": self.install,
            "pem": combined(NEW),
        }

    def _put_foreign(self) -> None:
        parts = {
            "key": OLD.key_pem,
            "cert": OLD.leaf_pem,
            "chain": OLD.chain_pem,
            "fullchain": OLD.fullchain_pem,
        }
        for shown in self.shown:
            for kind, path in shown.items():
                if kind in parts:
                    Path(path).parent.mkdir(exist_ok=True)
                    Path(path).write_bytes(parts[kind])

    def live(self) -> list[Issued | None]:
        """What each place shows; a torn set fails."""
        return [self._shown(shown) for shown in self.shown]

    def _shown(self, shown: dict[str, str]) -> Issued | None:
        found = {kind: Path(path).read_bytes() for kind, path in shown.items() if os.path.exists(path)}
        if not found and self.empty:
            return None
        assert {"key", "fullchain"} <= set(found), found.keys()
        leaf = x509.load_pem_x509_certificate(found["fullchain"])
        assert spki(load_pem_private_key(found["key"], None)) == spki(leaf), "key and certificate differ"
        return next(issued for issued in (OLD, NEW) if issued.leaf == leaf)

    def links_hold(self) -> None:
        """Directories of links are whole even before recovery."""
        for place, shown in zip(self.target.places, self.shown, strict=True):
            if place.directory is not None and os.path.lexists(f"{place.directory}/current"):
                found = {kind: path for kind, path in shown.items() if os.path.lexists(path)}
                if found or not self.empty:
                    self._matching(found)

    def _matching(self, found: dict[str, str]) -> None:
        if not self.empty:
            assert {"key", "fullchain"} <= set(found)
        if {"key", "fullchain"} <= set(found):
            self._shown(found)

    def leftovers(self) -> list[str]:
        names = [
            os.path.join(top, name) for top, dirs, files in os.walk(self.folder) for name in dirs + files
        ]
        return [name for name in names if os.path.basename(name).startswith(".") or "/intents/" in name]


SCENES = {
    "a directory of links": ([{"directory": "@/live"}], False, False),
    "a directory with the names of RCL's daemon": ([{"directory": "@/live", "layout": "rcl"}], False, False),
    "fixed files over two folders": (
        [{"files": {"key": "@/a/key.pem", "fullchain": "@/b/chain.pem"}}],
        False,
        False,
    ),
    "fixed files in one folder": (
        [
            {
                "files": {
                    "key": "@/a/key.pem",
                    "cert": "@/a/cert.pem",
                    "chain": "@/a/chain.pem",
                    "fullchain": "@/a/fullchain.pem",
                    "combined": "@/a/combined.pem",
                    "pfx": "@/a/all.pfx",
                }
            }
        ],
        False,
        False,
    ),
    "a folder that somebody else filled": ([{"directory": "@/live"}], True, False),
    "fixed files that somebody else wrote": (
        [{"files": {"key": "@/a/key.pem", "fullchain": "@/a/chain.pem"}}],
        True,
        False,
    ),
    "a folder and files together": (
        [
            {"directory": "@/live", "layout": "rcl"},
            {"files": {"key": "@/a/key.pem", "fullchain": "@/a/chain.pem"}},
        ],
        False,
        False,
    ),
    "a first install into nothing": (
        [{"directory": "@/live"}, {"files": {"key": "@/a/k", "fullchain": "@/a/c"}}],
        False,
        True,
    ),
}


class Stage:
    """Scenes of one kind, each in a fresh copy of the same folder at the same path."""

    def __init__(self, folder: Path, kind: str) -> None:
        install, foreign, empty = SCENES[kind]
        self.folder = folder / "machine"
        self.kept = folder / "kept"
        self.scene = Scene(self.folder, install, foreign=foreign, empty=empty)
        shutil.copytree(self.folder, self.kept, symlinks=True)

    def again(self) -> Scene:
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder, symlinks=True)
        return self.scene
