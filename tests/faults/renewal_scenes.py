"""Machines on which a whole renewal is due, in each of the layouts, and the process that renews them under strace."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from renewd.config import load
from renewd.install import layouts
from renewd.sandbox.records import Holding
from tests.certificates import spki
from tests.clocks import START, FakeClock
from tests.issuing_ca import IssuingCa
from tests.world import World

NAME = "contoso.example"
FILES = (
    "mkdir,mkdirat,openat,write,pwrite64,writev,fsync,fdatasync,fchmod,fchmodat,chmod,fchown,rename,renameat,renameat2,"
    "symlink,symlinkat,unlink,unlinkat,rmdir,ftruncate,fallocate"
)
CALLS = "connect,sendto,recvfrom"  # of the network
ROUNDS = 30  # passes after a fault until it must be settled

LAYOUTS: dict[str, list[dict[str, Any]]] = {
    "a versioned folder": [{"directory": "@/live"}],
    "the file names of RCL's daemon": [{"directory": "@/live", "layout": "rcl"}],
    "fixed files in two folders": [{"files": {"key": "@/a/key.pem", "fullchain": "@/b/chain.pem"}}],
    "two places": [
        {"directory": "@/live"},
        {"files": {"key": "@/a/key.pem", "fullchain": "@/a/chain.pem"}},
    ],
}
BESIDES = [  # who issues beside V7, and into what
    ("ACME", "a versioned folder"),
    ("ACME", "fixed files in two folders"),
]
DUE_AFTER = timedelta(days=20)  # then little is left of what is live


class Worker:
    """The process whose children renew; `work` without strace, `traced` with."""

    def __init__(self, first: Mapping[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.renewal_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.first = self._ask(first)

    def work(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """A whole run of a child, and what it said."""
        return self._ask({**order, "stops": False})

    def traced(self, order: Mapping[str, Any], folder: Path, *options: str) -> dict[str, Any]:
        """The same under strace with these options; `said` is None if it was killed."""
        pid = self._ask({**order, "stops": True})["pid"]
        strace = subprocess.Popen(
            ["strace", "-p", str(pid), *options], stderr=subprocess.PIPE, text=True, cwd=folder
        )
        assert strace.stderr is not None
        attached = strace.stderr.readline()
        assert "attached" in attached, attached
        os.kill(pid, signal.SIGCONT)
        result = self._hear()
        strace.communicate()
        return result

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        heard: dict[str, Any] = json.loads(self.process.stdout.readline())
        return heard

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


class Portal:
    """RCL, by V7."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.sandbox.seed(NAME, days_left=40)
        self.keys: dict[str, Any] = {}

    def keep(self) -> None:
        """It is to be again as it is now."""
        self._kept = self._holding()

    def again(self) -> None:
        """It is as it was."""
        portal = self._world.sandbox.portal
        portal.orders.clear()
        portal.calls.clear()
        portal.holdings[NAME] = replace(self._kept, generations=list(self._kept.generations))

    def _holding(self) -> Holding:
        held = self._world.sandbox.portal.holdings[NAME]
        return replace(held, generations=list(held.generations))

    @property
    def issued(self) -> list[x509.Certificate]:
        """Every leaf since then."""
        holding = self._world.sandbox.portal.holdings[NAME]
        return [generation.leaf for generation in holding.generations[len(self._kept.generations) :]]

    @property
    def orders(self) -> int:
        """How many were made since then."""
        return self._world.calls(NAME, "order")

    def close(self) -> None:
        """It ends with its world."""


class Acme:
    """An ACME CA that looks for proofs in the web root."""

    def __init__(self, clock: FakeClock, www: Path) -> None:
        self._ca = IssuingCa(clock=clock, webroot=www, lifetime=DUE_AFTER * 1.25)
        issuer = {"type": "acme", "directory": self._ca.url, "agree_terms": True, "trust": "none"}
        self.keys = {"issuers": {"ca": issuer}}

    def keep(self) -> None:
        self._kept = list(self._ca.made)

    def again(self) -> None:
        self._ca.forget()
        self._ca.made.extend(self._kept)

    @property
    def issued(self) -> list[x509.Certificate]:
        return self._ca.issued[len(self._kept) :]

    @property
    def orders(self) -> int:
        return self._ca.orders

    def close(self) -> None:
        self._ca.close()


