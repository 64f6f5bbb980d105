"""The world of the acceptance tests: the sandbox and the real time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A sandbox and a folder."""
    world = World(tmp_path)
    yield world
    world.close()
