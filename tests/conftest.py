"""Fixtures that several parts of the tests share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import containers, images
from tests import postgres as postgresql
from tests.clocks import FakeClock
from tests.containers import Engine
from tests.nameservers import NameServer
from tests.pebble import Pebble
from tests.servers import Haproxy, Nginx, Server, Site

# No time limit for an example: never a wall-clock time in a test.
settings.register_profile("renewd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("renewd")


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """A command that a test runs in its own process narrows the umask: not for the tests after it."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What measures the coverage stays out of the processes that the test starts: it loads, opens and handles things."""
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def _servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        server.stop()


@pytest.fixture
def nginx(tmp_path_factory: pytest.TempPathFactory, _servers: list[Server]) -> Callable[..., Nginx]:
    """A real nginx that serves these sites, ended with the test."""

    def make(*sites: Site, webroot: str | Path | None = None, start: bool = True) -> Nginx:
        server = Nginx(tmp_path_factory.mktemp("nginx"), sites, webroot)
        _servers.append(server)
        if start:
            server.start()
        return server

    return make


@pytest.fixture
def haproxy(tmp_path_factory: pytest.TempPathFactory, _servers: list[Server]) -> Callable[..., Haproxy]:
    """A real haproxy that serves this combined PEM, ended with the test."""

    def make(combined: str | Path, *, start: bool = True) -> Haproxy:
        server = Haproxy(tmp_path_factory.mktemp("haproxy"), combined)
        _servers.append(server)
        if start:
            server.start()
        return server

    return make


@pytest.fixture
def pebble(tmp_path_factory: pytest.TempPathFactory, _servers: list[Server]) -> Callable[..., Pebble]:
    """A real ACME server with these options of `Pebble`, ended with the test."""

    def make(*, start: bool = True, **options: Any) -> Pebble:
        server = Pebble(tmp_path_factory.mktemp("pebble"), **options)
        _servers.append(server)
        if start:
            server.start()
        return server

    return make


@pytest.fixture
def nameserver(tmp_path_factory: pytest.TempPathFactory, _servers: list[Server]) -> Callable[..., NameServer]:
    """A real name server of a kind (`Bind`, `Knot`) with these options of it, ended with the test."""

    def make(kind: type[NameServer], *, start: bool = True, **options: Any) -> NameServer:
        server = kind(tmp_path_factory.mktemp("nameserver"), **options)
        _servers.append(server)
        if start:
            server.start()
        return server

    return make


@pytest.fixture(scope="session")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("containers")
    with images.built(folder) as store, containers.engine(folder, store) as engine:
        yield engine


@pytest.fixture
def engine(_engine: Engine) -> Iterator[Engine]:
    """An engine with the image of this checkout; a test's containers and volumes end with it."""
    yield _engine
    _engine.clear()


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Server]:
    """A real PostgreSQL server, one for all tests of this process."""
    with postgresql.running() as server:
        yield server
