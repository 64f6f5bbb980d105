"""The pages for man(1) are made from what the commands say of themselves."""

import subprocess
import sys
from pathlib import Path

from renewd.cli.main import COMMANDS
from tests.programs import LONG

ROOT = Path(__file__).parents[2]


def pages(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_the_pages_are_current(tmp_path: Path):
    """If not: .venv/bin/python scripts/man."""
    script = [sys.executable, str(ROOT / "scripts/man"), str(tmp_path)]
    subprocess.run(script, check=True, timeout=LONG, stdin=subprocess.DEVNULL)
    assert pages(ROOT / "man") == pages(tmp_path)


def test_every_command_for_people_has_one_and_is_listed():
    found = pages(ROOT / "man")
    for name in set(COMMANDS) - {"receive"}:
        assert f"renewd-{name}.1" in found
        assert f"renewd\\-{name.replace('-', chr(92) + '-')}(1)" in found["renewd.1"]
    assert "renewd-receive.1" not in found


def test_the_pages_that_the_units_name_are_there():
    found = pages(ROOT / "man")
    for unit in (ROOT / "systemd").glob("*.service"):
        named = [
            line.removeprefix("Documentation=man:")
            for line in unit.read_text().splitlines()
            if "man:" in line
        ]
        assert {name.replace("(1)", ".1") for name in named} <= set(found)
