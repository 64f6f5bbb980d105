"""What the state directory holds of a target that has no places any more is found by its folder's name and goes alone."""

import os
from pathlib import Path

import pytest

from renewd.certs.bundle import Material
from renewd.errors import InstallFailed
from renewd.install import intents, layouts, remains

NAME = "contoso.com,www.contoso.com"
FOLDER = layouts.folder("contoso.com+www.contoso.com")


@pytest.fixture
def lived_in(home):
    """Two sets of fixed paths, a folder, and something that was refused."""
    target = home.target(
        {"files": {"fullchain": "@/a.pem", "key": "@/a.key"}},
        {"files": {"combined": "@/b.pem"}},
        {"directory": "@/live"},
        name=NAME,
    )
    home.install(target)
    home.installer.quarantine(target, Material(pem=(b"junk",)), ["it is junk"])
    return home


def shown(home) -> dict[str, object]:
    return {path: what for path, what in home.files().items() if not path.startswith(home.state)}


def test_all_stores_and_what_was_refused_are_found_and_go_and_what_is_live_stays(lived_in):
    before = shown(lived_in)
    found = remains.folders(lived_in.state, {FOLDER})
    assert [os.path.relpath(path, lived_in.state) for path in found] == [
        f"store/{FOLDER}",
        f"store/{FOLDER}@2",
        f"quarantine/{FOLDER}",
    ]
    for path in found:
        remains.remove(path)
    assert remains.folders(lived_in.state, {FOLDER}) == []
    assert shown(lived_in) == before
    assert {"a.pem", "a.key", "b.pem"} <= {os.path.basename(path) for path in before}


def test_what_another_target_has_stays(lived_in):
    other = lived_in.target({"files": {"combined": "@/c.pem"}}, name="contoso.com")
    lived_in.install(other)
    for path in remains.folders(lived_in.state, {FOLDER}):
        remains.remove(path)
    assert lived_in.installer.current(other)


@pytest.mark.parametrize(
    "name", ["../live", "..", ".", "", "/etc", "store", f"{FOLDER}@2", f"{FOLDER}/versions"]
)
def test_no_name_leads_elsewhere(lived_in, name):
    assert remains.folders(lived_in.state, {name}) == []


def test_where_there_is_no_state_nothing_is_found(tmp_path: Path):
    assert remains.folders(str(tmp_path / "state"), {FOLDER}) == []
    assert remains.interrupted(str(tmp_path / "state"), {FOLDER}) == []


def test_a_store_that_is_a_link_to_somewhere_else_is_left_and_told(lived_in):
    store = lived_in.path("state", "store", FOLDER)
    elsewhere = lived_in.path("big-disk")
    store.rename(elsewhere)
    store.symlink_to(elsewhere)
    before = lived_in.files()
    with pytest.raises(InstallFailed, match="cannot remove"):
        remains.remove(str(store))
    assert lived_in.files() == before


def test_a_switch_that_was_not_ended_is_found(lived_in):
    path = Path(intents.path(lived_in.state, FOLDER))
    assert remains.interrupted(lived_in.state, {FOLDER}) == []
    path.write_text("{")
    assert remains.interrupted(lived_in.state, {FOLDER}) == [str(path)]
    assert remains.interrupted(lived_in.state, {"wild.example"}) == []
