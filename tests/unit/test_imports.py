"""What is not loaded until it is needed: that is what makes a look quick to start and an idle daemon small."""

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

from tests.certificates import Authority

LISTED = re.compile(r"import time:.*\| *([\w.]+)")
RENEWING = {"httpx", "httpcore", "h11", "sqlalchemy", "alembic", "sqlite3", "renewd.issuers.rcl", "renewd.journal.database"}  # fmt: skip
SHOWING = {"rich.console", "pygments"}  # that rich is tried in vain is listed too
LIVING = {"apscheduler", "structlog", "asyncio", "multiprocessing", "renewd.daemon", "renewd.renewal.passes"}
SERVING = {"uvicorn", "starlette", "jinja2", "prometheus_client", "renewd.report.web.page"}
NEVER = {"renewd.sandbox", "importlib.metadata"}  # the last looks through all that is installed


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration with one certificate, which is well."""
    folder = tmp_path_factory.mktemp("imports")
    live = folder / "live"
    live.mkdir()
    issued = Authority.new().issue("a.example")
    (live / "fullchain.pem").write_bytes(issued.fullchain_pem)
    (live / "privkey.pem").write_bytes(issued.key_pem)
    secret = folder / "api-key"
    secret.write_text("a-key-that-is-never-used")
    secret.chmod(0o600)
    whole = {
        "issuers": {"rcl": {"type": "rcl", "subscription_id": "s", "api_key": {"file": str(secret)}}},
        "certificates": [{"name": "a.example", "install": {"directory": str(live)}}],
        "state_directory": str(folder / "state"),
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(whole))
    config.chmod(0o600)
    return str(config)


pytestmark = pytest.mark.usefixtures("uncounted")


def loaded(text: str) -> Iterator[str]:
    """The modules in what `-X importtime` writes."""
    return (match[1] for match in map(LISTED.match, text.splitlines()) if match)


def among(modules: set[str], unwanted: set[str]) -> set[str]:
    """Which of the unwanted are there, with their parts or without."""
    return {module for module in unwanted if any(f"{each}.".startswith(f"{module}.") for each in modules)}


@pytest.mark.parametrize("form", [(), ("--json",), ("--quiet",)])
def test_check_loads_no_network_no_scheduler_no_database_and_nothing_colourful(path, form):
    command = [sys.executable, "-X", "importtime", "-m", "renewd", "--config", path, "check", *form]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    modules = set(loaded(ran.stderr))
    assert {"renewd.config.load", "renewd.install.live"} <= modules
    assert (
        among(modules, RENEWING | SHOWING | LIVING | SERVING | NEVER | {"http", "subprocess", "ssl"}) == set()
    )


def test_a_health_check_loads_next_to_nothing_since_it_is_run_each_minute(path):
    command = [sys.executable, "-X", "importtime", "-m", "renewd", "--config", path, "health"]
    with subprocess.Popen([*command[:-1], "run"], stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        *_, _ = itertools.takewhile(lambda line: '"pass.ended"' not in line, daemon.stderr)
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        daemon.terminate()
        daemon.stderr.read()
    modules = set(loaded(ran.stderr))
    assert "renewd.daemon.health" in modules
    unwanted = RENEWING | SHOWING | SERVING | NEVER | {"apscheduler", "structlog", "asyncio"}
    unwanted |= {
        "pydantic",
        "cryptography",
        "subprocess",
        "ssl",
        "http",
        "renewd.renewal",
        "renewd.config.load",
    }
    assert among(modules, unwanted) == set()


def test_an_idle_daemon_loads_nothing_that_only_a_renewal_or_a_terminal_needs(path):
    command = [sys.executable, "-X", "importtime", "-m", "renewd", "--config", path, "run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        told = list(itertools.takewhile(lambda line: '"pass.ended"' not in line, daemon.stderr))
        daemon.terminate()
    modules = set(loaded("".join(told)))
    assert {"apscheduler", "structlog", "renewd.renewal.passes"} <= modules
    assert among(modules, RENEWING | SHOWING | SERVING | {"renewd.sandbox"}) == set()
    assert daemon.returncode == 0


def test_a_renewal_loads_an_http_client_without_its_command_line():
    code = "import sys, renewd.issuers.rcl; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    modules = set(ran.stdout.split())
    assert "httpx" in modules
    assert among(modules, SHOWING) == set()
