"""The power is really cut, as far as a disk can tell: the image of an ext4 is copied in the middle, and mounted again.

Nothing that was not synced is in the image, as its journal is not committed by itself for ten minutes. Some points of
an install are tried; RENEWD_SWEEP=all tries them all. Takes root and loop devices.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.install_scenes import NEW, OLD, SCENES, Scene, Worker, working

EVERY = 1 if os.environ.get("RENEWD_SWEEP") == "all" else 10
CALLS = "fsync,renameat,symlinkat,unlinkat,mkdirat"


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with working() as one:
        yield one


class Disk:
    """An ext4 in a file, mounted at one folder."""

    def __init__(self, folder: Path) -> None:
        assert os.geteuid() == 0, "this test takes root: run tests/run as root"
        self.image, self.before, self.folder = folder / "image", folder / "before", folder / "disk"
        self.folder.mkdir()
        self.mounted = False
        with open(self.image, "wb") as file:
            file.truncate(8 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(self.image)], check=True)

    def mount(self) -> None:
        options = ["-o", "loop,commit=600"]
        subprocess.run(["mount", *options, str(self.image), str(self.folder)], check=True)
        self.mounted = True

    def unmount(self) -> None:
        if self.mounted:
            subprocess.run(["umount", str(self.folder)], check=True)
            self.mounted = False

    def keep(self) -> None:
        """As it is now is how each try begins."""
        self.unmount()
        shutil.copyfile(self.image, self.before)

    def begin(self) -> None:
        self.unmount()
        shutil.copyfile(self.before, self.image)
        self.mount()

    def cut_the_power(self) -> None:
        """Only what reached the image is there afterwards."""
        left = self.image.with_name("left")
        shutil.copyfile(self.image, left)
        self.unmount()
        left.rename(self.image)
        self.mount()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    one = Disk(tmp_path)
    yield one
    one.unmount()


def set_up(disk: Disk, kind: str) -> Scene:
    """The old certificate is live on the disk."""
    install, foreign, empty = SCENES[kind]
    disk.mount()
    scene = Scene(disk.folder / "machine", install, foreign=foreign, empty=empty)
    disk.keep()
    return scene


def points(worker: Worker, disk: Disk, scene: Scene) -> list[tuple[str, int]]:
    """Each call that matters to a disk in a whole installation, as (system call, how many of that call came before)."""
    disk.begin()
    log = disk.image.with_name("log")
    assert worker.install(scene.order, "-o", str(log), "-e", f"trace={CALLS}")["status"] == 0
    calls = re.findall(r"^(\w+)\(", log.read_text(), re.MULTILINE)
    return [(call, calls[: turn + 1].count(call)) for turn, call in enumerate(calls)]


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    "kind", ["a directory of links", "fixed files over two folders", "a folder that somebody else filled"]
)
def test_after_a_power_cut_anywhere_recovery_shows_the_old_or_the_new_set(
    kind: str, worker: Worker, disk: Disk
) -> None:
    scene = set_up(disk, kind)
    tried = points(worker, disk, scene)[::EVERY]
    for call, turn in tried:
        disk.begin()
        inject = f"inject={call}:signal=KILL:when={turn}"
        killed = worker.install(scene.order, "-e", inject, "-e", f"trace={call}", "-o", "/dev/null")
        assert killed["status"] == -signal.SIGKILL
        disk.cut_the_power()
        scene.links_hold()
        assert all(one.ok for one in scene.installer.recover()), (call, turn)
        assert set(scene.live()) in ({OLD}, {NEW}), (call, turn)
    disk.begin()
    assert worker.install(scene.order, "-e", "trace=none", "-o", "/dev/null")["status"] == 0
    disk.cut_the_power()
    assert set(scene.live()) == {NEW}, "what was installed is there after a power cut"
    figures.record("power cuts on a real disk", tried=len(tried) + 1, torn=0)


@pytest.mark.fault(50)
def test_without_its_fsyncs_an_install_would_not_last(worker: Worker, disk: Disk) -> None:
    """The cut is a real one."""
    scene = set_up(disk, "a directory of links")
    disk.begin()
    order = {**scene.order, "without": ["files", "stage", "versions", "root", "other"]}
    assert worker.install(order, "-e", "trace=none", "-o", "/dev/null")["status"] == 0
    assert set(scene.live()) == {NEW}
    disk.cut_the_power()
    scene.installer.recover()
    assert set(scene.live()) == {OLD}
