"""An ACME CA as a new user meets it: ten lines of YAML, a certificate, its account, and taking it back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from renewd import issuers
from renewd.clock import SystemClock
from renewd.config import load
from renewd.issuers.http import Call
from tests.pebble import Pebble, newer
from tests.programs import renewd

NAME, OTHER = "a.example.test", "b.example.test"


@pytest.fixture
def user(tmp_path: Path, pebble: Callable[..., Pebble]) -> Callable[..., str]:
    """A configuration's path."""

    def write(*, binary: str | None = None, server: dict[str, Any] | None = None, **issuer: Any) -> str:
        made = pebble(binary=binary, **(server or {}))
        (tmp_path / "roots.pem").write_bytes(made.roots())
        settings = {
            "type": "acme",
            "directory": made.directory_url,
            "agree_terms": True,
            "ca_file": str(made.ca_file),
            "trust": {"file": str(tmp_path / "roots.pem")},
            "caa": "off",  # the machine's own name service knows nothing of these names
            **issuer,
        }
        whole = {
            "issuers": {"pebble": settings},
            "state_directory": str(tmp_path / "state"),
            "certificates": [
                {
                    "name": NAME,
                    "domains": [NAME, OTHER],
                    "challenge": {
                        "type": "http-01",
                        "listen": f"127.0.0.1:{made.http_port}",
                        "self_check": "off",
                    },
                    "install": {"directory": str(tmp_path / "live")},
                }
            ],
        }
        path = tmp_path / "config.yaml"
        path.write_text(json.dumps(whole))
        return str(path)

    return write


def row(path: str) -> dict[str, Any]:
    (found,) = json.loads(renewd(path, "check", "--json").stdout)["certificates"]
    return dict(found)


@pytest.mark.parametrize("binary", ["Debian's", "newer"])
def test_a_certificate_its_account_and_its_end(user: Callable[..., str], tmp_path: Path, binary: str):
    path = user(binary=newer() if binary == "newer" else None, email="ops@example.com")
    assert renewd(path, "preflight").returncode == 0
    done = renewd(path, "renew")
    assert done.returncode == 0, done.stdout + done.stderr
    assert row(path)["domains"] == [NAME, OTHER]
    shown = renewd(path, "account")
    assert shown.stdout.startswith("pebble: https://localhost:")
    rolled = renewd(path, "account", "--roll-over")
    assert rolled.returncode == 0, rolled.stderr
    assert renewd(path, "account").stdout == shown.stdout, "the same account under its new key"
    serial = row(path)["serial"]
    assert renewd(path, "renew", NAME, "--force").returncode == 0
    assert row(path)["serial"] != serial
    revoked = renewd(path, "revoke", NAME, "--reason", "superseded")
    assert revoked.returncode == 0, revoked.stderr
    assert "revoked at pebble (superseded)" in revoked.stdout
    again = renewd(path, "revoke", NAME)
    assert again.returncode == 0, again.stderr
    assert "was revoked at pebble before" in again.stdout
    for file in (tmp_path / "state" / "acme").rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_a_key_that_others_know_is_not_used_again(user: Callable[..., str], tmp_path: Path):
    path = user(reuse_key=True)

    def key() -> bytes:
        return (tmp_path / "live" / "privkey.pem").read_bytes()

    renewd(path, "renew")
    first = key()
    assert renewd(path, "renew", NAME, "--force").returncode == 0
    assert key() == first
    assert renewd(path, "revoke", NAME, "--reason", "keyCompromise").returncode == 0
    assert renewd(path, "renew", NAME, "--force").returncode == 0
    assert key() != first


def configure(path: str, **keys: object) -> None:
    """The issuer has these keys from now on."""
    settings = json.loads(Path(path).read_text())
    settings["issuers"]["pebble"] |= keys
    Path(path).write_text(json.dumps(settings))


