"""Locks that others hold are waited for, with an end."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from renewd import locks
from renewd.clock import SystemClock
from renewd.config.issuing import AcmeIssuer
from renewd.errors import InstallFailed, Unreachable
from renewd.install import intents
from renewd.issuers.acme import Acme

HOLD = "import fcntl, sys; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Another process has the file locked; its number."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def test_who_keeps_a_lock_for_too_long_is_named(tmp_path: Path, opened: int):
    with (
        held(tmp_path / "lock") as pid,
        pytest.raises(locks.Kept, match=rf"^process {pid} has kept it locked for 0.01 s$"),
    ):
        locks.take(opened, within=0.01)


def test_a_lock_is_had_as_soon_as_it_is_free(tmp_path: Path, opened: int):
    other = os.open(tmp_path / "lock", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    waiting = threading.Thread(target=locks.take, args=(opened,))
    waiting.start()
    os.close(other)
    waiting.join()


def test_who_is_asked_to_leave_waits_no_longer(tmp_path: Path, opened: int):
    stop = threading.Event()
    stop.set()
    with held(tmp_path / "lock"), pytest.raises(locks.Kept, match="leaving"):
        locks.take(opened, stop=stop)


def test_a_switch_that_another_process_does_not_end_is_a_failure_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intents.locks, "take", partial(locks.take, within=0.01))
    (tmp_path / "intents").mkdir()
    folder = os.open(tmp_path / "intents", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with (
        pytest.raises(InstallFailed, match=rf"intents: process {os.getpid()} has kept it locked"),
        intents.alone(str(tmp_path)),
    ):
        pytest.fail("it is locked")
    os.close(folder)


def test_an_account_that_another_process_keeps_locked_lets_go_of_who_leaves(tmp_path: Path):
    settings = AcmeIssuer.model_validate(
        {"type": "acme", "directory": "http://127.0.0.1:9/dir", "agree_terms": True}
    )
    issuer = Acme("ca", settings, SystemClock(), str(tmp_path))
    folder = tmp_path / "acme" / "ca"
    folder.mkdir(parents=True)
    (folder / "account.lock").touch()
    issuer.close()
    with held(folder / "account.lock"), pytest.raises(Unreachable, match="renewd is leaving"):
        issuer.account.signer()
