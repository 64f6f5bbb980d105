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
CERTBOT = Path(__file__).parents[2] / ".venv-certbot"


@pytest.fixture(scope="session")
def certbot():
    """The newest certbot from PyPI, in an environment of its own with this Python; made once and kept."""
    program = CERTBOT / "bin" / "certbot"
    stamp, made_with = CERTBOT / "python", sys.version
    with open(
        Path(__file__).with_name("conftest.py")
    ) as lock:  # two runs at the same time make it one after the other
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists() or not stamp.exists() or stamp.read_text() != made_with:
            try:
                install(CERTBOT)
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"certbot cannot be installed: {getattr(error, 'stderr', error)}")
            stamp.write_text(made_with)
    return program


def install(folder):
    def step(*command):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    shutil.rmtree(folder, ignore_errors=True)
    if shutil.which("uv"):
        step("uv", "venv", "-q", "-p", sys.executable, folder)
        step("uv", "pip", "install", "-q", "-p", folder / "bin" / "python", "certbot")
    else:
        step(sys.executable, "-m", "venv", folder)
        step(folder / "bin" / "python", "-m", "pip", "install", "-q", "certbot")


def test_check_on_one_certificate(tmp_path, certbot, table):
    alone = Population.settle(tmp_path, 1)
    renewd = Path(sys.executable).with_name("renewd")
    commands = ([renewd, "--config", alone.write(alone.listed()), "check"], [certbot, "--version"])
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for command in commands:
        run(command, environment)  # from here on both find their bytecode, as where pip installed them
    ran = [
        [run(command, environment) for command in (commands if turn % 2 else commands[::-1])][
            :: 1 if turn % 2 else -1
        ]
        for turn in range(ROUNDS)
    ]
    processor = Ratio(*zip(*[(ours.processor, theirs.processor) for ours, theirs in ran], strict=True))
    wall = Ratio(*zip(*[(ours.wall, theirs.wall) for ours, theirs in ran], strict=True))
    table.add("check of one, whole process / certbot --version", processor.value, BOUND, processor)
    table.add("the same by the clock on the wall", wall.value, None, wall)
    assert processor.value <= BOUND
