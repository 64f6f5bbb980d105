"""What a kernel, a disk and other processes do to an install besides failing outright: limits, half-done writes, races."""

import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from renewd.install import atomic
from tests.faults import figures
from tests.faults.install_scenes import NEW, OLD, SCENES, Scene, Stage, Worker, working
from tests.faults.install_worker import REFUSED

EVERY = 1 if os.environ.get("RENEWD_SWEEP") == "all" else 5


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with working() as one:
        yield one


def install(worker: Worker, scene: Scene, inject: str = "", **more: object) -> dict:
    """Install under one injection."""
    options = (
        ["-e", f"inject={inject}", "-e", f"trace={inject.partition(':')[0]}"]
        if inject
        else ["-e", "trace=none"]
    )
    return worker.install({**scene.order, **more}, *options, "-o", "/dev/null")


def refused(scene: Scene, result: dict, said: str) -> None:
    """In words, with the old set live and nothing left behind."""
    assert result["status"] == REFUSED, result
    assert said in result["said"], result
    assert set(scene.live()) <= {OLD, None}
    assert scene.leftovers() == []
    assert scene.installer.recover() == []


def counted(worker: Worker, stage: Stage, call: str) -> int:
    """How often an installation makes a call."""
    log = stage.folder.parent / "log"
    worker.install(stage.again().order, "-o", str(log), "-e", f"trace={call}")
    return len(re.findall(rf"^{call}\(", log.read_text(), re.MULTILINE))


@pytest.mark.fault(104)
@pytest.mark.parametrize("kind", SCENES)
def test_with_too_few_descriptors_nothing_is_switched_and_none_is_lost(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, kind)
    for spare in range(12):
        scene = stage.again()
        result = install(worker, scene, limits={"nofile": spare})
        if result["status"] == 0:
            break
        refused(scene, result, "ulimit -n")
    assert 1 < spare < 11
    assert set(scene.live()) == {NEW}
    figures.record("too few descriptors", tried=spare, torn=0, descriptors_leaked=0)


@pytest.mark.fault(45)
@pytest.mark.parametrize("size", [0, 1, 400, 1500])
def test_with_a_limit_on_file_sizes_nothing_is_switched(size: int, worker: Worker, tmp_path: Path) -> None:
    scene = Stage(tmp_path, "a folder and files together").again()
    refused(scene, install(worker, scene, limits={"fsize": size}), "ulimit -f")


@pytest.mark.fault(49)
@pytest.mark.parametrize("kind", ["a directory of links", "fixed files over two folders"])
def test_a_disk_that_takes_bytes_and_loses_them_is_noticed_by_reading_back(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    """The call answers that seven bytes were written, and none were."""
    stage = Stage(tmp_path, kind)
    for turn in range(1, counted(worker, stage, "write") + 1, EVERY):
        scene = stage.again()
        result = install(worker, scene, f"write:retval=7:when={turn}")
        live = scene.live()
        assert all(one is live[0] for one in live), (turn, result)
        assert result["status"] in (0, REFUSED), (turn, result)
        assert live[0] is (NEW if result["status"] == 0 else OLD), (turn, result)


@pytest.mark.fault(49)
@pytest.mark.parametrize("kind", ["a directory of links", "fixed files over two folders"])
def test_an_error_when_a_file_is_closed_is_one(kind: str, worker: Worker, tmp_path: Path) -> None:
    stage = Stage(tmp_path, kind)
    for turn in range(1, counted(worker, stage, "close") + 1, EVERY):
        scene = stage.again()
        install(
            worker, scene, f"close:error=EIO:when={turn}"
        )  # strace leaves it open, so the descriptor is lost
        live = scene.live()
        assert all(one is live[0] for one in live), turn
        assert all(one.ok for one in scene.installer.recover()), turn


@pytest.mark.fault(49)
def test_a_write_that_takes_a_byte_at_a_time_writes_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1]))
    with atomic.directory(str(tmp_path)) as folder:
        atomic.write(folder, "file", b"all of it", atomic.Attributes(0o600))
    assert (tmp_path / "file").read_bytes() == b"all of it"