def spki(path: Path) -> bytes:
    key = x509.load_pem_x509_certificate(path.read_bytes()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_a_key_that_is_in_use_already_is_the_one_to_be_used_again(user: Callable[..., str], tmp_path: Path):
    path, live = user(), tmp_path / "live" / "cert.pem"
    assert renewd(path, "renew").returncode == 0
    before = spki(live)
    configure(path, reuse_key=True)
    assert renewd(path, "renew", NAME, "--force").returncode == 0
    assert spki(live) == before


def test_a_key_in_use_that_is_of_another_kind_is_told_and_not_used_again(
    user: Callable[..., str], tmp_path: Path
):
    path, live = user(), tmp_path / "live" / "cert.pem"
    assert renewd(path, "renew").returncode == 0
    configure(path, reuse_key=True, key_type="rsa-2048")
    assert renewd(path, "renew", NAME, "--force").returncode == 0
    why = " ".join(renewd(path, "why", NAME).stdout.split())
    assert "the key that is in use is ecdsa-p256, and rsa-2048 is wanted" in why
    first = spki(live)
    assert renewd(path, "renew", NAME, "--force").returncode == 0
    assert spki(live) == first
    assert "the key that is in use" not in " ".join(renewd(path, "why", NAME).stdout.split())


def test_a_compromised_key_that_is_still_live_is_not_used_again(user: Callable[..., str], tmp_path: Path):
    path, live = user(), tmp_path / "live" / "cert.pem"
    assert renewd(path, "renew").returncode == 0
    before = spki(live)
    configure(path, reuse_key=True)
    assert renewd(path, "revoke", NAME, "--reason", "keyCompromise").returncode == 0
    assert renewd(path, "renew", NAME).returncode == 0
    assert spki(live) != before


def test_a_chain_that_the_ca_does_not_offer_is_told(user: Callable[..., str]):
    path = user(preferred_chain="No Such Root")
    assert renewd(path, "renew").returncode == 0
    why = " ".join(renewd(path, "why", NAME).stdout.split())
    assert "the CA offers no chain to 'No Such Root', which preferred_chain asks for" in why
    assert "only to Pebble Root CA" in why


def test_what_was_revoked_is_due_and_does_not_come_back(user: Callable[..., str], tmp_path: Path):
    path = user()
    assert renewd(path, "renew").returncode == 0
    revoked = row(path)["serial"]
    assert renewd(path, "revoke", NAME, "--reason", "keyCompromise").returncode == 0
    for command in ("check", "status", "why"):
        said = renewd(path, command, *([NAME] if command == "why" else []))
        assert "it was revoked on" in said.stdout, command
        assert "keyCompromise" in said.stdout, command
    settings = json.loads(Path(path).read_text())
    hooks = {"reload": [{"run": "/bin/false"}]}
    Path(path).write_text(json.dumps({**settings, "defaults": {"hooks": hooks}}))
    renewd(path, "renew", NAME)
    assert row(path)["serial"] != revoked, "a failing reload does not bring it back"
    Path(path).write_text(json.dumps(settings))
    back = renewd(path, "rollback", NAME)
    assert back.returncode == 1
    assert "it was revoked on" in back.stderr
    assert "--to" in back.stderr
    assert row(path)["serial"] != revoked
    assert renewd(path, "renew").returncode == 0
    assert "revoked" not in renewd(path, "check").stdout


def test_what_another_account_had_issued_is_revoked_by_its_own_key(user: Callable[..., str], tmp_path: Path):
    path = user()
    assert renewd(path, "renew").returncode == 0
    for file in (tmp_path / "state" / "acme" / "pebble").glob("account-*"):
        file.unlink()
    (tmp_path / "live" / "privkey.pem").resolve().rename(tmp_path / "aside.pem")
    without = renewd(path, "revoke", NAME)
    assert without.returncode == 1
    assert "or the certificate's private key, can revoke it" in without.stderr
    (tmp_path / "aside.pem").rename((tmp_path / "live" / "privkey.pem").resolve())
    with_it = renewd(path, "revoke", NAME)
    assert with_it.returncode == 0, with_it.stderr
    assert "revoked at pebble" in with_it.stdout


def test_an_issuer_that_was_given_another_name_still_revokes(user: Callable[..., str]):
    path = user()
    assert renewd(path, "renew").returncode == 0
    Path(path).write_text(Path(path).read_text().replace('"pebble": {', '"renamed": {'))
    revoked = renewd(path, "revoke", NAME)
    assert revoked.returncode == 0, revoked.stderr
    assert "revoked at renamed" in revoked.stdout


def test_an_account_that_the_ca_has_shut_is_not_shown_as_one_that_is_well(
    user: Callable[..., str], tmp_path: Path
):
    path = user()
    assert renewd(path, "account").returncode == 0
    acme = issuers.make(
        "pebble", load.load(path).configuration.issuers["pebble"], SystemClock(), str(tmp_path / "state")
    )
    signer = acme.account.signer()
    acme._session.post(signer.account, {"status": "deactivated"}, Call("it", "account", 10.0), signer)
    acme.close()
    shown = renewd(path, "account")
    assert shown.returncode == 1
    assert "renewd makes no other by itself" in shown.stderr


def test_a_profile_that_the_ca_has_is_asked_for_and_another_is_told(user: Callable[..., str]):
    profiles = {"shortlived": {"description": "six days", "validityPeriod": 518400}}
    path = user(binary=newer(), server={"profiles": profiles}, profile="shortlived")
    assert renewd(path, "renew").returncode == 0
    found = row(path)
    assert found["not_after"][:10] > found["not_before"][:10]
    wrong = path.replace("config", "other")
    Path(wrong).write_text(Path(path).read_text().replace('"shortlived"', '"tlsclient"'))
    told = renewd(wrong, "renew", NAME, "--force")
    assert told.returncode == 1
    assert "the CA has no profile 'tlsclient'" in told.stdout + told.stderr
    assert "write one of shortlived" in told.stdout + told.stderr


def test_what_only_an_acme_ca_can_do_is_refused_in_words_elsewhere(world: Any):
    path = world.write("a.example")
    world.sandbox.seed("a.example", days_left=80)
    renewd(path, "renew")
    for command in (("revoke", "a.example"), ("account", "sandbox"), ("account",)):
        said = renewd(path, *command)
        assert said.returncode == 2, said.stderr
        assert "acme" in said.stderr or "portal" in said.stderr
