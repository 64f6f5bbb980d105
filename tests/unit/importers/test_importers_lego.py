"""What becomes of lego's folder: its files stay where they are, its account goes on, and a person writes the rest."""

import json

import pytest

from renewd.config import load
from renewd.config.issuing import LETSENCRYPT
from renewd.errors import UsageError
from renewd.importers import certbot, lego
from tests.certificates import Authority

A = "a.example.com"
_AUTHORITY = Authority.new()


@pytest.fixture
def lego_folder(tmp_path):
    """A folder as lego keeps it: `add` a certificate of these names."""
    folder = tmp_path / "lego"
    (folder / "certificates").mkdir(parents=True)
    keys = folder / "accounts" / "acme-v02.api.letsencrypt.org" / "me@example.com" / "keys"
    keys.mkdir(parents=True)
    (keys / "me@example.com.key").write_text("CANARY")
    (keys / "me@example.com.key").chmod(0o644)

    def add(name, *domains, server="acme-v02.api.letsencrypt.org", key_type="ecdsa-p256"):
        issued = _AUTHORITY.issue(domains or (name,), key_type=key_type)
        base = folder / "certificates" / name
        for suffix, data in (
            ("crt", issued.fullchain_pem),
            ("issuer.crt", issued.chain_pem),
            ("key", issued.key_pem),
        ):
            base.with_name(f"{name}.{suffix}").write_bytes(data)
        base.with_name(f"{name}.json").write_text(
            json.dumps({"domain": name, "certUrl": f"https://{server}/acme/cert/1"})
        )
        return folder

    return add


def loaded(folder, text):
    (folder / "config.yaml").write_text(text)
    examined = load.examine(str(folder / "config.yaml"))
    assert [str(fault) for fault in examined.faults] == []
    return examined.loaded


def test_its_files_and_its_account_go_on(lego_folder):
    folder = lego_folder(A, A, "www.a.example.com", key_type="rsa-4096")
    imported = lego.read(str(folder))
    configuration = loaded(folder, imported.text)
    (target,) = configuration.targets
    assert target.domains == (A, "www.a.example.com")
    assert target.places[0].files == (
        ("fullchain", f"{folder}/certificates/{A}.crt"),
        ("chain", f"{folder}/certificates/{A}.issuer.crt"),
        ("key", f"{folder}/certificates/{A}.key"),
    )
    assert target.challenge.self_check == "require", "how control is proved is not known"
    issuer = configuration.configuration.issuers["letsencrypt"]
    assert (issuer.directory, issuer.email, issuer.key_type) == (LETSENCRYPT, "me@example.com", "rsa-4096")
    assert issuer.account_key.file.endswith("/me@example.com/keys/me@example.com.key")
    told = " ".join(map(str, imported.findings))
    assert "write how control of the names is proved" in told
    assert f"chmod 600 {issuer.account_key.file}" in told
    assert "CANARY" not in told + imported.text


def test_a_wildcard_and_a_broken_one_are_left_to_a_person(lego_folder):
    lego_folder("b.example.com")
    folder = lego_folder("_.c.example.com", "*.c.example.com", server="ca.example.net:8443")
    folder = lego_folder("gone.example.com")
    (folder / "certificates" / "gone.example.com.crt").unlink()
    (folder / "certificates" / "odd.json").write_text("[]")
    imported = lego.read(str(folder))
    assert [target.name for target in loaded(folder, imported.text).targets] == ["b.example.com"]
    told = " ".join(map(str, imported.findings))
    assert "how control of a wildcard is proved" in told
    assert "https://ca.example.net:8443/directory is a guess" in told
    assert "odd.json: it does not say where its certificate came from" in told
    assert "gone.example.com.json: its live certificate" in told


def test_each_folder_is_told_from_the_other(lego_folder, folder):
    path = str(lego_folder(A))
    with pytest.raises(UsageError) as caught:
        certbot.read(path)
    assert caught.value.remedy == f"it looks like lego's: renewd import lego {path}"
    with pytest.raises(UsageError, match="not lego's folder"):
        lego.read(str(folder.path))


def test_an_empty_folder_is_none(tmp_path):
    (tmp_path / "certificates").mkdir()
    with pytest.raises(UsageError, match="no certificate of lego's"):
        lego.read(str(tmp_path))
