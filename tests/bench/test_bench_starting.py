"""`renewd check` from start to end, by how long certbot takes to say its version."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.population import Population
from tests.bench.rounds import Ratio, run

pytestmark = pytest.mark.bench

BOUND = 1
ROUNDS = 15


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
