"""Secrets are planted wherever renewd gets any, everything goes wrong that can, and nothing of them is found anywhere.

The table says which are planted. An account key of ACME and an HMAC key of its external accounts have no place in renewd
yet; who gives them one plants them here.
"""

import io
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from renewd.config import load
from renewd.renewal import passes
from renewd.renewal.context import Context
from renewd.report import log, metrics, snapshot
from renewd.sandbox.faults import KINDS
from tests import pages
from tests.clocks import FakeClock
from tests.faults import figures
from tests.faults.hostile.canaries import Canaries
from tests.programs import renewd, running
from tests.world import World

ROOT = Path(__file__).parents[2]
ALL = os.environ.get("RENEWD_SWEEP") == "all"
PLANTED = ("API key", "PFX password", "pfxString", "private key", "signature of a link")
NOT_YET = ("ACME account key", "EAB HMAC key")
SLOW = {"drip", "drip-head", "huge", "gzip"}  # tell nothing else, in a longer time
FAULTS = {
    api: [
        (call, kind)
        for call in ("certificate", "order", issues, "download")
        for kind, fault in KINDS.items()
        if call in fault.calls and kind not in SLOW
    ]
    for api, issues in {"V7": "finalize", "V8": "schedule"}.items()
}
KEEPERS = ("privkey", "combined", "material", ".pfx", "api-key")  # files that hold a secret, and are to


