"""The power is cut anywhere in an install: whatever the disk then has, recovery shows the old or the new set, whole.

The calls of a real install are recorded, and a model says what a disk may have left of them (crash_states.py). Some
states of each layout are tried, so that it stays short; RENEWD_SWEEP=all tries them all.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.install.installer import Source
from tests.faults import crash_states, figures
from tests.faults.install_scenes import NEW, SCENES, Scene, Stage, Worker, working

ALL = os.environ.get("RENEWD_SWEEP") == "all"
SAMPLE = 40  # states of each layout and order


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with working() as one:
        yield one


def recorded(worker: Worker, stage: Stage, *without: str) -> str:
    """The system calls of an install, without these fsyncs; the folder is as before it."""
    log = stage.folder.parent / "log"
    order = {**stage.again().order, "without": without}
    assert worker.install(order, "-o", str(log), *crash_states.OPTIONS) == {"status": 0, "said": ""}
    stage.again()
    return log.read_text()


def chosen(states: list, count: int) -> list:
    """About so many, spread evenly, and the last ones: what a power cut leaves after the install said it was done."""
    if ALL or len(states) <= count:
        return states
    return states[:: len(states) // count] + [state for state in states if state[0]]


def judged(stage: Stage, over: bool, tree: crash_states.Tree) -> str:
    """What is wrong with a state, before and after recovery; empty if nothing is."""
    scene = stage.scene
    shutil.rmtree(stage.folder)
    crash_states.lay(tree, str(stage.folder))
    try:
        scene.links_hold()
        if not all(one.ok for one in scene.installer.recover()):
            return "needs a person"
        live = scene.live()
        assert all(one is live[0] for one in live), "the places differ"
    except (AssertionError, OSError, ValueError) as error:
        return f"torn: {error!r}"
    if over and live[0] is not NEW:
        return "the install is lost"
    return "" if scene.installer.recover() == [] else "recovery does not end"


def installs_again(scene: Scene) -> None:
    """Nothing that is left keeps the next install away."""
    scene.clock.advance(timedelta(hours=2))
    scene.installer.switch(scene.target, scene.installer.stage(scene.target, NEW.bundle, Source("rcl")))
    assert set(scene.live()) == {NEW}


@pytest.mark.fault(50)
@pytest.mark.parametrize("kind", SCENES)
def test_whatever_a_power_cut_leaves_recovery_shows_the_old_or_the_new_set(
    kind: str, worker: Worker, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, kind)
    found = list(crash_states.states(stage.folder, recorded(worker, stage)))
    tried = chosen(found, SAMPLE)
    wrong = []
    for turn, (over, tree) in enumerate(tried):
        problem = judged(stage, over, tree)
        wrong += [(turn, problem)] if problem else []
        if not problem and turn % 10 == 0:
            installs_again(stage.scene)
    figures.record("crash states of an install", known=len(found), tried=len(tried), torn=len(wrong))
    assert len(found) >= 500, f"{len(found)} states"
    assert not wrong, f"{len(wrong)} of {len(tried)}: {wrong[:5]}"


MUTANTS = {
    "files": ("a directory of links", "torn"),
    "stage": ("a directory of links", "torn"),
    "versions": ("a directory of links", "torn"),
    "root": ("a directory of links", "lost"),
    "targets": ("fixed files over two folders", "torn"),
}


@pytest.mark.fault(50)
@pytest.mark.parametrize("without", MUTANTS)
def test_the_model_notices_when_an_fsync_is_missing(without: str, worker: Worker, tmp_path: Path) -> None:
    kind, how = MUTANTS[without]
    stage = Stage(tmp_path, kind)
    found = list(crash_states.states(stage.folder, recorded(worker, stage, without)))
    noticed = next(
        (problem for over, tree in reversed(found) if how in (problem := judged(stage, over, tree))), ""
    )
    figures.record("fsyncs left out", tried=1, noticed=1 if noticed else 0)
    assert noticed
