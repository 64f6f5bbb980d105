import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from renewd.errors import InstallFailed
from renewd.install import live
from renewd.install.installer import Source
from tests.certificates import Authority, negative
from tests.clocks import START

AUTHORITY = Authority.new()
RCL = {"directory": "@/live", "layout": "rcl"}
NAMES = {
    "renewd": ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem"),
    "rcl": ("privateKey.key", "primaryCertificate.crt", "caBundle.crt", "fullChainCertificate.crt"),
}


def contents(issued):
    return (issued.key_pem, issued.leaf_pem, issued.chain_pem, issued.fullchain_pem)


def certbot(home, issued):
    """A live folder as certbot has it: links into ../../archive, and a README."""
    archive, folder = home.path("archive", "contoso.com"), home.path("live", "contoso.com")
    archive.mkdir(parents=True)
    folder.mkdir(parents=True)
    for name, data in zip(NAMES["renewd"], contents(issued), strict=True):
        (archive / name.replace(".", "7.")).write_bytes(data)
        (folder / name).symlink_to(f"../../archive/contoso.com/{name.replace('.', '7.')}")
    (folder / "README").write_text("certbot's")
    return folder


def rcl(home, issued):
    """A folder as RCL's daemon leaves it: everybody may write in it, and read the key."""
    folder = home.path("live")
    folder.mkdir()
    for name, data in zip(NAMES["rcl"], contents(issued), strict=True):
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o644)
    (folder / "certificate.pfx").write_bytes(b"\x30\x82 a PFX with a password that nobody knows")
    folder.chmod(0o777)
    return folder


def test_certbots_live_folder_is_kept_as_a_version_and_can_be_put_back(home):
    issued = AUTHORITY.issue("contoso.com", not_before=START - timedelta(days=60))
    folder = certbot(home, issued)
    target = home.target({"directory": "@/live/contoso.com"}, name="contoso.com")
    archive = {path: path.read_bytes() for path in home.path("archive", "contoso.com").iterdir()}
    new = home.install(target)
    found = home.installer.versions(target)
    assert [version.id for version in found] == [new, home.installer.previous(target)]
    assert found[1].taken
    assert found[1].serial == issued.leaf.serial_number
    assert {path: path.read_bytes() for path in archive} == archive
    assert (folder / "README").read_text() == "certbot's"
    assert home.installer.switch(target, found[1].id) == new
    assert tuple((folder / name).read_bytes() for name in NAMES["renewd"]) == contents(issued)
    assert live.look_closely(target).state == "present"


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_certificate_with_a_negative_serial_is_taken_over_like_any(home):
    issued = negative(AUTHORITY.issue("contoso.com"))
    certbot(home, issued)
    target = home.target({"directory": "@/live/contoso.com"}, name="contoso.com")
    home.install(target)
    (taken,) = [version for version in home.installer.versions(target) if version.taken]
    assert taken.serial == issued.leaf.serial_number < 0


def test_the_folder_of_rcls_daemon_is_taken_over_and_closed_to_others(home):
    issued = AUTHORITY.issue("contoso.com")
    folder = rcl(home, issued)
    target = home.target(RCL, name="contoso.com")
    home.install(target)
    assert folder.stat().st_mode & 0o777 == 0o755
    taken = folder / "versions" / home.installer.previous(target)
    assert tuple((taken / name).read_bytes() for name in NAMES["renewd"]) == contents(issued)
    assert (taken / "privkey.pem").stat().st_mode & 0o777 == 0o640
    assert (taken / "fullchain.pem").stat().st_mode & 0o777 == 0o644
    home.installer.switch(target, home.installer.previous(target))
    assert tuple((folder / name).read_bytes() for name in NAMES["rcl"]) == contents(issued)
    assert (folder / "certificate.pfx").read_bytes().endswith(b"nobody knows")


def test_two_hand_made_files_are_completed_to_a_whole_version(home):
    issued = AUTHORITY.issue("contoso.com")
    folder = home.path("live")
    folder.mkdir()
    (folder / "privkey.pem").write_bytes(issued.key_pem)
    (folder / "fullchain.pem").write_bytes(issued.fullchain_pem)
    target = home.target(name="contoso.com")
    home.install(target)
    taken = home.installer.previous(target)
    home.installer.switch(target, taken)
    assert (folder / "cert.pem").read_bytes() == issued.leaf_pem
    assert home.installer.load(target, taken).chain == issued.chain