@pytest.mark.fault(48)
@pytest.mark.parametrize("kind", ["a directory of links", "fixed files over two folders"])
def test_a_file_whose_sync_failed_is_dropped_and_never_synced_again(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    stage, log = Stage(tmp_path, kind), tmp_path / "synced"
    for turn in range(1, counted(worker, stage, "fsync") + 1):
        scene = stage.again()
        known = {version.id for version in scene.installer.versions(scene.target)}
        options = ["-e", f"inject=fsync:error=EIO:when={turn}", "-e", "trace=fsync", "-y", "-o", str(log)]
        result = worker.install(scene.order, *options)
        refused(scene, result, "input/output error; " if "; " in result["said"] else "input/output error")
        synced = re.findall(r"^fsync\(\d+<([^>]*)>\) += (-?\d)", log.read_text(), re.MULTILINE)
        (failed,) = [path for path, code in synced if code == "-1"]
        again = [path for path, code in synced if path == failed and code == "0"]
        assert not again or os.path.isdir(failed) or ".stage-" not in failed, (turn, failed)
        if ".stage-" in failed or failed.endswith(
            "/versions"
        ):  # it was not stored, so nothing may go live from it
            assert {version.id for version in scene.installer.versions(scene.target)} == known, (turn, failed)
    figures.record("fsyncs that fail", tried=turn, torn=0)


@pytest.mark.fault(53)
@pytest.mark.parametrize("kind", ["a directory of links", "fixed files over two folders"])
def test_a_rename_across_file_systems_is_told_and_nothing_copied_over_what_is_live(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, kind)
    for turn in range(1, counted(worker, stage, "renameat") + 1):
        scene = stage.again()
        refused(scene, install(worker, scene, f"renameat:error=EXDEV:when={turn}"), "put it on one")


@pytest.mark.fault(57)
@pytest.mark.parametrize("kind", ["a directory of links", "fixed files over two folders"])
def test_an_access_list_that_cannot_be_kept_fails_before_the_switch(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, kind)
    for error in ("EACCES", "ENOSPC", "EOPNOTSUPP"):
        scene = stage.again()
        none = 0xFFFFFFFF
        entries = [(0x01, 6, none), (0x02, 4, 4242), (0x04, 0, none), (0x10, 4, none), (0x20, 0, none)]
        listed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
        os.setxattr(scene.shown[0]["key"], "system.posix_acl_access", listed)
        result = install(worker, scene, f"fsetxattr:error={error}:when=1")
        refused(scene, result, "cannot write ")


class Bystander:
    """Another process at work beside the installs."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.bystanders", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self.process.stdout.readline() == "ready\n"

    def end(self) -> dict[str, int]:
        """What it saw."""
        said = self.process.communicate()[0]
        assert self.process.returncode == 0
        return json.loads(said)


@pytest.mark.fault(99)
@pytest.mark.parametrize("kind", ["a directory of links", "fixed files over two folders"])
def test_a_process_that_keeps_exchanging_links_gains_nothing(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    """In the folder itself, as a hook that runs as root might: what lies outside is never written."""
    stage, outside = Stage(tmp_path, kind), tmp_path / "outside"
    outside.write_bytes(b"not yours")
    outside.chmod(0o644)
    for _ in range(10 // EVERY):
        scene = stage.again()
        shown = [Path(path) for path in scene.shown[0].values()]
        targets = [path.with_name(f".{path.name}.renewd") for path in shown]
        targets += [scene.folder / "live" / f".{name}.renewd" for name in ("current", "previous")]
        other = Bystander("exchange", str(outside), *map(str, targets))
        result = install(worker, scene)
        other.end()
        assert (outside.read_bytes(), outside.stat().st_mode & 0o777) == (b"not yours", 0o644)
        assert result["status"] in (0, REFUSED), result
        assert all(one.ok for one in scene.installer.recover())
        live = scene.live()
        assert all(one is live[0] for one in live)


def test_who_opens_the_folder_once_never_sees_two_versions(worker: Worker, tmp_path: Path) -> None:
    """While versions are switched, and installs killed in between."""
    stage = Stage(tmp_path, "a directory of links")
    scene = stage.again()
    reader = Bystander("read", f"{scene.folder}/live")
    for turn in range(2, 30, EVERY):
        install(worker, scene, f"fsync:signal=KILL:when={turn}")
        assert all(one.ok for one in scene.installer.recover())
    seen = reader.end()
    figures.record("readers of a folder that is switched", looks=seen["looks"], torn=seen["torn"])
    assert seen["looks"] > 50
    assert seen["torn"] == 0
