"""Files below a web root: readable whatever the umask, never through a link, and gone afterwards."""

import ctypes
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd import challenges
from renewd.certs.order import Token
from renewd.challenges.webroot import Webroot
from renewd.config.model import Http01
from renewd.errors import ChallengeFailed

TOKEN = Token("contoso.com", "http-01", "tok_EN-1", "tok_EN-1.thumb")
OTHER = Token("www.contoso.com", "http-01", "tok_EN-2", "tok_EN-2.thumb")
HOSTILE = ["../x", "..", ".", "/etc/passwd", "a/b", "a\0b", "", "x" * 129, "a.html", "a\n", "%2e", "ä"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "www").mkdir()
    return tmp_path / "www"


@pytest.fixture
def placed(root: Path) -> Path:
    return root / ".well-known" / "acme-challenge"


@pytest.fixture(params=[0o077, 0o000, 0o777], ids=["umask 077", "umask 000", "umask 777"])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    old = os.umask(request.param)
    yield
    os.umask(old)


def tree(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_the_setting_chooses_the_web_root(root: Path):
    challenge = challenges.make(Http01(type="http-01", webroot=str(root)))
    assert isinstance(challenge, Webroot)
    assert challenge.type == "http-01"


@pytest.mark.usefixtures("_umask")
def test_the_web_server_can_read_what_is_placed(root: Path, placed: Path):
    Webroot(str(root)).place([TOKEN, OTHER])
    assert (placed / TOKEN.name).read_text() == TOKEN.value
    assert (placed / OTHER.name).read_text() == OTHER.value
    assert stat.S_IMODE(placed.stat().st_mode) == 0o755
    assert stat.S_IMODE(placed.parent.stat().st_mode) == 0o755
    assert stat.S_IMODE((placed / TOKEN.name).stat().st_mode) == 0o644
    Webroot(str(root)).remove([TOKEN, OTHER])


def test_what_was_placed_is_taken_away_with_its_folders(root: Path):
    Webroot(str(root)).place([TOKEN, OTHER])
    Webroot(str(root)).remove([TOKEN])
    assert tree(root) == [
        ".well-known",
        ".well-known/acme-challenge",
        f".well-known/acme-challenge/{OTHER.name}",
    ]
    Webroot(str(root)).remove([OTHER])
    assert tree(root) == []


def test_folders_of_others_stay_as_they_are(root: Path, placed: Path):
    placed.mkdir(parents=True, mode=0o750)
    Webroot(str(root)).place([TOKEN])
    Webroot(str(root)).remove([TOKEN])
    assert placed.is_dir()
    assert stat.S_IMODE(placed.stat().st_mode) == 0o750


def test_folders_in_which_others_have_put_something_stay(root: Path, placed: Path):
    Webroot(str(root)).place([TOKEN])
    (placed.parent / "security.txt").write_text("x")
    Webroot(str(root)).remove([TOKEN])
    assert tree(root) == [".well-known", ".well-known/security.txt"]


def test_taking_away_what_is_not_there_is_no_error(root: Path):
    challenge = Webroot(str(root))
    challenge.remove([TOKEN])
    challenge.place([TOKEN])
    challenge.remove([OTHER])
    challenge.remove([TOKEN])
    challenge.remove([TOKEN])
    Webroot(str(root / "gone")).remove([TOKEN])
    assert tree(root) == []


def test_a_file_of_the_same_name_with_another_content_is_not_taken_away(root: Path, placed: Path):
    placed.mkdir(parents=True)
    (placed / TOKEN.name).write_text("somebody else's")
    Webroot(str(root)).remove([TOKEN])
    assert (placed / TOKEN.name).read_text() == "somebody else's"


def test_placing_replaces_a_file_of_the_same_name(root: Path, placed: Path):
    placed.mkdir(parents=True)
    (placed / TOKEN.name).write_text("left over")
    Webroot(str(root)).place([TOKEN])
    assert (placed / TOKEN.name).read_text() == TOKEN.value


def test_placing_twice_is_placing_once(root: Path, placed: Path):
    Webroot(str(root)).place([TOKEN])
    Webroot(str(root)).place([TOKEN])
    assert [path.name for path in placed.iterdir()] == [TOKEN.name]


def test_the_web_root_itself_may_be_a_link(root: Path, tmp_path: Path, placed: Path):
    (tmp_path / "current").symlink_to(root)
    Webroot(str(tmp_path / "current")).place([TOKEN])
    assert (placed / TOKEN.name).exists()


@pytest.mark.fault(99)
def test_a_file_that_is_a_link_is_replaced_and_what_it_leads_to_is_not_touched(
    root: Path, tmp_path: Path, placed: Path
):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    placed.mkdir(parents=True)
    (placed / TOKEN.name).symlink_to(victim)
    Webroot(str(root)).place([TOKEN])
    assert victim.read_text() == "precious"
    assert not (placed / TOKEN.name).is_symlink()


@pytest.mark.fault(99)
def test_a_link_with_the_right_content_is_not_taken_away(root: Path, tmp_path: Path, placed: Path):
    (tmp_path / "victim").write_text(TOKEN.value)
    placed.mkdir(parents=True)
    (placed / TOKEN.name).symlink_to(tmp_path / "victim")
    Webroot(str(root)).remove([TOKEN])
    assert (placed / TOKEN.name).is_symlink()


@pytest.mark.fault(99)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_folder_that_is_a_link_is_refused(root: Path, tmp_path: Path, placed: Path, depth: int):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = placed.parent if depth == 1 else placed
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(ChallengeFailed, match="cannot be put into") as raised:
        Webroot(str(root)).place([TOKEN])
    assert "no link" in raised.value.remedy
    assert tree(elsewhere) == []


@pytest.mark.parametrize("what", ["a file", "a pipe"])
def test_a_folder_that_is_none_is_refused(root: Path, placed: Path, what: str):
    if what == "a file":
        placed.parent.write_text("x")
    else:
        os.mkfifo(placed.parent)
    with pytest.raises(ChallengeFailed):
        Webroot(str(root)).place([TOKEN])


def test_a_folder_in_the_place_of_a_token_is_refused_and_stays(root: Path, placed: Path):
    (placed / TOKEN.name / "x").mkdir(parents=True)
    with pytest.raises(ChallengeFailed):
        Webroot(str(root)).place([OTHER, TOKEN])
    assert [path.name for path in placed.iterdir()] == [TOKEN.name]
    Webroot(str(root)).remove([TOKEN])


def test_a_pipe_in_the_place_of_a_token_does_not_hang(root: Path, placed: Path):
    placed.mkdir(parents=True)
    os.mkfifo(placed / TOKEN.name)
    Webroot(str(root)).remove([TOKEN])
    assert (placed / TOKEN.name).exists()


def test_a_web_root_that_does_not_exist_is_not_made(tmp_path: Path):
    with pytest.raises(ChallengeFailed, match="no such file or directory"):
        Webroot(str(tmp_path / "none")).place([TOKEN])
    assert tree(tmp_path) == []


@pytest.mark.fault(95)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_could_be_more_than_a_files_is_refused_before_the_disk_is_touched(root: Path, name: str):
    token = Token("contoso.com", "http-01", name, "value")
    with pytest.raises(ChallengeFailed) as raised:
        Webroot(str(root)).place([TOKEN, token])
    assert str(raised.value).isprintable()
    Webroot(str(root)).remove([token])
    assert tree(root) == []


@pytest.mark.fault(95)
@given(st.text())
def test_no_name_leaves_the_folder(tmp_path_factory: pytest.TempPathFactory, name: str):
    root = tmp_path_factory.mktemp("root")
    token = Token("contoso.com", "http-01", name, "value")
    try:
        Webroot(str(root)).place([token])
    except ChallengeFailed:
        assert tree(root) == []
    else:
        assert tree(root)[2:] == [f".well-known/acme-challenge/{name}"]


def test_a_record_is_refused_and_shown(root: Path):
    record = Token("contoso.com", "dns-01", "_acme-challenge", "digest")
    with pytest.raises(ChallengeFailed, match=r"dns-01.*contoso\.com: _acme-challenge = digest"):
        Webroot(str(root)).place([record])


def test_targets_that_share_a_web_root_do_not_take_away_each_others_folders(root: Path):
    failures: list[Exception] = []

    def work(number: int) -> None:
        token = Token("contoso.com", "http-01", f"token-{number}", f"value-{number}")
        challenge = Webroot(str(root))
        try:
            for _ in range(50):
                challenge.place([token])
                challenge.remove([token])
        except ChallengeFailed as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert tree(root) == []


def test_no_descriptor_is_left_open(root: Path, placed: Path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        Webroot(str(root)).place([TOKEN])
        Webroot(str(root)).remove([TOKEN])
    (placed / TOKEN.name / "x").mkdir(parents=True)
    for _ in range(10):
        with pytest.raises(ChallengeFailed):
            Webroot(str(root)).place([TOKEN])
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.fault(59)
@pytest.mark.parametrize("again", [True, False], ids=["placed again", "removed"])
def test_what_a_crash_left_of_a_token_goes_with_it(
    root: Path, placed: Path, monkeypatch: pytest.MonkeyPatch, again: bool
):
    with monkeypatch.context() as patched:

        def crash(*_: object, **__: object) -> None:
            patched.setattr(os, "unlink", crash)  # nothing is tidied up any more
            raise KeyboardInterrupt

        patched.setattr(os, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            Webroot(str(root)).place([TOKEN])
    assert len(os.listdir(placed)) == 1
    if again:
        Webroot(str(root)).place([TOKEN])
        assert os.listdir(placed) == [TOKEN.name]
    Webroot(str(root)).remove([TOKEN])
    assert not placed.exists() or not os.listdir(placed)


@pytest.mark.fault(47)
def test_a_folder_whose_mode_cannot_be_set_leaves_no_descriptor_open(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ChallengeFailed, match="not permitted"):
        Webroot(str(root)).place([TOKEN])
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.fault(99)
def test_whoever_swaps_the_folder_for_a_link_at_any_moment_gets_no_file_out_of_it(
    root: Path, tmp_path: Path, placed: Path
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    placed.mkdir(parents=True)
    link = placed.parent / "link"
    link.symlink_to(elsewhere)
    exchange, stop = ctypes.CDLL(None, use_errno=True).renameat2, threading.Event()

    def swap() -> None:
        """Folder and link change places in one step, all the time."""
        names = os.fsencode(placed), os.fsencode(link)
        while not stop.is_set():
            exchange(-100, names[0], -100, names[1], 2)  # AT_FDCWD, RENAME_EXCHANGE: linux/fs.h

    thread = threading.Thread(target=swap)
    thread.start()
    went = dict.fromkeys((True, False), 0)
    while min(went.values()) < 20:
        try:
            Webroot(str(root)).place([TOKEN])
            Webroot(str(root)).remove([TOKEN])
            went[True] += 1
        except ChallengeFailed:
            went[False] += 1
    stop.set()
    thread.join()
    assert tree(elsewhere) == []
