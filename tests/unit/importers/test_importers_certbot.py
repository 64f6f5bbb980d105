"""What becomes of certbot's folder: entries that renewd understands, in the place that web servers read already."""

from datetime import UTC, datetime

import pytest

from renewd.config import load
from renewd.config.issuing import LETSENCRYPT, LETSENCRYPT_STAGING
from renewd.config.proving import Http01
from renewd.config.units import RenewBefore, duration
from renewd.errors import UsageError
from renewd.importers import certbot

A, B = "a.example.com", "b.example.com"


def test_a_lineage_goes_on_where_it_is(folder):
    folder.lineage(A, A, "www.a.example.com")
    key = folder.account()
    loaded = folder.loaded()
    (target,) = loaded.targets
    assert (target.name, target.domains) == (A, (A, "www.a.example.com"))
    assert target.entry.install[0].directory == f"{folder.path}/live/{A}"
    assert target.challenge == Http01(type="http-01", webroot=str(folder.web()))
    issuer = loaded.configuration.issuers["letsencrypt"]
    assert (issuer.directory, issuer.email, issuer.agree_terms) == (LETSENCRYPT, "me@example.com", True)
    assert issuer.account_key.file == str(key)
    assert folder.findings() == []


def test_the_file_is_the_same_each_time_and_says_what_to_do(folder):
    for name in (B, A):
        folder.lineage(name)
    folder.account()
    text = folder.read().text
    assert text == folder.read().text
    assert text.index(f"- name: {A}") < text.index(f"- name: {B}")
    assert f"mv {folder.path}/renewal/{A}.conf {folder.path}/renewal/{A}.conf.off" in text
    assert "CANARY" not in text


def test_names_that_certbot_alone_can_bear(folder):
    folder.lineage("my certificate", A, "www.a.example.com")
    folder.lineage(f"{A}-0001", B)
    folder.lineage(B, B, "www.b.example.com")  # by its name the same as the names of the one before
    folder.lineage("mine", "*.c.example.com", authenticator="dns-route53")
    assert {target.name: target.domains for target in folder.loaded().targets} == {
        f"{A}-0001": (B,),
        f"{B},www.{B}": (B, f"www.{B}"),
        f"{A},www.{A}": (A, f"www.{A}"),
        "*.c.example.com": ("*.c.example.com",),
    }


def test_keys_of_several_kinds_are_several_issuers(folder):
    folder.lineage(A, reuse_key="True", preferred_chain='"ISRG Root X1, old"')
    folder.lineage(B)
    folder.lineage("c.example.com")
    issuers = folder.loaded().configuration.issuers
    assert list(issuers) == ["letsencrypt", "letsencrypt-ecdsa-p256"]
    assert [issuer.reuse_key for issuer in issuers.values()] == [False, True]
    assert issuers["letsencrypt-ecdsa-p256"].preferred_chain == "ISRG Root X1, old"
    assert {target.name: target.issuers for target in folder.loaded().targets} == {
        A: ("letsencrypt-ecdsa-p256",),
        B: ("letsencrypt",),
        "c.example.com": ("letsencrypt",),
    }


def test_profiles_are_taken_over_as_issuers_of_their_own(folder):
    folder.lineage(A, required_profile="shortlived", preferred_profile="tlsserver")
    folder.lineage(B)
    folder.lineage("c.example.com")
    assert folder.loaded().configuration.issuers["letsencrypt-shortlived"].profile == "shortlived"
    assert folder.loaded().configuration.issuers["letsencrypt"].profile is None
    assert not [said for said in folder.findings() if "profile" in said]


def test_a_profile_that_certbot_did_without_where_it_was_not_offered_is_told(folder):
    folder.lineage(A, preferred_profile="tlsserver")
    assert folder.loaded().configuration.issuers["letsencrypt"].profile == "tlsserver"
    (said,) = [said for said in folder.findings() if "profile" in said]
    assert "orders nothing where the CA does not have it" in said


