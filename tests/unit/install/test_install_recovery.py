import json
import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from renewd.errors import InstallFailed
from renewd.install import atomic, fixed, intents, layouts, live, sites, switching
from renewd.install.installer import Source
from tests.certificates import Authority

FILES = {"files": {"key": "@/etc/key.pem", "fullchain": "@/etc/chain.pem"}}
FOLDER = {"directory": "@/live"}
AUTHORITY = Authority.new()
PLAIN = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()


def interrupted(home, target, *, prepared=True, **odd):
    """A crash between the intent and the switch; the old and the new version."""
    old = home.install(target)
    home.clock.advance(60)
    new = home.installer.stage(target, home.bundle(target, **odd), Source("rcl"))
    found = sites.of(target, home.state)
    intents.write(home.state, switching.plan(target.name, target.slug, found, new))
    for site in found:
        if prepared and not site.linked:
            fixed.prepare(site, new)
    return old, new


def store(home, target, version, name):
    return home.path("state", "store", target.slug, "versions", version, name)


def test_an_interrupted_switch_is_completed_where_the_new_version_is_whole_everywhere(home):
    target = home.target(FOLDER, FILES)
    _, new = interrupted(home, target)
    (recovered,) = home.installer.recover()
    assert (recovered.name, recovered.ok) == (target.name, True)
    assert recovered.what == f"the switch to version {new} was completed"
    assert home.installer.current(target) == new
    assert live.look_closely(target).state == "present"
    assert home.installer.recover() == []


@pytest.mark.parametrize("damage", ["changed", "gone", "whole folder gone"])
def test_it_is_undone_where_the_new_version_is_damaged_anywhere(home, damage):
    target = home.target(FOLDER, FILES)
    old, new = interrupted(home, target)
    switching.links.switch(sites.of(target, home.state)[0], new)  # the crash was later still
    path = store(home, target, new, "chain.pem")
    if damage == "changed":
        path.write_bytes(b"x")
    elif damage == "gone":
        path.unlink()
    else:
        shutil.rmtree(path.parent)
    (recovered,) = home.installer.recover()
    assert recovered.ok
    assert recovered.what.endswith("what was live before is live again")
    assert home.installer.current(target) == old
    assert live.look_closely(target).state == "present"


def torn(home, target):
    """A switch that was interrupted between the key and the certificate, of which neither version is whole any more."""
    old, new = interrupted(home, target)
    os.rename(home.path("etc", ".key.pem.renewd"), home.path("etc", "key.pem"))
    kept = store(home, target, old, "fullchain.pem").read_bytes()
    for version in (old, new):
        store(home, target, version, "fullchain.pem").write_bytes(b"x")
    return old, kept


def test_where_neither_is_whole_it_is_told_and_tried_again_every_time(home):
    target = home.target(FILES)
    old, kept = torn(home, target)
    before = home.path("etc", "chain.pem").read_bytes()
    for _ in range(2):
        (recovered,) = home.installer.recover()
        assert not recovered.ok
        assert "stays half-done" in recovered.what
    assert home.path("etc", "chain.pem").read_bytes() == before
    store(home, target, old, "fullchain.pem").write_bytes(kept)
    assert [one.ok for one in home.installer.recover()] == [True]
    assert home.installer.current(target) == old


def test_the_next_version_takes_the_place_of_one_whose_switch_cannot_be_ended(home):
    target = home.target(FILES)
    torn(home, target)
    assert [one.ok for one in home.installer.recover()] == [False]
    version = home.install(target)
    assert home.installer.current(target) == version
    assert live.look_closely(target).state == "present"
    assert home.installer.recover() == []


def test_so_it_does_for_one_whose_intent_cannot_be_read(home):
    target = home.target(FILES)
    interrupted(home, target)
    Path(intents.path(home.state, target.slug)).write_text("{")
    version = home.install(target)
    assert home.installer.current(target) == version
    assert home.installer.recover() == []


@pytest.mark.parametrize("fails", ["the intent", "a file beside"])
def test_where_that_fails_what_is_half_done_is_not_forgotten(home, monkeypatch, fails):
    target = home.target(FILES)
    torn(home, target)
    version = home.installer.stage(target, home.bundle(target), Source("rcl"))
    write, turns = atomic.write, []

    def failing(within, name, data, attributes):
        turns.append(name)
        if (name == ".chain.pem.renewd") == (fails == "a file beside") and name.endswith(".renewd"):
            raise OSError(28, "No space left on device")
        write(within, name, data, attributes)

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write", failing)
        with pytest.raises(InstallFailed, match="no space left"):
            home.installer.switch(target, version)
    assert turns
    recovered = home.installer.recover()
    if fails == "the intent":
        assert [one.ok for one in recovered] == [False]
    else:
        assert [one.ok for one in recovered] == [True]
        assert home.installer.current(target) == version


