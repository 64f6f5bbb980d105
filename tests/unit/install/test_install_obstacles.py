import os
import struct
import subprocess
from pathlib import Path

import pytest

from renewd.errors import InstallFailed
from renewd.install import atomic
from renewd.install.installer import Source

FILES = {"files": {"key": "@/etc/key.pem", "fullchain": "@/etc/chain.pem"}}
FOLDER = {"directory": "@/live"}


def a_folder_at_a_file(home):
    home.path("etc", "key.pem").mkdir()


def a_link_at_a_file(home):
    home.path("etc", "key.pem").symlink_to("/etc/hostname")


def a_link_that_leads_nowhere(home):
    home.path("etc", "key.pem").symlink_to("nowhere")


def a_pipe_at_a_file(home):
    os.mkfifo(home.path("etc", "key.pem"))


def a_second_hard_link(home):
    home.path("etc", "key.pem").write_text("x")
    os.link(home.path("etc", "key.pem"), home.path("etc", "other"))


def a_folder_that_everybody_may_write_in(home):
    home.path("etc").chmod(0o777)


def a_folder_that_a_foreign_group_may_write_in(home):
    os.chown(home.path("etc"), 0, 4242)
    home.path("etc").chmod(0o775)


def a_folder_of_another_user(home):
    os.chown(home.path("etc"), 4242, 0)


def a_link_of_another_user_on_the_way(home):
    home.path("etc").rename(home.path("elsewhere"))
    home.path("etc").symlink_to("elsewhere")
    os.chown(home.path("etc"), 4242, 4242, follow_symlinks=False)


def a_file_on_the_way(home):
    home.path("etc").rmdir()
    home.path("etc").write_text("x")


def a_linked_folder(home):
    home.path("real").mkdir()
    home.path("live").symlink_to("real")


def a_file_at_the_folder(home):
    home.path("live").write_text("x")


def a_folder_that_is_another_users(home):
    home.path("live").mkdir()
    os.chown(home.path("live"), 4242, 0)


def a_foreign_current(home):
    home.path("live").mkdir()
    home.path("live", "current").symlink_to("releases/7")


def a_foreign_current_folder(home):
    home.path("live", "current").mkdir(parents=True)


def foreign_versions(home):
    home.path("live", "versions", "v1.2").mkdir(parents=True)


def a_file_called_versions(home):
    home.path("live").mkdir()
    home.path("live", "versions").write_text("x")


def a_folder_at_a_link(home):
    home.path("live", "fullchain.pem").mkdir(parents=True)


@pytest.mark.parametrize(
    ("place", "obstacle", "said"),
    [
        (FILES, a_folder_at_a_file, "is a folder"),
        (FILES, a_link_at_a_file, "is a link; write the file it leads to, /etc/hostname"),
        (FILES, a_link_that_leads_nowhere, "is a link"),
        (FILES, a_pipe_at_a_file, "is not a regular file"),
        (FILES, a_second_hard_link, "has 2 hard links"),
        (FILES, a_folder_that_everybody_may_write_in, "everybody may write in"),
        (FILES, a_folder_that_a_foreign_group_may_write_in, "the group 4242 may write in"),
        (FILES, a_folder_of_another_user, "belongs to 4242, who could exchange what lies in it"),
        (FILES, a_link_of_another_user_on_the_way, "belongs to 4242"),
        (FILES, a_file_on_the_way, "is not a folder"),
        (FOLDER, a_linked_folder, "is a link; write the folder it leads to"),
        (FOLDER, a_file_at_the_folder, "is not a folder"),
        (FOLDER, a_folder_that_is_another_users, "belongs to another user"),
        (FOLDER, a_foreign_current, "current is not renewd's"),
        (FOLDER, a_foreign_current_folder, "current is not renewd's"),
        (FOLDER, foreign_versions, "versions holds what is not renewd's"),
        (FOLDER, a_file_called_versions, "versions is not renewd's"),
        (FOLDER, a_folder_at_a_link, "is a folder where a file should be"),
    ],
)
@pytest.mark.usefixtures("root")
@pytest.mark.fault(99)
def test_what_stands_in_the_way_is_told_and_left_as_it_is(home, place, obstacle, said):
    home.path("etc").mkdir()
    obstacle(home)
    target = home.target(place)
    before = home.files()
    assert any(said in problem for problem in home.installer.room(target))
    with pytest.raises(InstallFailed) as caught:
        home.install(target)
    assert said.split(";")[0] in str(caught.value)
    assert caught.value.remedy
    assert home.files() == before