@pytest.mark.parametrize(
    ("settings", "key_type", "told"),
    [
        ({"key_type": "ecdsa", "elliptic_curve": "secp384r1"}, "ecdsa-p384", ""),
        ({"key_type": "ecdsa", "elliptic_curve": "secp521r1"}, "ecdsa-p384", "secp521r1"),
        ({"key_type": "rsa"}, "rsa-2048", ""),
        ({"key_type": "rsa", "rsa_key_size": "4096"}, "rsa-4096", ""),
        ({"key_type": "rsa", "rsa_key_size": "3072"}, "rsa-4096", "3072"),
        ({"key_type": None}, "ecdsa-p256", ""),
    ],
)
def test_the_kind_of_key(folder, settings, key_type, told):
    folder.account()
    folder.lineage(A, **settings)
    assert folder.loaded().configuration.issuers["letsencrypt"].key_type == key_type
    assert (told in " ".join(folder.findings())) if told else folder.findings() == []


def test_a_staging_service_and_one_of_ones_own(folder):
    folder.lineage(A, server=LETSENCRYPT_STAGING)
    folder.lineage(B, server="https://acme.example.net:8443/acme/dir")
    issuers = folder.loaded().configuration.issuers
    assert issuers["letsencrypt-staging"].trust == "none"
    assert issuers["acme.example.net"].directory == "https://acme.example.net:8443/acme/dir"
    assert "trust: {file: /etc/renewd/root.pem}" in folder.read().text


def test_without_an_account_renewd_makes_its_own_and_says_so(folder):
    folder.lineage(A)
    issuer = folder.loaded().configuration.issuers["letsencrypt"]
    assert (issuer.account_key, issuer.email) == (None, None)
    assert "renewd will make one of its own" in " ".join(folder.findings())


def test_the_address_is_left_out_where_nobody_knows_it(folder):
    folder.lineage(A)
    folder.account(contact=None)
    assert folder.loaded().configuration.issuers["letsencrypt"].email is None
    folder.write("cli.ini", "email = you@example.org\n")
    assert folder.loaded().configuration.issuers["letsencrypt"].email == "you@example.org"


def test_what_cli_ini_says_goes_for_all(folder):
    folder.lineage(A, renew_hook="systemctl restart one")
    folder.write("cli.ini", "# comment\ndeploy-hook = systemctl reload nginx\nkey-type = rsa\n")
    loaded = folder.loaded()
    assert [command.run for command in loaded.targets[0].entry.hooks.reload] == ["systemctl reload nginx"]
    assert loaded.configuration.issuers["letsencrypt"].key_type == "rsa-2048"


@pytest.mark.parametrize(
    ("written", "read"),
    [("21 days", "21d"), ("2 weeks", "14d"), ("1 month", "30d"), ("40", "40d"), ("36 hours", "36h")],
)
def test_when_to_renew(folder, written, read):
    folder.lineage(A, top=f"renew_before_expiry = {written}")
    assert folder.loaded().targets[0].entry.renew_before == RenewBefore(share=None, time=duration(read))


def test_a_time_that_is_none_is_left_out_and_told(folder):
    folder.lineage(A, top="renew_before_expiry = soon")
    assert folder.loaded().targets[0].entry.renew_before == RenewBefore()
    assert "renew_before_expiry = soon is left out" in " ".join(folder.findings())


def test_the_same_names_twice_are_one_certificate_in_both_folders(folder):
    folder.lineage(A, A, B)
    folder.lineage(f"{A}-0001", B, A)
    (target,) = folder.loaded().targets
    assert [place.directory for place in target.places] == [
        f"{folder.path}/live/{A}",
        f"{folder.path}/live/{A}-0001",
    ]
    text = folder.read().text
    assert all(f"mv {folder.path}/renewal/{name}.conf" in text for name in (A, f"{A}-0001"))


def test_the_same_names_with_another_kind_of_key_are_told_and_left_as_a_comment(folder):
    folder.lineage(A, not_after=datetime(2030, 1, 1, tzinfo=UTC))
    later = datetime(2031, 1, 1, tzinfo=UTC)
    folder.lineage(f"{A}-rsa", A, key="rsa-2048", key_type="rsa", not_after=later)
    (target,) = folder.loaded().targets
    assert target.name == f"{A}-rsa", "the one that lasts longer"
    assert f"{A}: {A}-rsa has the same names" in " ".join(folder.findings())
    assert f"#   - name: {A}\n" in folder.read().text


