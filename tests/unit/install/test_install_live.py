import os
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from renewd.certs.bundle import Bundle
from renewd.config.model import Certificate
from renewd.config.secrets import Secret
from renewd.config.targets import Target
from renewd.install import live
from tests.certificates import Authority

AUTHORITY = Authority.new()
FILES = {"files": {"key": "@/etc/key.pem", "fullchain": "@/etc/chain.pem"}}


@pytest.mark.parametrize(
    "place",
    [
        {"directory": "@/live"},
        {"directory": "@/live", "layout": "rcl"},
        FILES,
        {"files": {"combined": "@/c.pem"}},
        {"files": {"key": "@/k.pem", "cert": "@/c.pem"}},
        {"files": {"pfx": "@/x.pfx"}},
        {"files": {"pfx": "@/x.pfx", "cert": "@/c.pem"}},
    ],
    ids=lambda place: ", ".join(place.get("files", place)),
)
def test_what_is_installed_is_seen_by_both_looks(home, place):
    target = home.target(place)
    bundle = home.bundle(target)
    home.install(target, bundle)
    light, close = live.look(target), live.look_closely(target)
    for found in (light, close):
        assert (found.state, found.problem) == ("present", None)
        assert found.serial == bundle.leaf.serial_number
        assert found.not_after == bundle.leaf.not_valid_after_utc
        assert found.domains == ("contoso.com", "www.contoso.com")
    assert light.issuer is None
    if "pfx" not in place.get("files", {}) or "cert" in place["files"]:
        assert close.issuer == "Test Intermediate"
    assert home.installer.live_leaf(target) == bundle.leaf


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({"directory": "@/live"}, True),
        ({"files": {"key": "@/k.pem", "cert": "@/c.pem", "chain": "@/ch.pem"}}, True),
        ({"files": {"combined": "@/c.pem"}}, True),
        ({"files": {"key": "@/k.pem", "cert": "@/c.pem"}}, False),
        ({"files": {"pfx": "@/x.pfx"}}, False),
    ],
    ids=lambda value: ", ".join(value.get("files", value)) if isinstance(value, dict) else "",
)
def test_the_chain_that_programs_are_handed_is_known_where_a_file_shows_it(home, place, shown):
    target = home.target(place)
    assert home.installer.live_chain(target) is None
    bundle = home.bundle(target)
    home.install(target, bundle)
    found = home.installer.live_chain(target)
    assert found == (tuple(bundle.chain) if shown else None)
    for kind, path in place.get("files", {}).items():
        if kind in ("chain", "combined"):
            home.path(path[2:]).write_bytes(b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
            assert home.installer.live_chain(target) is None


def test_nothing_there_is_missing(home):
    for place in ({"directory": "@/live"}, FILES, {"files": {"pfx": "@/x.pfx"}}):
        for found in (live.look(home.target(place)), live.look_closely(home.target(place))):
            assert (found.state, found.problem) == ("missing", "there is no such file")
        assert home.installer.live_leaf(home.target(place)) is None


def test_a_target_that_is_installed_nowhere_is_missing():
    target = Target("a.example", Certificate(name="a.example"), "rcl")
    assert live.look(target).state == "missing"
    assert live.look_closely(target).state == "missing"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"<html>", "there is no certificate in it"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "the certificate in it is damaged",
        ),
    ],
)
def test_what_is_no_certificate_is_invalid(home, content, said):
    target = home.target(FILES)
    home.path("etc").mkdir()
    home.path("etc", "chain.pem").write_bytes(content)
    assert live.look(target).problem == said
    assert live.look_closely(target).problem == said
    assert home.installer.live_leaf(target) is None


@pytest.mark.parametrize("kind", ["combined", "pfx"])
def test_a_folder_in_its_place_is_invalid(home, kind):
    target = home.target({"files": {kind: "@/file"}})
    home.path("file").mkdir()
    assert live.look(target).problem == "it cannot be read: is a directory"
    assert live.look_closely(target).problem == "it cannot be read: is a directory"