class Scene:
    """A machine whose certificate is due, that can be had again as it was at the start; `by` issues."""

    def __init__(self, folder: Path, layout: str, by: str) -> None:
        folder.mkdir()
        self.machine, self.kept, self.log = folder / "machine", folder / "kept", folder / "log"
        self.www, self.seen = self.machine / "www", self.machine / "seen"
        self.www.mkdir(parents=True)
        self.seen.mkdir()
        self.clock = FakeClock(START - DUE_AFTER)  # keys of orders bear the machine's own time
        self.world = World(folder, self.clock)
        self.web = ThreadingHTTPServer(
            ("127.0.0.1", self.world.sandbox.http_port), partial(Quiet, directory=str(self.www))
        )
        Thread(target=self.web.serve_forever, args=(0.05,), daemon=True).start()
        self.service = Acme(self.clock, self.www) if by == "ACME" else Portal(self.world)
        self.config = self._configured(layout)
        self.target = load.load(self.config).targets[0]
        self.shown = [dict(layouts.shown(place)) for place in self.target.places]
        self._write_hooks()
        self.worker = Worker(self.order)
        assert [row[1] for row in self.worker.first["outcomes"]] in (["adopted"], ["renewed"]), (
            self.worker.first
        )
        self.old = self.live()
        self.clock.advance(DUE_AFTER)
        self.began = self.clock.now()
        for path in self.seen.iterdir():
            path.unlink()
        shutil.copytree(self.machine, self.kept, symlinks=True)
        self.service.keep()
        self.service.again()

    def close(self) -> None:
        self.worker.close()
        self.web.shutdown()
        self.web.server_close()
        self.service.close()
        self.world.close()

    def _configured(self, layout: str) -> str:
        install = json.loads(json.dumps(LAYOUTS[layout]).replace("@", str(self.machine)))
        challenge = {"type": "http-01", "webroot": str(self.www), "self_check": "off"}
        hooks = {hook: str(self.machine / f"{hook}.sh") for hook in ("check", "reload", "post")}
        entry = self.world.entry(NAME, install=install, challenge=challenge, hooks=hooks)
        state = str(self.machine / "state")
        return self.world.write(entry, state_directory=state, **self.service.keys)

    def _write_hooks(self) -> None:
        """Each hook keeps what it sees: of every place the key and the certificates."""
        for hook in ("check", "reload", "post"):
            script = self.machine / f"{hook}.sh"
            places = "".join(
                f'cat "{shown["key"]}" "{shown["fullchain"]}" >"{self.seen}/$n-{hook}-{number}"\n'
                for number, shown in enumerate(self.shown)
            )
            script.write_text(f'#!/bin/sh -e\nn=$(ls "{self.seen}" | wc -l)\n{places}')
            script.chmod(0o700)

    @property
    def order(self) -> dict[str, Any]:
        return {"config": self.config, "now": self.clock.now().isoformat()}

    def again(self) -> None:
        """Everything as it was: the disk, the service, the time."""
        shutil.rmtree(self.machine)
        shutil.copytree(self.kept, self.machine, symlinks=True)
        self.clock.step(self.began - self.clock.now())
        self.service.again()

    def points(self, calls: str) -> list[tuple[str, int]]:
        """Each such call of a whole renewal, as (system call, how many of that call came before)."""
        self.again()
        result = self.traced("-o", str(self.log), "-e", f"trace={calls}")
        assert [row[1] for row in result["said"]["outcomes"]] == ["renewed"], result
        counted: dict[str, Iterator[int]] = {}
        found = []
        for line in self.log.read_text().splitlines():
            call = re.match(r"(\w+)\(", line)
            if call is None:
                continue
            turn = next(counted.setdefault(call[1], count(1)))
            if call[1] != "openat" or "O_CREAT" in line:
                found.append((call[1], turn))
        return found[:-1]  # the last is the worker's own, that says how it went

    def traced(self, *options: str) -> dict[str, Any]:
        return self.worker.traced(self.order, self.machine.parent, *options)

    def settle(self) -> list[dict[str, Any]]:
        """Passes, each when the one before asked for it, until there is nothing left to do; what they said."""
        told = []
        for _ in range(ROUNDS):
            result = self.worker.work(self.order)
            assert result["status"] == 0, result
            told.append(result["said"])
            assert told[-1]["whole"], "recovery needs a person"
            self.clock.step(max(timedelta(), datetime.fromisoformat(told[-1]["now"]) - self.clock.now()))
            if not told[-1]["outcomes"] and not told[-1]["error"]:
                return told
            times = [datetime.fromisoformat(row[3]) for row in told[-1]["outcomes"] if row[3]]
            until = min(times, default=self.clock.now()) - self.clock.now()
            self.clock.advance(max(timedelta(seconds=1), until))
        raise AssertionError(f"it never ends: {told}")

    # What must be so

    def live(self) -> x509.Certificate:
        """What all places show; a torn set fails."""
        found = {self._place(shown) for shown in self.shown}
        assert len(found) == 1, "the places differ"
        return found.pop()

    def bytes(self) -> dict[str, bytes]:
        """Every file that is shown."""
        return {
            path: Path(path).read_bytes()
            for shown in self.shown
            for path in shown.values()
            if os.path.exists(path)
        }

    def folders_hold(self) -> None:
        """A folder of links is whole at any time, before recovery too."""
        for place, shown in zip(self.target.places, self.shown, strict=True):
            if place.directory is not None:
                self._place(shown)

    @staticmethod
    def _place(shown: Mapping[str, str]) -> x509.Certificate:
        return pair(Path(shown["key"]).read_bytes() + Path(shown["fullchain"]).read_bytes())

    def hooks_saw(self) -> list[tuple[str, x509.Certificate]]:
        """Which hook saw what, in their order; what a killed renewd's hook had not finished to write is left out."""
        kept = sorted(self.seen.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [(path.name.split("-")[1], pair(path.read_bytes())) for path in kept if path.stat().st_size]

    def is_settled(self, *, tidy: bool = True) -> None:
        """Renewed once, live everywhere, loaded by the server after that; and if `tidy` no token left lying about."""
        new = self.live()
        assert self.service.issued == [new]
        saw = self.hooks_saw()
        for hook in ("check", "reload", "post"):
            assert [leaf for name, leaf in saw if name == hook][-1] == new, (
                f"{hook} did not run after the last switch"
            )
        assert {leaf for _, leaf in saw} <= {self.old, new}
        assert self.service.orders <= 2
        assert not tidy or not [path for path in self.www.rglob("*") if path.is_file()], "a token was left"


@cache
def pair(pem: bytes) -> x509.Certificate:
    """The leaf; a key of another certificate fails."""
    begins = pem.index(b"-----BEGIN CERTIFICATE")
    leaf = x509.load_pem_x509_certificate(pem[begins:])
    assert spki(load_pem_private_key(pem[:begins], None)) == spki(leaf), "torn: key and certificate differ"
    return leaf


@contextmanager
def scene(folder: Path, layout: str, by: str = "V7") -> Iterator[Scene]:
    """A machine, ended with the block."""
    one = Scene(folder, layout, by)
    try:
        yield one
    finally:
        one.close()


ALL = os.environ.get("RENEWD_SWEEP") == "all"
PARTS = 16 if ALL else 1  # each a test of its own, as one that takes minutes counts as hanging


def sample(points: Sequence[tuple[str, int]], part: int, every: int) -> Sequence[tuple[str, int]]:
    """What this part of the sweep takes: every point where all are wanted, else every so many-th."""
    return points[part::PARTS] if ALL else points[len(points) % every :: every]