def test_files_that_make_no_sense_are_kept_as_they_are(home):
    folder = home.path("live")
    folder.mkdir()
    (folder / "privkey.pem").write_bytes(b"half a k")
    (folder / "fullchain.pem").symlink_to("nowhere")
    target = home.target(name="contoso.com")
    home.install(target)
    assert live.look_closely(target).state == "present"
    (taken,) = [version for version in home.installer.versions(target) if version.taken]
    assert (taken.serial, taken.not_after, taken.fingerprint) == (None, None, None)
    home.installer.switch(target, taken.id)
    assert (folder / "privkey.pem").read_bytes() == b"half a k"
    assert not (folder / "fullchain.pem").exists()
    with pytest.raises(InstallFailed, match="cannot be used"):
        home.installer.load(target, taken.id)


@pytest.mark.usefixtures("root")
def test_fixed_files_of_somebody_else_come_back_as_they_were_owner_and_mode_included(home):
    issued = AUTHORITY.issue("contoso.com")
    paths = {"key": home.path("key.pem"), "fullchain": home.path("chain.pem")}
    paths["key"].write_bytes(issued.key_pem)
    paths["key"].chmod(0o440)
    os.chown(paths["key"], 4242, 4243)
    paths["fullchain"].write_bytes(issued.fullchain_pem)
    target = home.target({"files": {"key": "@/key.pem", "fullchain": "@/chain.pem"}}, name="contoso.com")
    home.install(target)
    assert paths["key"].stat().st_uid == 0
    home.installer.switch(target, home.installer.previous(target))
    assert paths["key"].read_bytes() == issued.key_pem
    found = paths["key"].stat()
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o440, 4242, 4243)
    assert home.installer.altered(target) == []


def test_what_another_program_wrote_since_is_kept_before_it_is_replaced(home):
    target = home.target({"directory": "@/live"}, {"files": {"combined": "@/c.pem"}}, name="contoso.com")
    first = home.install(target)
    theirs = AUTHORITY.issue("contoso.com")
    for path, data in (("live/fullchain.pem", theirs.fullchain_pem), ("live/privkey.pem", theirs.key_pem)):
        home.path(path).unlink()
        home.path(path).write_bytes(data)
    home.path("c.pem").write_bytes(theirs.fullchain_pem + theirs.key_pem)
    second = home.install(target)
    taken = home.installer.previous(target)
    assert home.installer.load(target, taken).leaf == theirs.leaf
    assert {version.id for version in home.installer.versions(target)} == {first, second, taken}
    assert home.path("live", "versions", taken, "fullchain.pem").read_bytes() == theirs.fullchain_pem


def test_a_link_replaced_by_a_copy_of_the_same_file_is_a_link_again_with_nothing_kept(home):
    target = home.target(name="contoso.com")
    first = home.install(target)
    path = home.path("live", "fullchain.pem")
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    second = home.install(target)
    assert path.is_symlink()
    assert [version.id for version in home.installer.versions(target)] == [second, first]


def test_a_program_that_opens_the_files_during_a_takeover_always_finds_them(home, monkeypatch):
    """Looked at before each rename, which is all that a program outside can see change."""
    issued = AUTHORITY.issue("contoso.com")
    folder = certbot(home, issued)
    target = home.target({"directory": "@/live/contoso.com"}, name="contoso.com")
    bundle = home.bundle(target)
    version = home.installer.stage(target, bundle, Source("rcl"))
    wanted = {issued.leaf.serial_number, bundle.leaf.serial_number}
    seen = []
    rename = os.rename

    def looking(*args, **options):
        leaf = x509.load_pem_x509_certificate(Path(folder, "fullchain.pem").read_bytes())
        for name in NAMES["renewd"]:
            assert Path(folder, name).read_bytes()
        seen.append(leaf.serial_number)
        return rename(*args, **options)

    monkeypatch.setattr(os, "rename", looking)
    home.installer.switch(target, version)
    assert set(seen) <= wanted
    assert len(seen) > 6
