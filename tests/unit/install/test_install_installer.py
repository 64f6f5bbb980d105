import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from renewd.certs import facts, keys
from renewd.certs.bundle import Bundle, Material
from renewd.config.secrets import Secret
from renewd.errors import InstallFailed
from renewd.install import intents, live
from renewd.install.installer import Source
from tests.certificates import Authority

AUTHORITY = Authority.new()
FIXED = {
    "files": {
        "key": "@/etc/key.pem",
        "cert": "@/etc/cert.pem",
        "chain": "@/etc/chain.pem",
        "fullchain": "@/etc/fullchain.pem",
        "combined": "@/etc/haproxy/combined.pem",
        "pfx": "@/etc/certificate.pfx",
    }
}
PLACES = [
    pytest.param([{"directory": "@/live"}], id="a directory"),
    pytest.param(
        [{"directory": "@/live", "layout": "rcl"}], id="a directory as RCL's daemon names its files"
    ),
    pytest.param([FIXED], id="fixed files"),
    pytest.param([{"directory": "@/live"}, FIXED, {"files": {"combined": "@/x.pem"}}], id="several places"),
]


def mode(path):
    return os.stat(path).st_mode & 0o777


@pytest.mark.parametrize("places", PLACES)
def test_staging_changes_nothing_that_is_live_and_switching_all_of_it(home, places):
    target = home.target(*places)
    first = home.install(target)
    before = {path: Path(path).read_bytes() for path in home.installer.told(target)[1].values()}
    bundle = home.bundle(target)
    home.clock.advance(60)
    second = home.installer.stage(target, bundle, Source("rcl"))
    assert {path: Path(path).read_bytes() for path in before} == before
    assert home.installer.current(target) == first
    assert home.installer.switch(target, second) == first
    assert home.installer.current(target) == second
    assert home.installer.previous(target) == first
    assert home.installer.live_leaf(target) == bundle.leaf
    assert live.look_closely(target).state == "present"
    assert home.installer.altered(target) == []


@pytest.mark.parametrize("places", PLACES)
def test_all_kinds_of_files_hold_what_they_are_called(home, places):
    target = home.target(*places)
    bundle = home.bundle(target)
    home.install(target, bundle)
    found = {kind: Path(path).read_bytes() for kind, path in home.installer.told(target)[1].items()}
    assert x509.load_pem_x509_certificates(found["fullchain"]) == [bundle.leaf, *bundle.chain]
    assert x509.load_pem_x509_certificates(found["cert"]) == [bundle.leaf]
    assert x509.load_pem_x509_certificates(found["chain"]) == list(bundle.chain)
    assert keys.matches(keys.load_key(found["key"]), bundle.leaf)
    key, leaf, chain = pkcs12.load_key_and_certificates(found["pfx"], None)
    assert (leaf, tuple(chain)) == (bundle.leaf, bundle.chain)
    assert keys.matches(key, leaf)
    if "combined" in found:
        assert x509.load_pem_x509_certificates(found["combined"]) == [bundle.leaf, *bundle.chain]
        assert keys.matches(keys.load_key(found["combined"]), bundle.leaf)


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.usefixtures("root")
def test_private_parts_have_their_mode_and_public_ones_are_for_everybody_whatever_the_umask(home, places):
    target = home.target(*[{**place, "mode": "0640", "group": "4242", "owner": "4243"} for place in places])
    umask = os.umask(0o077)
    try:
        home.install(target)
    finally:
        os.umask(umask)
    for place in target.places:
        for kind, path in dict(place.files).items() or home.installer.told(target)[1].items():
            private = kind in {"key", "combined", "pfx"}
            found = os.stat(path)
            assert mode(path) == (0o640 if private else 0o644), path
            assert (found.st_uid, found.st_gid) == ((4243, 4242) if private else (0, 0)), path


def test_a_version_folder_can_be_entered_by_everybody_and_the_state_directory_by_nobody_else(home):
    target = home.target({"directory": "@/live"}, FIXED)
    version = home.install(target)
    assert mode(home.path("live", "versions", version)) == 0o755
    assert mode(home.state) == 0o700
    store = home.path("state", "store", target.slug, "versions", version)
    assert {mode(path) for path in store.iterdir()} == {0o600}


def test_one_rename_switches_a_directory_so_that_a_reader_who_enters_it_never_sees_two_versions(home):
    target = home.target()
    home.install(target)
    done = threading.Event()
    torn: list[str] = []
    seen: set[str] = set()

    def read() -> None:
        while not done.is_set():
            folder = os.open(home.path("live", "current"), os.O_RDONLY | os.O_DIRECTORY)
            try:
                found = []
                for name in ("privkey.pem", "fullchain.pem"):
                    with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
                        found.append(file.read())
            finally:
                os.close(folder)
            leaf = x509.load_pem_x509_certificate(found[1])
            seen.add(str(leaf.serial_number))
            if not keys.matches(keys.load_key(found[0]), leaf):
                torn.append("torn")

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        home.install(target)
    done.set()
    reader.join()
    assert torn == []
    assert len(seen) > 1


