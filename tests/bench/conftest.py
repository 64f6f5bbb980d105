"""What the benches share, and the table that they end with."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from renewd.config import load
from renewd.config.load import Loaded
from tests.bench import certbot as certbots
from tests.bench.population import Population
from tests.bench.table import Table

MANY = 10_000
_TABLE = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLE] = Table()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    table = config.stash[_TABLE]
    if table.rows:
        terminalreporter.section("benches")
        for line in table.lines():
            terminalreporter.line(line)


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    """Where figures go."""
    return request.config.stash[_TABLE]


@pytest.fixture(scope="session")
def certbot() -> Path:
    """The newest certbot's program."""
    return certbots.program()


@pytest.fixture(scope="session")
def population() -> Iterator[Population]:
    """Ten thousand certificates, all well but one in a hundred that is due; in memory, where that can be."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=shared, prefix="renewd-bench-") as folder:
        yield Population.settle(Path(folder), MANY)


@pytest.fixture
def fresh(population: Population) -> Callable[[], Loaded]:
    """Loads their configuration anew: nothing is known of any target yet."""
    path = population.write(population.listed())

    def again() -> Loaded:
        return load.load(path)

    return again