def test_the_next_switch_ends_the_interrupted_one_first(home):
    target = home.target(FILES)
    _, new = interrupted(home, target)
    home.install(target)
    assert home.installer.previous(target) == new
    assert home.installer.recover() == []


def test_a_first_install_that_is_undone_leaves_nothing_live(home):
    target = home.target(FOLDER, FILES)
    version = home.installer.stage(target, home.bundle(target), Source("rcl"))
    found = sites.of(target, home.state)
    intents.write(home.state, switching.plan(target.name, target.slug, found, version))
    for site in found:
        if not site.linked:
            fixed.prepare(site, version)
            fixed.switch(site, version)
        else:
            switching.links.switch(site, version)
    store(home, target, version, "cert.pem").unlink()
    assert [one.ok for one in home.installer.recover()] == [True]
    assert os.listdir(home.path("etc")) == []
    assert os.listdir(home.path("live")) == ["versions"]


def test_a_file_that_somebody_put_there_meanwhile_is_kept(home):
    target = home.target(FOLDER)
    interrupted(home, target)
    home.path("live", "cert.pem").unlink()
    home.path("live", "cert.pem").write_text("mine")
    assert [one.ok for one in home.installer.recover()] == [True]
    (taken,) = [version.id for version in home.installer.versions(target) if version.taken]
    assert home.path("live", "versions", taken, "cert.pem").read_text() == "mine"
    assert home.path("live", "cert.pem").is_symlink()


@pytest.mark.parametrize("text", ["", "{", '{"schema": 1}'])
def test_an_intent_that_cannot_be_read_is_told(home, text):
    path = home.path("state", "intents", "contoso.com.json")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (recovered,) = home.installer.recover()
    assert not recovered.ok
    assert str(path) in recovered.what


def test_an_intent_that_is_a_folder_is_told(home):
    home.path("state", "intents", "contoso.com.json").mkdir(parents=True)
    (recovered,) = home.installer.recover()
    assert recovered.what.endswith("cannot be read: is a directory")


def test_recovery_needs_neither_configuration_nor_the_target(home):
    target = home.target(FILES)
    _, new = interrupted(home, target)
    text = Path(intents.under_way(home.state)[0]).read_text()
    assert all(word in text for word in (new, str(home.path("etc", "key.pem")), '"before"', '"hashes"'))
    assert "PRIVATE" not in text


def test_where_even_going_back_fails_it_says_so_and_recovery_can_finish_it(home, monkeypatch):
    target = home.target(FILES)
    old = home.install(target)
    bundle = home.bundle(target)
    home.clock.advance(60)
    new = home.installer.stage(target, bundle, Source("rcl"))
    rename, renamed = atomic.rename, []

    def failing(within, before, after):
        renamed.append(after)
        if len(renamed) > 3:  # the intent, the key, then nothing more
            raise OSError(5, "Input/output error")
        rename(within, before, after)

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "rename", failing)
        with pytest.raises(InstallFailed, match="and then the old files could not be put back") as caught:
            home.installer.switch(target, new)
    assert caught.value.remedy.endswith("then run: renewd recover")
    assert [one.ok for one in home.installer.recover()] == [True]
    assert home.installer.current(target) in {old, new}
    assert live.look_closely(target).state == "present"


@pytest.mark.fault(55)
def test_what_crashes_left_is_swept_when_it_is_an_hour_old(home):
    target = home.target(FOLDER, FILES)
    version = home.install(target)
    stage = home.path("live", "versions", f"{layouts.STAGE}{version}")
    stage.mkdir()
    (stage / "privkey.pem").write_text("half")
    left = [stage, home.path("etc", ".key.pem.renewd"), home.path("live", ".current.renewd")]
    left[1].write_text("half")
    left[2].symlink_to("versions/none")
    foreign = home.path("etc", ".other.renewd")
    foreign.write_text("not ours")
    for path, age in ((left, timedelta(minutes=59)), (left, timedelta(minutes=61))):
        at = (home.clock.now() - age).timestamp()
        for one in [*path, foreign]:
            os.utime(one, (at, at), follow_symlinks=False)
        home.installer.prune(target)
        assert [os.path.lexists(one) for one in left] == [age < timedelta(hours=1)] * 3
    assert foreign.exists()
    assert home.whole(target, version)


def test_pruning_where_nothing_was_installed_is_no_error(home):
    home.installer.prune(home.target(FOLDER, FILES))
    assert home.installer.recover() == []
    assert home.installer.versions(home.target()) == []
    assert home.installer.current(home.target()) is None
    assert home.installer.previous(home.target()) is None