def test_versions_are_listed_newest_first_with_what_they_are(home):
    target = home.target({"directory": "@/live"}, FIXED)
    bundles = [home.bundle(target) for _ in range(3)]
    names = [home.install(target, bundle) for bundle in bundles]
    found = home.installer.versions(target)
    assert [version.id for version in found] == names[::-1]
    assert [version.serial for version in found] == [bundle.leaf.serial_number for bundle in bundles[::-1]]
    assert found[0].order_uri == "https://ca.example/1"
    assert found[0].not_after == bundles[2].leaf.not_valid_after_utc
    assert found[0].created_at == home.clock.now()
    assert all(version.accepted for version in found)


def test_the_same_certificate_staged_twice_in_one_second_is_two_versions(home):
    target = home.target()
    bundle = home.bundle(target)
    one, other = (home.installer.stage(target, bundle, Source("rcl")) for _ in range(2))
    assert one != other
    assert home.whole(target, one)
    assert home.whole(target, other)


@pytest.mark.fault(58)
def test_the_last_five_versions_are_kept_and_never_the_live_one_or_the_one_before_it_pruned(home):
    target = home.target({"directory": "@/live"}, FIXED)
    first, second = home.install(target), home.install(target)
    later = []
    for _ in range(8):
        home.clock.advance(60)
        later.append(home.installer.stage(target, home.bundle(target), Source("rcl")))
    home.installer.prune(target)
    assert {version.id for version in home.installer.versions(target)} == {first, second, *later[-5:]}
    assert len(os.listdir(home.path("live", "versions"))) == 7
    assert home.installer.previous(target) == first


@pytest.mark.parametrize("places", PLACES)
def test_an_older_version_can_be_put_back(home, places):
    target = home.target(*places)
    bundle = home.bundle(target)
    old = home.install(target, bundle)
    new = home.install(target)
    assert home.installer.switch(target, old) == new
    assert home.installer.live_leaf(target) == bundle.leaf
    assert home.installer.previous(target) == new


def test_a_version_loads_as_the_bundle_it_was_made_from(home):
    target = home.target()
    bundle = home.bundle(target)
    loaded = home.installer.load(target, home.install(target, bundle))
    assert (loaded.leaf, loaded.chain) == (bundle.leaf, bundle.chain)
    assert keys.matches(loaded.key, bundle.leaf)
    assert loaded.pfx_password is None


def test_a_version_that_is_not_there_cannot_be_loaded_or_switched_to(home):
    target = home.target()
    home.install(target)
    for act in (home.installer.load, home.installer.switch):
        with pytest.raises(InstallFailed, match="there is no version 20200101T000000Z-00000000"):
            act(target, "20200101T000000Z-00000000")
    assert not home.whole(target, "20200101T000000Z-00000000")


def test_a_version_whose_file_was_changed_is_neither_verified_nor_loaded_nor_copied_out(home):
    target = home.target(FIXED)
    old, new = home.install(target), home.install(target)
    before = home.path("etc", "fullchain.pem").read_bytes()
    home.path("state", "store", target.slug, "versions", old, "fullchain.pem").write_bytes(b"x")
    assert not home.whole(target, old)
    assert home.whole(target, new)
    with pytest.raises(InstallFailed, match="was changed since it was installed"):
        home.installer.load(target, old)
    with pytest.raises(InstallFailed, match="was changed since it was installed"):
        home.installer.switch(target, old)
    assert home.path("etc", "fullchain.pem").read_bytes() == before
    assert home.installer.current(target) == new


@pytest.mark.parametrize("damage", ["", "{", '{"schema": 1}'])
def test_a_version_with_a_damaged_manifest_is_none(home, damage):
    target = home.target()
    version = home.install(target)
    home.path("live", "versions", version, "manifest.json").write_text(damage)
    assert home.installer.versions(target) == []
    assert not home.whole(target, version)


def test_a_place_that_was_added_later_gets_the_older_versions_too(home):
    old = home.install(home.target())
    home.install(home.target())
    wider = home.target({"directory": "@/live"}, FIXED)
    assert home.installer.current(wider) is None
    home.installer.switch(wider, old)
    assert home.installer.current(wider) == old
    assert home.installer.load(home.target(FIXED), old) == home.installer.load(home.target(), old) or (
        home.installer.load(home.target(FIXED), old).leaf == home.installer.load(home.target(), old).leaf
    )
    assert home.path("etc", "key.pem").read_bytes() == home.path("live", "privkey.pem").read_bytes()