def test_a_pipe_in_its_place_does_not_stop_the_look(home):
    target = home.target({"files": {"combined": "@/file"}})
    os.mkfifo(home.path("file"))
    assert live.look(target).state == "invalid"


def test_a_file_longer_than_one_read_is_read_to_its_end(home):
    target = home.target({"files": {"combined": "@/file"}})
    issued = AUTHORITY.issue(target.domains)
    home.path("file").write_bytes(b"# a note\n" * 5000 + issued.fullchain_pem + issued.key_pem)
    assert live.look(target).serial == issued.leaf.serial_number
    assert live.look_closely(target).state == "present"


@pytest.mark.usefixtures("root")
def test_a_file_that_may_not_be_read_says_what_to_do(home):
    target = home.target(FILES)
    home.install(target)
    home.path("etc").chmod(0o700)
    os.seteuid(65534)
    try:
        found = live.look(target)
    finally:
        os.seteuid(0)
    assert (found.state, found.problem, found.closed) == (
        "invalid",
        "it cannot be looked at as this user; run renewd as root",
        True,
    )


@pytest.mark.usefixtures("root")
def test_a_key_that_may_not_be_read_is_not_called_wrong(home):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        target = home.target({"files": {"key": f"{folder}/key.pem", "fullchain": f"{folder}/chain.pem"}})
        home.install(target)
        os.seteuid(65534)
        try:
            found = live.look_closely(target)
        finally:
            os.seteuid(0)
    assert (found.state, found.closed) == ("invalid", True)
    assert found.problem == (
        f"the private key {folder}/key.pem cannot be looked at as this user; run renewd as root"
    )


def test_a_key_that_does_not_belong_to_the_certificate_is_seen_by_the_close_look_only(home):
    target = home.target(FILES)
    home.install(target)
    home.path("etc", "key.pem").write_bytes(AUTHORITY.issue("a.example").key_pem)
    assert live.look(target).state == "present"
    found = live.look_closely(target)
    assert found.state == "invalid"
    assert (
        found.problem == f"the private key {home.path('etc', 'key.pem')} does not belong to the certificate"
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "cannot be read: no such file or directory"),
        (lambda path: path.write_bytes(b"junk"), "holds no private key"),
    ],
    ids=["gone", "junk"],
)
def test_a_key_that_cannot_be_read_is_told(home, damage, said):
    target = home.target(FILES)
    home.install(target)
    damage(home.path("etc", "key.pem"))
    assert said in live.look_closely(target).problem


def test_a_pfx_with_another_certificate_than_the_file_beside_it_is_told(home):
    target = home.target({"files": {"pfx": "@/x.pfx", "cert": "@/c.pem"}})
    home.install(target)
    home.path("c.pem").write_bytes(AUTHORITY.issue(target.domains).leaf_pem)
    assert live.look_closely(target).problem == f"{home.path('x.pfx')} holds another certificate"


def test_of_several_places_the_worst_is_told(home):
    target = home.target({"directory": "@/live"}, FILES, {"files": {"combined": "@/c.pem"}})
    home.install(target)
    assert live.look(target).state == "present"
    home.path("c.pem").write_bytes(b"junk")
    assert live.look(target).path == str(home.path("c.pem"))
    home.path("etc", "chain.pem").unlink()
    assert live.look(target).path == str(home.path("etc", "chain.pem"))


def test_of_several_places_the_one_that_ends_first_counts_and_the_close_look_tells_that_they_differ(home):
    target = home.target(FILES, {"directory": "@/live"})
    home.install(target)
    start = home.bundle(target).leaf.not_valid_before_utc
    issued = AUTHORITY.issue(target.domains, not_before=start, not_after=start.replace(year=start.year + 1))
    home.path("etc", "chain.pem").write_bytes(issued.fullchain_pem)
    home.path("etc", "key.pem").write_bytes(issued.key_pem)
    assert live.look(target).path == str(home.path("live", "fullchain.pem"))
    found = live.look_closely(target)
    assert found.state == "invalid"
    assert found.problem == f"it is another certificate than {home.path('etc', 'chain.pem')}"


