"""The world of the renewal tests: the real issuer, journal and installer against the sandbox, on a clock that tests move."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clocks import FakeClock
from tests.world import World


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A sandbox and a folder, on the fake clock."""
    world = World(tmp_path, clock)
    yield world
    world.close()
