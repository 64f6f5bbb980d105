import os
import shutil
from pathlib import Path

import pytest

from renewd.errors import InstallFailed
from renewd.install import live
from renewd.install.installer import Source

FILES = {"files": {"key": "@/etc/key.pem", "fullchain": "@/etc/chain.pem"}}
FOLDER = {"directory": "@/live"}
PLACES = {"a folder": FOLDER, "fixed files": FILES}


def fullchain(home, target):
    """The file that programs open."""
    return Path(home.installer.told(target)[1]["fullchain"])


def edit(path, data):
    """Write, and again until the file is younger than it was: the clock of files ticks in milliseconds."""
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        path.write_bytes(data)


def problem(home, target):
    """What `check` says."""
    return live.look_closely(target, home.state).problem


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_an_edited_file_is_told_by_check_and_kept_before_it_is_replaced(home, place):
    target = home.target(place)
    first = home.install(target)
    assert problem(home, target) is None
    path = fullchain(home, target)
    edited = path.read_bytes() + b"# by hand\n"
    edit(path, edited)
    assert problem(home, target).endswith(
        f"is no longer what version {first} put there: it has another content around the same certificate"
    )
    assert live.look_closely(target, home.state).state == "present"
    second = home.install(target)
    assert problem(home, target) is None
    assert path.read_bytes() != edited
    taken = home.installer.previous(target)
    assert [version.id for version in home.installer.versions(target)] == [second, taken, first]
    assert taken.endswith("-taken")
    home.installer.switch(target, taken)
    assert path.read_bytes() == edited
    assert home.installer.altered(target) == []


def test_an_edited_file_comes_back_when_the_new_version_does_not_stay(home):
    target = home.target(FOLDER)
    home.install(target)
    path = fullchain(home, target)
    edited = path.read_bytes() + b"# by hand\n"
    edit(path, edited)
    home.clock.advance(60)
    version = home.installer.stage(target, home.bundle(target), Source("rcl"))
    before = home.installer.switch(target, version)
    home.installer.switch(target, before)
    assert path.read_bytes() == edited


def test_the_file_that_has_no_link_of_its_own_is_kept_too(home):
    target = home.target(FOLDER)
    first = home.install(target)
    path = home.path("live", "current", "combined.pem")
    edit(path, b"dh parameters\n" + path.read_bytes())
    assert "combined.pem is no longer what version" in problem(home, target)
    edited = path.read_bytes()
    home.install(target)
    taken = home.installer.previous(target)
    assert home.path("live", "versions", taken, "combined.pem").read_bytes() == edited
    assert first in {version.id for version in home.installer.versions(target)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.write_bytes(b"nonsense"), "it holds no certificate that can be read"),
        (lambda path: path.unlink(), "cannot be read: no such file or directory"),
    ],
    ids=["emptied", "overwritten", "taken away"],
)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_was_done_to_a_file_is_said(home, place, change, said):
    target = home.target(place)
    home.install(target)
    change(Path(os.path.realpath(fullchain(home, target))))
    (found,) = home.installer.altered(target)
    assert found.endswith(said)
    home.install(target)
    assert home.installer.altered(target) == []


def test_another_certificate_in_its_place_is_named_by_its_end(home):
    target, other = home.target(FILES), home.target({"directory": "@/other"}, name="other.example")
    home.install(target)
    home.install(other)
    fullchain(home, target).write_bytes(fullchain(home, other).read_bytes())
    (found,) = home.installer.altered(target)
    ends = home.installer.live_leaf(other).not_valid_after_utc
    assert found.endswith(f"it holds another certificate, which ends on {ends:%Y-%m-%d}")


def test_a_link_led_elsewhere_is_told_and_what_it_leads_to_kept(home):
    target, other = home.target(FOLDER), home.target({"directory": "@/other"})
    home.install(target)
    home.install(other)
    path = home.path("live", "fullchain.pem")
    path.unlink()
    path.symlink_to("../other/fullchain.pem")
    assert "is no longer renewd's link" in "; ".join(home.installer.altered(target))
    shown = path.read_bytes()
    home.install(target)
    taken = home.installer.previous(target)
    assert home.path("live", "versions", taken, "fullchain.pem").read_bytes() == shown
    assert home.path("other", "fullchain.pem").read_bytes() == shown


def test_restoring_a_backup_is_no_edit(home):
    target = home.target(FOLDER, FILES)
    home.install(target)
    for name in ("live", "etc", "state"):
        shutil.copytree(home.path(name), home.path(f"{name}.backup"), symlinks=True)
        shutil.rmtree(home.path(name))
        home.path(f"{name}.backup").rename(home.path(name))
    assert problem(home, target) is None
    assert home.installer.altered(target) == []


def test_a_store_that_is_closed_to_the_one_who_asks_says_nothing(home, monkeypatch):
    target = home.target(FILES)
    home.install(target)
    fullchain(home, target).write_bytes(fullchain(home, target).read_bytes() + b"# by hand\n")
    store = home.path("state", "store", target.slug, "versions")

    def closed(path, *args, **options):
        if str(path).startswith(str(store)):
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **options)

    opened = os.open
    monkeypatch.setattr(os, "open", closed)
    assert problem(home, target) is None
    with pytest.raises(InstallFailed, match="permission denied"):
        home.installer.altered(target)