def test_a_folder_that_is_only_linked_to_by_root_is_no_obstacle(home):
    home.path("real").mkdir()
    home.path("etc").symlink_to("real")
    target = home.target(FILES)
    assert home.installer.room(target) == []
    home.install(target)
    assert home.path("real", "key.pem").is_file()


@pytest.mark.fault(54)
def test_a_file_mounted_by_itself_is_refused_before_anything_is_written(home, mount):
    home.path("etc").mkdir()
    for name in ("key.pem", "outside"):
        home.path("etc", name).write_text("x")
    mount("etc/key.pem", "--bind", str(home.path("etc", "outside")))
    target = home.target(FILES)
    assert any("is mounted as a single file" in problem for problem in home.installer.room(target))
    with pytest.raises(InstallFailed, match="mounted as a single file"):
        home.install(target)


def test_a_mounted_folder_works(home, mount):
    mount("live", "-t", "tmpfs", "-o", "mode=755", "none")
    target = home.target()
    assert home.installer.room(target) == []
    home.install(target)
    assert home.installer.current(target)


@pytest.mark.fault(45)
def test_a_full_disk_is_told_and_what_is_live_stays(home, mount):
    disk = mount("live", "-t", "tmpfs", "-o", "size=1m,mode=755", "none")
    target = home.target()
    home.install(target)
    found = os.statvfs(disk)
    (disk / "big").write_bytes(b"\0" * found.f_bavail * found.f_frsize)
    before = home.files()
    assert any("has 0 KiB left" in problem for problem in home.installer.room(target))
    with pytest.raises(InstallFailed, match="no space left on device") as caught:
        home.installer.stage(target, home.bundle(target), Source("rcl"))
    assert caught.value.remedy == "free some space there"
    assert home.files() == before


@pytest.mark.fault(46)
def test_a_disk_without_inodes_is_told_and_what_is_live_stays(home, mount):
    disk = mount("live", "-t", "tmpfs", "-o", "nr_inodes=30,mode=755", "none")
    target = home.target()
    home.install(target)
    for turn in range(os.statvfs(disk).f_favail - 3):
        (disk / f"file-{turn}").touch()
    before = home.files()
    assert any("has 3 inodes left" in problem for problem in home.installer.room(target))
    with pytest.raises(InstallFailed, match="no space left"):
        home.install(target)
    assert home.files() == before


@pytest.mark.fault(47)
def test_a_disk_mounted_read_only_is_told(home, mount):
    mount("live", "-t", "tmpfs", "-o", "mode=755,ro", "none")
    target = home.target()
    assert any(
        "read-only file system; mount the file system writable" in problem
        for problem in home.installer.room(target)
    )
    with pytest.raises(InstallFailed, match="read-only file system"):
        home.install(target)


@pytest.mark.fault(47)
def test_one_place_that_cannot_be_written_to_keeps_all_places_as_they_are(home, mount):
    target = home.target(FILES, FOLDER)
    first = home.install(target)
    home.clock.advance(60)
    second = home.installer.stage(target, home.bundle(target), Source("rcl"))
    mount("etc", "-t", "tmpfs", "-o", "mode=755,ro", "none")
    with pytest.raises(InstallFailed, match="read-only"):
        home.installer.switch(target, second)
    assert os.readlink(home.path("live", "current")) == f"versions/{first}"
    assert home.installer.recover() == []


@pytest.mark.usefixtures("root")
@pytest.mark.fault(47)
def test_an_immutable_file_is_told_and_the_other_files_put_back(home):
    target = home.target(FILES)
    home.install(target)
    path = home.path("etc", "chain.pem")
    before = {path: home.path("etc", path).read_bytes() for path in ("key.pem", "chain.pem")}
    subprocess.run(["chattr", "+i", str(path)], check=True)
    try:
        assert any("is immutable; chattr -i" in problem for problem in home.installer.room(target))
        with pytest.raises(InstallFailed, match="operation not permitted"):
            home.install(target)
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)
    assert {path: home.path("etc", path).read_bytes() for path in before} == before


