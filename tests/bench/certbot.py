"""The newest certbot from PyPI, in an environment of its own with this Python; made once and kept."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-certbot"


def program() -> Path:
    """Its path; it is installed if it is not there."""
    stamp, made = FOLDER / "made", f"{FOLDER} {sys.version}"
    with open(ROOT / "pyproject.toml") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at the same time make it one after the other
        if not stamp.exists() or stamp.read_text() != made:
            try:
                _install(FOLDER)
            except subprocess.CalledProcessError as error:
                pytest.fail(f"certbot cannot be installed: {error.stderr}")
            stamp.write_text(made)
    return FOLDER / "bin" / "certbot"


def _install(folder: Path) -> None:
    """As tests/setup does: by uv where there is one, else by pip."""
    shutil.rmtree(folder, ignore_errors=True)
    for uv in ("uv", ROOT / ".venv-uv" / "bin" / "uv"):
        try:
            _step(uv, "--version")
        except (OSError, subprocess.CalledProcessError):
            continue
        _step(uv, "venv", "-q", "-p", sys.executable, folder)
        _step(uv, "pip", "install", "-q", "-p", folder / "bin" / "python", "certbot")
        return
    _step(sys.executable, "-m", "venv", folder)
    _step(folder / "bin" / "python", "-m", "pip", "install", "-q", "certbot")


def _step(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