def test_a_switch_that_another_process_is_at_is_not_taken_for_an_interrupted_one(tmp_path: Path):
    """`renew` typed beside the daemon recovers first: it has to wait until the daemon's switch is over."""
    state, over = str(tmp_path / "state"), threading.Event()
    waited = []

    def recover() -> None:
        with intents.alone(state):
            waited.append(over.is_set())

    with intents.alone(state):
        other = threading.Thread(target=recover)
        other.start()
        other.join(0.3)
        over.set()
    other.join()
    assert waited == [True]


def put_by_hand(home, *, days):
    """Somebody's own certificate at the fixed paths, which ends so many days after the others are made."""
    now = home.clock.now()
    issued = AUTHORITY.issue(
        ["contoso.com", "www.contoso.com"], not_before=now, not_after=now + timedelta(days=days)
    )
    home.path("etc", "key.pem").write_bytes(issued.key_pem)
    home.path("etc", "chain.pem").write_bytes(issued.fullchain_pem)
    return issued


@pytest.mark.parametrize("damaged", [False, True], ids=["forward", "back"])
def test_a_later_certificate_that_somebody_put_there_meanwhile_is_not_replaced_by_an_earlier_one(
    home, damaged
):
    target = home.target(FILES)
    _, new = interrupted(home, target)
    if damaged:
        store(home, target, new, "cert.pem").unlink()
    theirs = put_by_hand(home, days=3000)
    (recovered,) = home.installer.recover()
    assert recovered.ok
    assert recovered.what.endswith("what somebody put there ends later, and stays")
    assert home.path("etc", "chain.pem").read_bytes() == theirs.fullchain_pem
    assert home.path("etc", "key.pem").read_bytes() == theirs.key_pem
    assert home.installer.recover() == []


def test_one_that_ends_after_what_the_switch_leads_to_stays_though_what_was_live_ended_later(home):
    target = home.target(FILES)
    now = home.clock.now()
    interrupted(home, target, not_before=now, not_after=now + timedelta(days=6))
    theirs = put_by_hand(home, days=30)
    assert [one.ok for one in home.installer.recover()] == [True]
    assert home.path("etc", "chain.pem").read_bytes() == theirs.fullchain_pem


@pytest.mark.parametrize("damaged", [False, True], ids=["forward", "back"])
@pytest.mark.parametrize("days", [1, 90])
def test_one_that_does_not_end_later_is_kept_as_a_version_and_told_before_it_is_replaced(home, days, damaged):
    target = home.target(FILES)
    old, new = interrupted(home, target)
    theirs = put_by_hand(home, days=days)
    if damaged:
        store(home, target, new, "cert.pem").unlink()
    (recovered,) = home.installer.recover()
    assert recovered.ok
    assert home.installer.current(target) == (old if damaged else new)
    assert home.installer.altered(target) == []
    (taken,) = [version.id for version in home.installer.versions(target) if version.taken]
    assert recovered.what.endswith(f"what somebody put there meanwhile is kept as version {taken}")
    assert store(home, target, taken, "privkey.pem").read_bytes() == theirs.key_pem
    assert store(home, target, taken, "fullchain.pem").read_bytes() == theirs.fullchain_pem


def test_what_belongs_to_the_switch_itself_is_no_version_of_its_own(home):
    target = home.target(FILES)
    interrupted(home, target)
    os.rename(home.path("etc", ".key.pem.renewd"), home.path("etc", "key.pem"))
    (recovered,) = home.installer.recover()
    assert recovered.what.endswith("was completed")
    assert not [version for version in home.installer.versions(target) if version.taken]


def test_a_mixed_set_is_no_measure_however_late_it_ends(home):
    target = home.target(FILES)
    _, new = interrupted(home, target)
    put_by_hand(home, days=3000)
    home.path("etc", "key.pem").write_bytes(home.bundle(target).key.private_bytes(*PLAIN))
    assert [one.ok for one in home.installer.recover()] == [True]
    assert home.installer.current(target) == new


def test_one_broken_store_keeps_no_other_from_being_recovered(home):
    targets = [
        home.target({"files": {"combined": f"@/etc/{name}"}}, name=name)
        for name in ("a.example", "b.example", "c.example")
    ]
    versions = [interrupted(home, target)[1] for target in targets]
    document = json.loads(Path(intents.path(home.state, "b.example")).read_text())
    document["moves"][0]["site"]["files"] = [["nonsense", str(home.path("etc", "b.example"))]]
    Path(intents.path(home.state, "b.example")).write_text(json.dumps(document))
    found = {one.name: one.ok for one in home.installer.recover()}
    assert found == {"a.example": True, "b.example": False, "c.example": True}
    assert home.installer.current(targets[0]) == versions[0]
    assert home.installer.current(targets[2]) == versions[2]