def test_looking_for_room_changes_nothing(home):
    target = home.target(FILES, FOLDER)
    assert home.installer.room(target) == []
    assert home.files() == {}
    assert not home.path("live").exists()
    home.install(target)
    before = home.files()
    assert home.installer.room(target) == []
    assert home.files() == before


def access_list(*, user: int) -> bytes:
    """acl(5) as the kernel stores it: rw- for the owner, r-- for the user and in the mask, nothing else."""
    none = 0xFFFFFFFF
    entries = [(0x01, 6, none), (0x02, 4, user), (0x04, 0, none), (0x10, 4, none), (0x20, 4, none)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.parametrize("place", [FILES, FOLDER], ids=["fixed files", "a directory"])
@pytest.mark.fault(57)
def test_an_access_list_is_kept_but_for_what_everybody_may(home, place):
    target = home.target(place)
    home.install(target)
    path = home.installer.told(target)[1]["key"]
    try:
        os.setxattr(path, "system.posix_acl_access", access_list(user=4242))
    except OSError as error:
        raise AssertionError(f"the tests need a file system with access lists: {error}") from error
    home.install(target)
    found = os.getxattr(path, "system.posix_acl_access")
    assert struct.pack("<HHI", 0x02, 4, 4242) in found
    assert Path(path).stat().st_mode & 0o007 == 0


@pytest.mark.usefixtures("root")
@pytest.mark.fault(57)
def test_a_security_label_is_kept(home):
    target = home.target(FILES)
    home.install(target)
    path = home.installer.told(target)[1]["key"]
    label = b"system_u:object_r:cert_t:s0\0"
    os.setxattr(path, "security.selinux", label)
    home.install(target)
    assert os.getxattr(path, "security.selinux") == label


def test_a_failed_write_leaves_no_file_behind_and_no_descriptor_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with atomic.directory(str(tmp_path)) as folder:
        for attributes in (atomic.Attributes(0o600, extended=(("nonsense.name", b""),)),):
            with pytest.raises(OSError):
                atomic.write(folder, "file", b"data", attributes)
        atomic.write(folder, "file", b"data", atomic.Attributes(0o600))
        with pytest.raises(FileExistsError):
            atomic.write(folder, "file", b"other", atomic.Attributes(0o600))
        with pytest.raises(OSError):
            atomic.rename(folder, "file", "no/such/folder")
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.fault(99)
def test_a_link_is_neither_written_through_nor_read_through(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to("secret")
    with atomic.directory(str(tmp_path)) as folder:
        with pytest.raises(FileExistsError):
            atomic.write(folder, "link", b"x", atomic.Attributes(0o600))
        with pytest.raises(OSError):
            atomic.read("link", within=folder)
    with pytest.raises(OSError), atomic.directory(str(tmp_path / "link")):
        pass


def test_looks_at_one_folder_side_by_side_do_not_disturb_each_other(home, monkeypatch):
    """Another look begins and ends while the first one's file is there."""
    target, write, others = home.target({"directory": "@/live"}), atomic.write, []

    def interrupted(*args):
        monkeypatch.setattr(atomic, "write", write)
        write(*args)
        others.extend(home.installer.room(target))
        assert args[1] in os.listdir(args[0])

    monkeypatch.setattr(atomic, "write", interrupted)
    assert home.installer.room(target) == others == []


def test_what_a_crash_leaves_of_a_look_is_taken_away_once_it_is_old(home):
    old, young = home.path(".probe-00.renewd"), home.path(".probe-01.renewd")
    for left in (old, young):
        left.touch()
    hours = young.stat().st_mtime - 2 * 3600
    os.utime(old, (hours, hours))
    assert home.installer.room(home.target({"directory": "@/live"})) == []
    assert not old.exists()
    assert young.exists(), "somebody may be looking"