def test_a_changed_layout_shows_the_same_version_under_its_new_names(home):
    version = home.install(home.target())
    renamed = home.target({"directory": "@/live", "layout": "rcl"})
    assert home.installer.current(renamed) is None
    home.installer.switch(renamed, version)
    assert home.installer.current(renamed) == version
    assert os.readlink(home.path("live", "privateKey.key")) == "current/privkey.pem"
    assert os.readlink(home.path("live", "privkey.pem")) == "current/privkey.pem"


def test_the_pfx_has_the_password_of_the_service_unless_the_configuration_has_one(home, monkeypatch):
    secret = home.path("password")
    secret.write_text("ours\n")
    secret.chmod(0o600)
    target = home.target(
        {"directory": "@/live"}, {"files": {"pfx": "@/own.pfx"}, "pfx_password": {"file": "@/password"}}
    )
    found = home.bundle(target)
    bundle = Bundle(found.leaf, found.chain, found.key, Secret("theirs"))
    version = home.install(target, bundle)
    for path, password in (("live/certificate.pfx", b"theirs"), ("own.pfx", b"ours")):
        data = home.path(path).read_bytes()
        assert pkcs12.load_key_and_certificates(data, password)[1] == bundle.leaf
        with pytest.raises(ValueError):
            pkcs12.load_key_and_certificates(data, b"wrong")
    stored = b"".join(data for data in home.files().values() if isinstance(data, bytes))
    assert b"theirs" not in stored
    assert home.whole(target, version)


def test_a_pfx_password_that_cannot_be_read_is_told_before_anything_is_written(home):
    target = home.target({"directory": "@/live", "pfx_password": {"file": "@/none"}})
    with pytest.raises(InstallFailed, match="pfx_password"):
        home.install(target)
    assert not home.path("live", "current").exists()


@pytest.mark.parametrize(("key", "value"), [("owner", "no-such-user"), ("group", "no-such-group")])
def test_an_owner_that_does_not_exist_is_told_in_words(home, key, value):
    target = home.target({"directory": "@/live", key: value})
    with pytest.raises(InstallFailed, match=f"there is no .* {value} on this machine"):
        home.install(target)
    assert home.installer.room(target)[0].startswith("there is no ")


def test_what_hooks_edited_is_told(home):
    target = home.target({"directory": "@/live"}, FIXED)
    home.install(target)
    home.path("etc", "key.pem").write_bytes(b"")
    home.path("etc", "chain.pem").unlink()
    home.path("live", "cert.pem").unlink()
    problems = home.installer.altered(target)
    assert [problem.partition(" ")[2] for problem in problems] == [
        "is no longer renewd's link to current/cert.pem",
        f"is no longer what version {home.installer.versions(target)[0].id} put there: it is empty",
        "cannot be read: no such file or directory",
    ]
    assert home.installer.current(target) is None


def test_hooks_are_told_the_directory_and_the_links_in_it(home):
    target = home.target({"files": {"combined": "@/haproxy.pem"}}, {"directory": "@/live"})
    directory, files = home.installer.told(target)
    assert directory == str(home.path("live"))
    assert files["combined"] == str(home.path("haproxy.pem"))
    assert files["fullchain"] == str(home.path("live", "fullchain.pem"))


def test_a_pin_stays_until_it_is_taken_out(home):
    target = home.target({"directory": "@/live"}, FIXED)
    version = home.install(target)
    assert not home.installer.pinned(target)
    home.installer.pin(target)
    assert home.installer.pinned(target)
    assert home.path("live", "pinned").read_text().startswith(f"{version} stays live since 2026-11-24")
    home.installer.unpin(target)
    home.installer.unpin(target)
    assert not home.installer.pinned(target)


@pytest.mark.parametrize("places", PLACES)
def test_a_placeholder_is_put_where_nothing_is_and_counts_as_missing(home, places):
    target = home.target(*[{**place, "placeholder": True} for place in places])
    assert home.installer.placeholder(target)
    assert not home.installer.placeholder(target)
    assert live.look(target).state == "missing"
    assert live.look_closely(target).state == "missing"
    assert home.installer.live_leaf(target) is None
    (version,) = home.installer.versions(target)
    assert version.placeholder
    assert version.serial == facts.PLACEHOLDER_SERIAL
    home.install(target)
    assert live.look_closely(target).state == "present"


