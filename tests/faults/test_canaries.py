"""Secrets are planted wherever renewd gets any, everything goes wrong that can, and nothing of them is found anywhere."""

import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from renewd.renewal import passes
from renewd.report import log
from tests.clocks import FakeClock
from tests.faults import figures
from tests.faults.hostile.canaries import Canaries
from tests.faults.planted import AtAcme, AtRcl, Faults
from tests.programs import renewd, running
from tests.world import World

ROOT = Path(__file__).parents[2]
ALL = os.environ.get("RENEWD_SWEEP") == "all"
WORLDS: dict[str, Callable[..., AtRcl | AtAcme]] = {
    "V7": AtRcl,
    "V8": partial(AtRcl, v8=True),
    "ACME": AtAcme,
}

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


@pytest.mark.fault(98)
@pytest.mark.parametrize(
    ("where", "journal"), [("V7", "SQLite"), ("V8", "PostgreSQL"), ("ACME", "PostgreSQL")]
)
def test_nothing_that_goes_wrong_tells_a_secret(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    clock: FakeClock,
    logged: io.StringIO,
    where: str,
    journal: str,
):
    database = request.getfixturevalue("postgres") if journal == "PostgreSQL" else None
    world = WORLDS[where](tmp_path, clock, database=database)
    try:
        chosen = world.faults if ALL else world.faults[::13]
        shown = [everything_goes_wrong(world, clock, chosen)]
        path = world.write(*(f"n{number}.example" for number in range(3)))
        shown += world.said(path, "n0.example")
        shown += world.page(path)
        leaks = world.leaks()
        told = world.canaries.found(*shown, logged.getvalue())
        figures.record("canaries", faults=len(chosen), found=len(told) + len(leaks))
        assert world.canaries.kinds == {*world.planted, *(["database password"] if database else [])}
        live = [file.read_bytes() for file in world.folder.rglob("privkey*.pem")]
        assert "private key" in world.canaries.found(*live)
        assert told == set()
        assert leaks == set()
        assert world.sandbox.downloads.bearer_seen == 0
    finally:
        world.close()


@pytest.mark.fault(98)
def test_eight_kinds_of_secrets_are_planted():
    planted = {*AtRcl.planted, *AtAcme.planted, "database password"}
    figures.record("canaries", planted=len(planted))
    assert len(planted) == 8


def everything_goes_wrong(world: AtRcl | AtAcme, clock: FakeClock, faults: Faults) -> str:
    """What events, errors and values show of renewals of which each meets another fault, and of one that meets none."""
    write = log.subscriber()
    shown = []
    for number, fault in enumerate([*faults, None]):
        name = f"n{number}.example"
        world.seed(name)
        if fault is not None:
            world.arm(*fault)
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
        world.calm()
        clock.advance(timedelta(minutes=20))  # a breaker would hide the next fault
    return "\n".join(shown)


@pytest.mark.fault(98)
def test_the_processes_tell_no_secret(tmp_path: Path):
    world = AtRcl(tmp_path)
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
        assert seen.exists()
        assert world.canaries.found(argv, *shown) == set()
        assert world.leaks() == set()
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
    world = AtRcl(tmp_path)
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
