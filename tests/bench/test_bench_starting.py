"""`renewd check` from start to end, by how long certbot takes to say its version."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.population import Population
from tests.bench.rounds import Ratio, run

pytestmark = pytest.mark.bench

BOUND = 1
ROUNDS = 15
ROOT = Path(__file__).parents[2]
CERTBOT = ROOT / ".venv-certbot"


@pytest.fixture(scope="session")
def certbot():
    """The newest certbot from PyPI, in an environment of its own with this Python; made once and kept."""
    stamp, made = CERTBOT / "made", f"{CERTBOT} {sys.version}"
    with open(ROOT / "pyproject.toml") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at the same time make it one after the other
        if not stamp.exists() or stamp.read_text() != made:
            try:
                install(CERTBOT)
            except subprocess.CalledProcessError as error:
                pytest.fail(f"certbot cannot be installed: {error.stderr}")
            stamp.write_text(made)
    return CERTBOT / "bin" / "certbot"


def install(folder):
    """As tests/setup does: by uv where there is one, else by pip."""
    shutil.rmtree(folder, ignore_errors=True)
    for uv in ("uv", ROOT / ".venv-uv" / "bin" / "uv"):
        try:
            step(uv, "--version")
        except (OSError, subprocess.CalledProcessError):
            continue
        step(uv, "venv", "-q", "-p", sys.executable, folder)
        step(uv, "pip", "install", "-q", "-p", folder / "bin" / "python", "certbot")
        return
    step(sys.executable, "-m", "venv", folder)
    step(folder / "bin" / "python", "-m", "pip", "install", "-q", "certbot")


def step(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_check_on_one_certificate(tmp_path, certbot, table):
    alone = Population.settle(tmp_path, 1)
    renewd = Path(sys.executable).with_name("renewd")
    check, version = [renewd, "--config", alone.write(alone.listed()), "check"], [certbot, "--version"]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for command in (check, version):
        run(command, environment)  # from here on both find their bytecode, as where pip installed them
    rounds = [(run(check, environment), run(version, environment)) for _ in range(ROUNDS)]
    processor = Ratio(*zip(*[(ours.processor, theirs.processor) for ours, theirs in rounds], strict=True))
    wall = Ratio(*zip(*[(ours.wall, theirs.wall) for ours, theirs in rounds], strict=True))
    said = subprocess.run(version, capture_output=True, text=True, check=True).stdout.strip()
    table.add(f"check of one, whole process / {said}'s --version", processor.value, BOUND, processor)
    table.add("the same by the clock on the wall", wall.value, None, wall)
    assert processor.value <= BOUND