def test_a_placeholder_never_replaces_what_another_process_puts_there_meanwhile(home, monkeypatch):
    target, alone = home.target({"directory": "@/live", "placeholder": True}), intents.alone

    def late(*args, **more):
        monkeypatch.setattr(intents, "alone", alone)
        home.install(target)
        return alone(*args, **more)

    monkeypatch.setattr(intents, "alone", late)
    assert not home.installer.placeholder(target)
    assert live.look(target).state == "present"


def test_no_placeholder_is_put_where_something_is_or_none_is_wanted(home):
    assert not home.installer.placeholder(home.target())
    target = home.target({"files": {"combined": "@/a.pem"}, "placeholder": True})
    home.path("a.pem").write_text("mine")
    assert not home.installer.placeholder(target)
    assert home.path("a.pem").read_text() == "mine"


def test_refused_material_is_kept_for_a_week_with_the_reasons_and_known_by_its_fingerprint(home):
    target = home.target()
    issued = AUTHORITY.issue(target.domains)
    folder = Path(home.installer.quarantine(target, issued.material, ["it is too old", "it is odd"]))
    assert home.installer.quarantine(target, issued.material, ["again"]) == str(folder)
    assert (folder / "problems.txt").read_text() == "it is too old\nit is odd\n"
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    kept = b"".join(path.read_bytes() for path in sorted(folder.glob("material-*")))
    assert kept == issued.leaf_pem + issued.chain_pem + issued.key_pem
    assert home.installer.quarantined(target) == {
        issued.leaf.fingerprint(issued.leaf.signature_hash_algorithm).hex()
    }
    home.install(target)
    home.clock.advance(timedelta(days=6, hours=1))
    assert home.installer.quarantined(target) == frozenset()
    home.installer.sweep()
    assert not folder.exists()


def test_refused_material_goes_after_a_week_though_nobody_watches_its_target_any_more(home):
    target = home.target()
    old = home.installer.quarantine(target, home_material(home, target), ["no"])
    home.clock.advance(timedelta(days=8))
    new = home.installer.quarantine(target, home_material(home, target), ["no"])
    home.path("state", "quarantine", "a file of somebody's").touch()
    home.installer.sweep()
    assert (os.path.exists(old), os.path.exists(new)) == (False, True)


def test_refused_material_of_which_nothing_can_be_read_is_kept_too(home):
    target = home.target()
    folder = Path(
        home.installer.quarantine(target, Material(pem=(b"<html>",), pfx=b"\x30junk"), ["it is HTML"])
    )
    assert (folder / "material-1.pem").read_bytes() == b"<html>"
    assert (folder / "material.pfx").read_bytes() == b"\x30junk"
    assert home.installer.quarantined(target) == frozenset()


def test_a_refused_pfx_is_known_by_its_leaf(home):
    target = home.target()
    bundle = home.bundle(target)
    home.install(target, Bundle(bundle.leaf, bundle.chain, bundle.key, Secret("word")))
    data = home.path("live", "certificate.pfx").read_bytes()
    home.installer.quarantine(target, Material(pfx=data, password=Secret("word")), ["no"])
    assert len(home.installer.quarantined(target)) == 1


def test_names_too_long_for_a_folder_are_installed_too(home):
    name = ",".join(f"host-{turn}.contoso.com" for turn in range(60))
    target = home.target({"files": {"combined": "@/x.pem"}}, name=name)
    version = home.install(target)
    assert home.installer.current(target) == version
    home.installer.quarantine(target, home_material(home, target), ["no"])
    assert home.installer.recover() == []


def home_material(home, target):
    return AUTHORITY.issue(target.domains).material


@pytest.mark.parametrize("places", PLACES)
def test_an_owner_who_does_not_exist_hinders_nobody_from_looking(home, places):
    target = home.target(*places)
    first = home.install(target)
    gone = home.target(*({**place, "owner": "nobody-of-that-name"} for place in places))
    assert home.installer.current(gone) == first
    assert [version.id for version in home.installer.versions(gone)] == [first]
    assert home.installer.altered(gone) == []
    with pytest.raises(InstallFailed, match="there is no user nobody-of-that-name"):
        home.installer.switch(gone, first)


def test_a_file_in_place_of_the_folder_is_no_version(home):
    target = home.target()
    home.path("live").write_text("x")
    assert home.installer.current(target) is None
    assert home.installer.versions(target) == []
    with pytest.raises(InstallFailed, match="is not a folder"):
        home.installer.stage(target, home.bundle(target), Source("rcl"))


@pytest.mark.parametrize("places", PLACES)
def test_versions_that_came_within_one_second_keep_their_order(home, places):
    target = home.target(*places)
    came = [home.installer.stage(target, home.bundle(target), Source("rcl")) for _ in range(4)]
    assert [version.id for version in home.installer.versions(target)] == came[::-1]
    assert len({version[:16] for version in came}) == 4
