"""What others may write root does not act upon."""

import os
from pathlib import Path

import pytest

from renewd import trespass
from renewd.errors import StateUnusable
from tests.programs import renewd
from tests.world import World

NOBODY = 65534


@pytest.mark.fault(99)
def test_others_lose_their_write_permission_and_no_more(tmp_path: Path):
    (tmp_path / "intents").mkdir(mode=0o700)
    (tmp_path / "intents").chmod(0o777)
    tmp_path.chmod(0o775)
    trespass.insist(str(tmp_path))
    assert [path.stat().st_mode & 0o777 for path in (tmp_path, tmp_path / "intents")] == [0o755, 0o755]


def test_a_folder_that_is_not_there_is_fine(tmp_path: Path):
    trespass.insist(str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.fault(99)
def test_a_folder_for_everybody_is_refused_and_stays_as_it_is(tmp_path: Path):
    tmp_path.chmod(0o1777)
    with pytest.raises(StateUnusable, match="everybody may write"):
        trespass.insist(str(tmp_path))
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


@pytest.mark.usefixtures("root")
@pytest.mark.fault(99)
@pytest.mark.parametrize("place", [".", "intents", "intents/x.json", "store", "store/x"])
def test_what_belongs_to_another_user_is_named(tmp_path: Path, place: str):
    for name in ("intents", "store"):
        (tmp_path / name).mkdir()
    planted = tmp_path / place
    planted.touch()
    os.chown(planted, NOBODY, -1)
    with pytest.raises(StateUnusable, match=f"belongs to user {NOBODY}") as caught:
        trespass.insist(str(tmp_path))
    assert str(planted) in str(caught.value)


@pytest.mark.usefixtures("root")
@pytest.mark.fault(99)
@pytest.mark.parametrize("command", ["recover", "renew", "run"])
def test_an_intent_that_somebody_else_put_there_is_not_acted_upon(tmp_path: Path, command: str):
    world = World(tmp_path)
    try:
        path = world.write("a.example")
        intent = tmp_path / "sandbox" / "state" / "intents" / "a.json"
        intent.parent.mkdir(parents=True)
        intent.write_text("{}")
        os.chown(intent, NOBODY, -1)
        ran = renewd(path, command)
        assert ran.returncode == 1
        assert f"belongs to user {NOBODY}" in ran.stderr + ran.stdout
        assert "Traceback" not in ran.stderr
        assert intent.exists()
    finally:
        world.close()