def locked(home, **settings):
    """A PFX whose password is the service's alone."""
    target = home.target({"files": {"pfx": "@/x.pfx"}, **settings})
    bundle = home.bundle(target)
    home.install(target, Bundle(bundle.leaf, bundle.chain, bundle.key, Secret("theirs")))
    return target, bundle


def test_a_pfx_whose_password_is_not_known_is_recognised_as_the_one_that_was_installed(home):
    target, bundle = locked(home)
    assert live.look(target, home.state).serial == bundle.leaf.serial_number
    assert live.look_closely(target, home.state).state == "present"
    assert home.installer.live_leaf(target) == bundle.leaf
    assert live.look(target).problem == (
        "it cannot be opened with the passwords known to renewd; set install.pfx_password"
    )


def test_a_pfx_that_is_not_the_one_that_was_installed_is_not_taken_for_it(home):
    target, _ = locked(home)
    home.path("x.pfx").write_bytes(b"junk")
    assert live.look(target, home.state).state == "invalid"


def test_a_pfx_is_opened_with_the_configured_password(home):
    home.path("password").write_text("ours")
    home.path("password").chmod(0o600)
    target = home.target({"files": {"pfx": "@/x.pfx"}, "pfx_password": {"file": "@/password"}})
    bundle = home.bundle(target)
    home.install(target, bundle)
    assert live.look(target).serial == bundle.leaf.serial_number
    home.path("password").unlink()
    assert "it cannot be opened: " in live.look(target).problem
    assert live.look(target, home.state).state == "present"


def test_a_stored_version_that_was_changed_does_not_vouch_for_a_pfx(home):
    target, _ = locked(home)
    (path,) = Path(home.state, "store").rglob("versions/*/cert.pem")
    path.write_bytes(b"junk")
    assert live.look(target, home.state).state == "invalid"


@pytest.mark.parametrize(
    ("attributes", "shown"),
    [
        ([(NameOID.ORGANIZATION_NAME, "Some CA")], "Some CA"),
        ([(NameOID.ORGANIZATION_NAME, "Some CA"), (NameOID.COMMON_NAME, "R11")], "R11"),
        ([], None),
    ],
)
def test_the_issuer_is_told_by_its_common_name_or_else_its_organisation(home, attributes, shown):
    target = home.target()
    bundle = home.bundle(target)
    issuer = x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])
    leaf = (
        x509.CertificateBuilder(issuer, bundle.leaf.subject, bundle.key.public_key(), 7)
        .not_valid_before(bundle.leaf.not_valid_before_utc)
        .not_valid_after(bundle.leaf.not_valid_after_utc)
        .sign(bundle.key, hashes.SHA256())
    )
    home.install(target, Bundle(leaf, (), bundle.key))
    assert live.look_closely(target).issuer == shown


@pytest.mark.parametrize(
    "place",
    [
        pytest.param({"directory": "@/live"}, id="a directory"),
        pytest.param(
            {"files": {kind: f"@/etc/{kind}" for kind in ("key", "chain", "fullchain", "combined", "pfx")}},
            id="fixed files",
        ),
    ],
)
def test_any_file_of_a_live_version_that_is_gone_is_seen_by_both_looks(home, place):
    target = home.target(place)
    home.install(target)
    for path in home.installer.told(target)[1].values():
        kept = f"{path}.kept"
        os.rename(path, kept)
        for look in (live.look, live.look_closely):
            found = look(target, home.state)
            assert found.state != "present", path
            assert "no such file" in found.problem or path in found.problem
        os.rename(kept, path)
    assert live.look_closely(target, home.state).state == "present"
