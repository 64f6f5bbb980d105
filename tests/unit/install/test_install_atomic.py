"""The system calls below the installer, where several targets meet."""

import os
import threading
from pathlib import Path

import pytest

from renewd.install import atomic


def test_folders_above_several_targets_are_made_side_by_side(tmp_path: Path):
    """A fresh machine: many targets are staged at once, and none of the folders above them exists."""
    crowd = 16
    for round_ in range(20):
        start, failures = threading.Barrier(crowd), []

        def make(
            number: int, start: threading.Barrier = start, failures: list = failures, round_: int = round_
        ) -> None:
            start.wait()
            try:
                atomic.make_directories(str(tmp_path / f"{round_}" / "live" / f"{number}.example"), 0o755)
            except OSError as error:
                failures.append(error)

        threads = [threading.Thread(target=make, args=(number,)) for number in range(crowd)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert len(os.listdir(tmp_path / f"{round_}" / "live")) == crowd


def test_a_file_where_a_folder_is_wanted_is_an_error(tmp_path: Path):
    (tmp_path / "live").write_text("mine")
    with pytest.raises(OSError):
        atomic.make_directories(str(tmp_path / "live" / "a.example"), 0o755)
    assert (tmp_path / "live").read_text() == "mine"
