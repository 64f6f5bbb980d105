"""Small files are whole or what they were before, and nothing half written stays for good."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from renewd import whole

KILLED = """
import os, sys
from renewd import whole
os.rename = os.fsync = lambda *_, **__: os._exit(9)
getattr(whole, sys.argv[1])(sys.argv[2], eval(sys.argv[3]))
"""


def later(path: Path, by: timedelta) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_mtime).astimezone() + by


def write(kind: str, path: Path, text: str) -> None:
    if kind == "note":
        assert whole.note(str(path), text)
    else:
        whole.store(str(path), text.encode())


@pytest.mark.parametrize("kind", ["note", "store"])
def test_it_is_new_or_replaced_for_its_owner_alone_and_nothing_is_beside_it(tmp_path: Path, kind: str):
    for text in ("one", "two"):
        write(kind, tmp_path / "file", text)
        assert (tmp_path / "file").read_text() == text
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("kind", "data"), [("note", "'new'"), ("store", "b'new'")])
def test_a_crash_leaves_what_was_before_and_a_leftover_that_is_swept_when_it_is_old(
    tmp_path: Path, kind: str, data: str
):
    file = tmp_path / "file"
    file.write_text("old")
    ran = subprocess.run([sys.executable, "-c", KILLED, kind, str(file), data], check=False)
    assert ran.returncode == 9
    assert file.read_text() == "old"
    (left,) = (path for path in tmp_path.iterdir() if path != file)
    whole.sweep(str(tmp_path), later(left, timedelta(minutes=59)))
    assert left.exists(), "somebody may still write it"
    whole.sweep(str(tmp_path), later(left, timedelta(minutes=61)))
    assert [*tmp_path.iterdir()] == [file]


def test_what_is_old_and_named_so_is_swept_too_and_nothing_else(tmp_path: Path):
    for name in ("1.request", "lock", ".hidden", "x.renewd"):
        (tmp_path / name).write_text("")
    (tmp_path / "2.request").mkdir()
    whole.sweep(str(tmp_path), later(tmp_path / "lock", timedelta(hours=2)), (".request",))
    assert {path.name for path in tmp_path.iterdir()} == {"lock", ".hidden", "x.renewd", "2.request"}
    whole.sweep(str(tmp_path / "nowhere"), later(tmp_path / "lock", timedelta()))


def test_a_note_that_cannot_be_kept_costs_nothing_else(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert not whole.note(str(tmp_path / "file" / "note"), "x")
    (tmp_path / "note").mkdir()
    assert not whole.note(str(tmp_path / "note"), "x")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "note"}


def test_what_cannot_be_stored_is_told_and_nothing_is_left_of_it(tmp_path: Path):
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        whole.store(str(tmp_path / "file"), b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_not_to_be_written_over_stays(tmp_path: Path):
    whole.store(str(tmp_path / "id"), b"one", over=False)
    with pytest.raises(FileExistsError):
        whole.store(str(tmp_path / "id"), b"two", over=False)
    assert (tmp_path / "id").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["id"]


def test_its_mode_is_what_was_asked_for_and_a_path_may_begin_at_an_open_folder(tmp_path: Path):
    before = os.umask(0o077)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        whole.store("file", b"x", 0o644, within=folder)
    finally:
        os.close(folder)
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
