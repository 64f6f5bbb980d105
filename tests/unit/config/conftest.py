"""Writing a configuration and reading its faults."""

from collections.abc import Callable
from pathlib import Path

import pytest

from renewd.config import load
from renewd.config.load import Loaded

ISSUERS = "issuers: {rcl: {type: rcl, subscription_id: sub_1, api_key: {file: /etc/renewd/key}}}\n"
ENTRY = "certificates:\n  - name: a.example.com\n    install: {directory: /live/a}\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write a file below the test's folder; its path."""

    def make(text: str | bytes, name: str = "config.yaml") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o644)
        return str(path)

    return make


@pytest.fixture
def loaded(write: Callable[..., str]) -> Callable[[str], Loaded]:
    """The configuration of a text, after one issuer."""
    return lambda text: load.load(write(ISSUERS + text))


@pytest.fixture
def faults(write: Callable[..., str]) -> Callable[[str], list[str]]:
    """The faults of a text, each without the file's path."""

    def find(text: str) -> list[str]:
        path = write(text)
        return [str(fault).removeprefix(f"{path}:").strip() for fault in load.examine(path).faults]

    return find