def test_who_may_read_the_key_may_still_read_it(folder):
    folder.lineage(A)
    (folder.path / "archive" / A / "privkey1.pem").chmod(0o640)
    install = folder.loaded().targets[0].entry.install[0]
    assert install.mode == 0o640
    (folder.path / "archive" / A / "privkey1.pem").chmod(0o644)
    assert folder.loaded().targets[0].entry.install[0].mode == 0o640
    assert "everybody may read its private key" in " ".join(folder.findings())


def test_files_of_other_names_get_a_folder_of_renewds(folder):
    path = folder.lineage(A)
    (folder.path / "live" / A / "privkey.pem").rename(folder.path / "live" / A / "other.key")
    path.write_text(path.read_text().replace("/privkey.pem", "/other.key"))
    assert folder.loaded().targets[0].entry.install[0].directory == f"/etc/renewd/live/{A}"
    assert f"let the server read them from /etc/renewd/live/{A}" in " ".join(folder.findings())


def test_a_folder_that_was_moved_is_read_where_it_is(folder):
    folder.lineage(A)
    path = folder.path / "renewal" / f"{A}.conf"
    path.write_text(path.read_text().replace(str(folder.path), "/no/such"))
    assert folder.loaded().targets[0].entry.install[0].directory == f"{folder.path}/live/{A}"


def broken(folder, name):
    path = folder.lineage(f"{name}.example.com")
    live = folder.path / "live" / f"{name}.example.com"
    match name:
        case "params":
            path.write_text(path.read_text().partition("[renewalparams]")[0])
        case "syntax":
            path.write_text("what is this\n" + path.read_text())
        case "bytes":
            path.write_bytes(b"\xff\xfe\x00")
        case "gone":
            (live / "fullchain.pem").unlink()
        case "empty":
            (folder.path / "archive" / f"{name}.example.com" / "fullchain1.pem").write_text("")
        case "relative":
            path.write_text(path.read_text().replace(f"cert = {live}", "cert = live"))
        case "link":
            path.unlink()
            path.symlink_to("nowhere")
        case "folder":
            path.unlink()
            path.mkdir()
    return path


WRONG = {
    "params": "no section [renewalparams]",
    "syntax": "line 1: it is neither a setting nor a section",
    "bytes": "not text in UTF-8",
    "gone": "its live certificate",
    "empty": "the file is empty",
    "relative": "does not say where cert is",
    "link": "cannot be read: no such file",
    "folder": "cannot be read: it is no regular file",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_broken_lineage_is_told_and_the_others_go_on(folder, name):
    path = broken(folder, name)
    folder.lineage(A)
    folder.account()
    assert [target.name for target in folder.loaded().targets] == [A]
    (told,) = folder.findings()
    assert told.startswith(f"{path}: ")
    assert WRONG[name] in told
    assert told.endswith("it is left out")


def test_where_nothing_can_be_taken_over_there_is_no_file(folder):
    with pytest.raises(UsageError, match="no certificate of certbot's"):
        folder.read()
    broken(folder, "gone")
    with pytest.raises(UsageError, match="its live certificate"):
        folder.read()
    with pytest.raises(UsageError, match="not certbot's folder") as caught:
        certbot.read("/proc/self/no-such")
    assert "/etc/letsencrypt" in (caught.value.remedy or "")


def test_an_entry_that_needs_a_person_is_a_comment(folder):
    folder.lineage(A, authenticator="dns-nobody-knows")
    folder.lineage(B, autorenew="False")
    folder.account()
    text = folder.read().text
    (folder.path / "config.yaml").write_text(text)
    (fault,) = load.examine(str(folder.path / "config.yaml")).faults
    assert fault.wrong == "nothing is watched"
    assert f"#   - name: {A}\n" in text
    assert f"mv {folder.path}/renewal/{A}.conf" not in text
    told = " ".join(folder.findings())
    assert "dns-nobody-knows" in told
    assert "autorenew" in told


@pytest.mark.parametrize(
    "text",
    ["a: b", "# no", "yes", "1e3", "'", '"', "\\", "é", "\x7f", "☃ 😀", "{name", "- x", "2026-01-01", " a"],
)
def test_whatever_a_setting_holds_it_is_read_back_as_it_was(folder, text):
    folder.lineage(A, preferred_chain=f"'''{text}'''")
    assert folder.loaded().configuration.issuers["letsencrypt"].preferred_chain == text