class Planted(World):
    """A world whose secrets are all known."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.canaries = Canaries()
        self.canaries.add("API key", self.sandbox.api_key)
        self._known: set[int] = set()
        self._links = self.sandbox.downloads.links
        self.sandbox.downloads.links = self._watched  # type: ignore[method-assign]

    def _watched(self, generation):
        """Every generation of which the portal tells anything is told through here."""
        links = self._links(generation)
        numbers = generation.key.private_numbers()
        private = (
            numbers.private_value.to_bytes(32)
            if hasattr(numbers, "private_value")
            else numbers.d.to_bytes(256)
        )
        if generation.number not in self._known:
            self._known.add(generation.number)
            self.canaries.add("PFX password", generation.password)
            self.canaries.add("private key", private)
            self.canaries.add("pfxString", generation.pfx[300:380])  # from the middle of what is encrypted
        for link in links.values():
            self.canaries.add("signature of a link", parse_qs(urlsplit(link).query)["sig"][0])
        return links

    def kept(self) -> Iterator[tuple[Path, bytes]]:
        """Every file that has no business with secrets."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not any(keeper in path.name for keeper in KEEPERS):
                yield path, path.read_bytes()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged at the most talkative level, by libraries too."""
    stream = io.StringIO()
    log.configure("json", "debug", stream)
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    yield stream
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)


FORMS = (
    b"S3cret/of+th", "UzNjcmV0L29mK3RoZT10ZXN0cy0wMTIz", "x-lMzY3JldC9vZit0aGU9dGVzdHMtMDEyMw", "6f662b7468653d7465737473",
    "6F662B7468653D7465737473", "S3cret%2Fof%2Bthe%3Dtests", "UzNjcmV0L29mK3RoZT10ZXN0cy0wMTIz".replace("/", "_"),
)  # fmt: skip


@pytest.mark.fault(98)
@pytest.mark.parametrize("text", FORMS)
def test_a_secret_is_found_in_whatever_form(text: str | bytes):
    canaries = Canaries()
    canaries.add("x", "S3cret/of+the=tests-0123")
    assert canaries.found(text) == {"x"}
    assert canaries.found(text[:11], "S3cret/of+t h=tests") == set()


def the_page(path: str, clock: FakeClock) -> list[str]:
    """All that the page, the metrics and the health show of it."""
    context = Context(load.load(path), clock=clock)
    board = pages.board(clock, [])
    board.known = snapshot.take(context)
    board.metrics = metrics.certificates(board.known)
    addresses = ["/", "/metrics", "/healthz", *(f"/certificate/{slug}" for slug in board.known.by_slug)]
    try:
        with pages.served(board, read=lambda target: context.journal.history(target.identity)) as url:
            return [httpx.get(url + address).text for address in addresses]
    finally:
        context.close()


@pytest.mark.fault(98)
@pytest.mark.parametrize("api", FAULTS)
def test_nothing_that_goes_wrong_tells_a_secret(
    tmp_path: Path, clock: FakeClock, logged: io.StringIO, api: str
):
    world = Planted(tmp_path, clock, v8=api == "V8")
    try:
        shown = [everything_goes_wrong(world, clock, faults(api))]
        path = world.write(*(f"n{number}.example" for number in range(3)))
        for command in (
            ["status"],
            ["status", "--json"],
            ["history"],
            ["history", "--json"],
            ["why", "n0.example"],
        ):
            ran = renewd(path, *command, env={"RENEWD_DEBUG": "1"})
            shown += [ran.stdout, ran.stderr]
        shown += the_page(path, clock)
        leaks = {name for name, content in world.kept() if world.canaries.found(content)}
        told = world.canaries.found(*shown, logged.getvalue())
        figures.record(
            "canaries",
            planted=len(world.canaries.kinds),
            faults=len(faults(api)),
            found=len(told) + len(leaks),
        )
        assert set(world.canaries.kinds) == set(PLANTED)
        assert "private key" in world.canaries.found(
            *(path.read_bytes() for path in world.folder.rglob("privkey*.pem"))
        )
        assert told == set()
        assert leaks == set()
        assert world.sandbox.downloads.bearer_seen == 0
    finally:
        world.close()


def faults(api: str) -> list[tuple[str, str]]:
    """Those that this run arms."""
    return FAULTS[api] if ALL else FAULTS[api][::13]


def everything_goes_wrong(world: Planted, clock: FakeClock, faults: Sequence[tuple[str, str]]) -> str:
    """What events, errors and values show of renewals of which each meets another fault."""
    write = log.subscriber()
    shown = []
    echo = f"text-400=Bearer {world.sandbox.api_key}, or {quote(world.sandbox.api_key)}, is no key"
    issues = "schedule" if world.v8 else "finalize"
    for number, (call, kind) in enumerate([("certificate", echo), (issues, echo), *faults]):
        name = f"n{number}.example"
        world.sandbox.seed(name, days_left=None)
        world.sandbox.fault(call, kind)
        world.events.clear()
        context = world.context(name)
        try:
            shown.append(repr(passes.run(context, context.loaded.targets)))
        except Exception as error:  # noqa: BLE001 - its words are what is looked at
            shown.append("".join(traceback.format_exception(error)))
        for event in world.events:
            write(event)
            shown.append(repr(event))
        context.close()
        world.sandbox.faults.clear()
        clock.advance(timedelta(minutes=20))  # a breaker would hide the next fault
    return "\n".join(shown)


@pytest.mark.fault(98)
def test_the_processes_tell_no_secret(tmp_path: Path):
    world = Planted(tmp_path)
    try:
        seen = tmp_path / "seen"
        hook = f"sh -c 'env >> {seen}; cat /proc/[0-9]*/cmdline >> {seen}; echo of-the-hook'"
        for name in ("a.example", "b.example", "c.example"):
            world.sandbox.seed(name, days_left=None)
        world.sandbox.fault("finalize", "wrong-key")
        entries = [
            world.entry(name, hooks={"reload": hook}) for name in ("a.example", "b.example", "c.example")
        ]
        path = world.write(*entries, log={"level": "debug", "format": "json"})
        with running(path) as daemon:
            daemon.wait_for("pass.ended")
            argv = Path(f"/proc/{daemon.process.pid}/cmdline").read_bytes()
            shown = [renewd(path, "status", "--json").stdout, json.dumps(daemon.lines)]
        ran = renewd(path, "renew", "--force", "a.example", env={"RENEWD_DEBUG": "1"})
        shown += [ran.stdout, ran.stderr]
        assert b"of-the-hook" in b"".join(content for _, content in world.kept()) or seen.exists()
        leaks = {name for name, content in world.kept() if world.canaries.found(content)}
        assert world.canaries.found(argv, *shown) == set()
        assert leaks == set()
    finally:
        world.close()


PASSWORD = "p4ssw0rd-0f-the-c0nfiguration"
ADDRESSES = {
    "the database": lambda text: text + f"state: postgresql+psycopg://renewd:{PASSWORD}@127.0.0.1:1/x?connect_timeout=2\n",
    "a database of no known kind": lambda text: text + f"state: nosql://renewd:{PASSWORD}@127.0.0.1/x\n",
    "a database whose port is none": lambda text: text + f"state: postgresql+psycopg://renewd:{PASSWORD}@127.0.0.1:99999/x\n",
    "a proxy": lambda text: text.replace("    base_url:", f"    proxy: http://me:{PASSWORD}@127.0.0.1:1\n    base_url:"),
    "a proxy of no known kind": lambda text: text.replace("    base_url:", f"    proxy: gopher://me:{PASSWORD}@127.0.0.1:1\n    base_url:"),
    "the API's address": lambda text: text.replace("    base_url: http://", f"    base_url: http://me:{PASSWORD}@"),
}  # fmt: skip


COMMANDS = (["validate"], ["renew"], ["status", "--json"], ["why", "a.example"], ["preflight"])
TAKEN = list(ADDRESSES) if ALL else list(ADDRESSES)[::2]


@pytest.mark.fault(98)
@pytest.mark.parametrize("plant", [ADDRESSES[name] for name in TAKEN], ids=TAKEN)
def test_a_password_in_the_configuration_is_told_by_no_command(tmp_path: Path, plant: Callable[[str], str]):
    world = World(tmp_path)
    try:
        canaries = Canaries()
        canaries.add("password", PASSWORD)
        path = Path(world.write("a.example", log={"level": "debug"}))
        world.sandbox.seed("a.example", days_left=None)
        text = plant(path.read_text())
        assert PASSWORD in text
        path.write_text(text)
        for command in COMMANDS if ALL else COMMANDS[:2]:
            ran = renewd(str(path), *command, env={"RENEWD_DEBUG": "1"})
            assert canaries.found(ran.stdout, ran.stderr) == set(), ran.stderr
        assert (
            canaries.found(
                *(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file != path)
            )
            == set()
        )
    finally:
        world.close()


CRASH = """
import sys
def boom(*_, **__):
    raise RuntimeError("something that nobody thought of")
from renewd.certs import gate
gate.judge = gate.assemble = boom
from renewd.cli.main import main
main()
"""


@pytest.mark.fault(65, 98)
def test_a_crash_tells_no_secret(tmp_path: Path):
    world = Planted(tmp_path)
    try:
        world.sandbox.seed("a.example", days_left=None)
        path = world.write("a.example")
        crash = tmp_path / "crash.py"
        crash.write_text(CRASH)
        ran = subprocess.run(
            [sys.executable, str(crash), "--config", path, "renew"],
            env={**os.environ, "RENEWD_DEBUG": "1", "PYTHONFAULTHANDLER": "1", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 1
        assert "something that nobody thought of" in ran.stdout + ran.stderr
        assert world.canaries.found(ran.stdout, ran.stderr) == set()
    finally:
        world.close()
