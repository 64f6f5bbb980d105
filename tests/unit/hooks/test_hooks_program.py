"""Which program is run, and which is refused because somebody else could have changed it."""

import os

import pytest

from renewd.hooks import program
from renewd.hooks.program import NotRunnable


@pytest.fixture
def script(tmp_path):
    """A program in two folders that only we can change."""
    (tmp_path / "outer" / "inner").mkdir(parents=True, mode=0o700)
    file = tmp_path / "outer" / "inner" / "hook"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def refusal(path, **options) -> str:
    with pytest.raises(NotRunnable) as caught:
        program.find(str(path), **options)
    return str(caught.value)


def test_a_bare_name_is_looked_for_on_the_fixed_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert program.find("sh") in {"/usr/bin/sh", "/bin/sh"}


def test_a_relative_path_starts_where_hooks_run():
    assert program.find("bin/sh") == "/bin/sh"


def test_what_only_we_can_change_is_run(script):
    assert program.find(str(script)) == str(script)


@pytest.mark.parametrize("mode", [0o757, 0o777], ids=oct)
def test_a_program_that_everybody_can_change_is_refused(script, mode):
    script.chmod(mode)
    assert refusal(script) == (
        f"{script} is not run: {script} can be changed by everybody, so it may not be what you put there"
    )


def test_a_folder_above_it_that_everybody_can_change_is_refused(script):
    script.parent.parent.chmod(0o777)
    assert f"{script.parent.parent} can be changed by everybody" in refusal(script)


def test_a_sticky_folder_above_it_is_fine(script):
    script.parent.parent.chmod(0o1777)
    assert program.find(str(script)) == str(script)


def status(mode: int, uid: int = 0, gid: int = 0) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        pytest.param(status(0o100755), "", id="root's program"),
        pytest.param(status(0o100755, uid=1000), "", id="a trusted user's program"),
        pytest.param(status(0o100755, uid=1001), "belongs to user 1001", id="somebody's program"),
        pytest.param(status(0o120777, uid=1001), "belongs to user 1001", id="somebody's link"),
        pytest.param(status(0o120777), "", id="a link's mode says nothing"),
        pytest.param(status(0o042775), "", id="the group of root may write"),
        pytest.param(status(0o042775, gid=50), "can be changed by group 50", id="another group may write"),
        pytest.param(status(0o041777), "", id="a sticky folder"),
        pytest.param(status(0o041777, uid=1001), "belongs to user 1001", id="somebody's sticky folder"),
        pytest.param(
            status(0o101755 | 0o002), "can be changed by everybody", id="a sticky bit protects no file"
        ),
    ],
)
def test_who_else_could_change_a_place(place, problem):
    assert program._risk(place, {0, 1000}) == problem


def test_links_are_followed_one_by_one_and_each_folder_on_the_way_counts(script, tmp_path):
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    (open_folder / "middle").symlink_to("../outer/./inner/hook")
    first = tmp_path / "first"
    first.symlink_to(open_folder / "middle")
    assert program.find(str(first)) == str(first)
    open_folder.chmod(0o777)
    assert f"{open_folder} can be changed by everybody" in refusal(first)


def test_a_link_to_nothing_is_no_program(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nothing")
    assert refusal(link) == f"{link}: no such program"


def test_an_unknown_error_is_told_in_the_systems_words():
    assert program.words("x", OSError(5, "Input/output error")) == "x: input/output error"
