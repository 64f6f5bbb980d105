"""Installing is killed before, and fails at, every system call that changes a file; nobody is left with a torn set.

strace does it to a real process. Every n-th point is taken, so that it stays short; RENEWD_SWEEP=all takes them all,
and of the errors each in its turn: one a point.
"""

import itertools
import os
import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.install.installer import Source
from tests.faults import figures
from tests.faults.install_scenes import NEW, SCENES, Stage, Worker, working
from tests.faults.install_worker import LEAKED, REFUSED

CHANGES = "mkdir,mkdirat,openat,write,fsync,fchmod,fchmodat,chmod,fchown,rename,renameat,symlink,symlinkat,unlink,unlinkat,rmdir,ftruncate"
EVERY = 1 if os.environ.get("RENEWD_SWEEP") == "all" else 6
ERRORS = ("EIO", "ENOSPC", "EROFS", "EACCES", "EDQUOT", "ENOMEM")
OPENING = ("EMFILE", "ENFILE")  # what only a call that opens can say
EACH = (
    "a directory of links",
    "fixed files in one folder",
)  # where the whole sweep takes each error at each point


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with working() as one:
        yield one


def points(worker: Worker, stage: Stage, *, looks: bool = False) -> list[tuple[str, int]]:
    """Each change of a file that a whole installation makes, as (system call, how many of that call came before).

    With `looks` each file that is opened to be read as well.
    """
    log = stage.folder.parent / "log"
    result = worker.install(stage.again().order, "-o", str(log), "-e", f"trace={CHANGES}")
    assert result == {"status": 0, "said": ""}
    counted: dict[str, itertools.count] = {}
    found = []
    for line in log.read_text().splitlines():
        call = re.match(r"(\w+)\(", line)
        if call is None:
            continue
        turn = next(counted.setdefault(call[1], itertools.count(1)))
        if call[1] != "openat" or "O_CREAT" in line or (looks and '"/proc/self/fd"' not in line):
            found.append((call[1], turn))
    assert len(found) > 30
    return found


@pytest.mark.fault(59)
@pytest.mark.parametrize("kind", SCENES)
def test_killed_anywhere_recovery_leaves_the_old_or_the_new_set_and_nothing_else(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    stage, tried = Stage(tmp_path, kind), 0
    for call, turn in points(worker, stage)[::EVERY]:
        scene = stage.again()
        result = worker.install(
            scene.order,
            "-e",
            f"inject={call}:signal=KILL:when={turn}",
            "-e",
            f"trace={call}",
            "-o",
            "/dev/null",
        )
        assert result["status"] == -signal.SIGKILL
        scene.links_hold()
        assert all(recovered.ok for recovered in scene.installer.recover()), (call, turn)
        live = scene.live()
        assert all(one is live[0] for one in live), (call, turn)
        assert scene.installer.recover() == []
        scene.clock.advance(timedelta(hours=2))
        version = scene.installer.stage(scene.target, NEW.bundle, Source("rcl"))
        scene.installer.switch(scene.target, version)
        scene.clock.step(timedelta(days=3650))  # files of the test are from the real present
        scene.installer.prune(scene.target)
        assert set(scene.live()) == {NEW}
        assert scene.leftovers() == [], (call, turn)
        tried += 1
    figures.record("install kill points", tried=tried, torn=0, for_a_person=0)


def injected(found: list[tuple[str, int]], *, each: bool) -> Iterator[tuple[str, int, str]]:
    """An error for each point, each in its turn, or `each` of them; what opens a file besides fails for want of descriptors."""
    errors, opening = itertools.cycle(ERRORS), itertools.cycle(OPENING)
    for call, turn in found:
        for error in ERRORS if each else [next(errors)]:
            yield call, turn, error
        if call == "openat":
            for error in OPENING if each else [next(opening)]:
                yield call, turn, error


@pytest.mark.fault(45, 47, 48, 104)
@pytest.mark.parametrize("kind", SCENES)
def test_an_error_anywhere_leaves_the_old_set_and_says_so_in_words(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    stage, tried = Stage(tmp_path, kind), 0
    each = EVERY == 1 and kind in EACH
    for call, turn, errno in injected(points(worker, stage, looks=True)[::EVERY], each=each):
        tried += 1
        scene = stage.again()
        before = scene.live()
        result = worker.install(
            scene.order,
            "-e",
            f"inject={call}:error={errno}:when={turn}",
            "-e",
            f"trace={call}",
            "-o",
            "/dev/null",
        )
        where = (call, turn, errno, result)
        assert result["status"] != LEAKED, where
        live = scene.live()
        assert all(one is live[0] for one in live), where
        if result["status"] == REFUSED:
            assert live == before, where
            assert re.search(r"cannot |there is no (whole )?version", result["said"]), where
        else:
            assert result["status"] == 0, where
            assert set(live) == {NEW}, where
        assert scene.leftovers() == [], where
    figures.record("errors of an install's system calls", tried=tried, torn=0, descriptors_leaked=0)
