"""The demo, with the program itself as it is."""

import os
import re
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner

from renewd.cli import sandbox as commands
from renewd.errors import RenewdError
from renewd.sandbox.demo import NAME, Demo


def test_a_certificate_about_to_expire_is_renewed_while_it_is_served(tmp_path):
    demo = Demo(str(tmp_path))
    steps = list(demo.play())
    old, new = steps[1].result, steps[4].result
    assert re.fullmatch(r"serving [0-9A-F:]{5}…, 3 days left", old)
    assert re.fullmatch(r"serving [0-9A-F:]{5}…, 89 days left", new)
    assert re.fullmatch(r"due for 2[0-9] days: renew now", steps[2].result)
    assert re.fullmatch(r"[0-9]+ checks passed", steps[3].result)


def test_every_line_fits_a_narrow_terminal_and_the_folder_stays(tmp_path):
    arguments = [sys.executable, "-m", "renewd", "demo", "--directory", str(tmp_path / "demo")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(len(line) for line in done.stdout.splitlines()[:-1]) <= 80
    assert [line[1] for line in done.stdout.splitlines() if line.startswith(" ")] == list("12345")
    live = tmp_path / "demo" / "live" / NAME
    assert os.path.islink(live / "fullchain.pem")
    assert stat.S_IMODE(os.stat(live / "privkey.pem").st_mode) == 0o600


def test_it_cleans_up_if_it_is_told_to(tmp_path):
    words = ["--directory", str(tmp_path / "demo"), "--clean"]
    said = CliRunner().invoke(commands.demo, words, catch_exceptions=False).output
    assert "Now: renewd init > config.yaml\n" in said
    assert os.listdir(tmp_path) == []


def test_a_step_that_fails_is_told_with_what_renewd_said(tmp_path):
    """The web root is a file, so that no challenge can be placed in it."""
    demo = Demo(str(tmp_path))
    playing = demo.play()
    next(playing)
    next(playing)
    os.rmdir(tmp_path / "webroot")
    (tmp_path / "webroot").write_text("")
    next(playing)
    with pytest.raises(RenewdError, match="renewd renew failed:") as caught:
        next(playing)
    assert "webroot" in str(caught.value)


def test_a_folder_with_a_certificate_in_it_is_not_written_into(tmp_path):
    (tmp_path / "live" / NAME).mkdir(parents=True)
    (tmp_path / "live" / NAME / "privkey.pem").write_text("mine")
    with pytest.raises(RenewdError, match="the demo cannot go on"):
        list(Demo(str(tmp_path)).play())
    assert (tmp_path / "live" / NAME / "privkey.pem").read_text() == "mine"
