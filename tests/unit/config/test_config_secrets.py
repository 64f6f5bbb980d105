"""Secrets are read from where only renewd can read them, and are shown nowhere."""

import copy
import json
import os
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from renewd.config import secrets
from renewd.config.model import SecretSource
from renewd.config.secrets import Secret
from renewd.config.sources import EncodedSource, KeySource
from renewd.errors import SecretUnusable, TargetError

TEXT = "s3cr3t-canary"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(TEXT + "\n")
    path.chmod(0o600)
    return path


@pytest.mark.fault(98)
def test_a_secret_is_shown_nowhere():
    @dataclass
    class Holder:
        secret: Secret

    secret = Secret(TEXT)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        repr(asdict(Holder(secret))),
    ]
    assert TEXT not in "".join(shown)
    assert set(shown[:4]) == {"***"}
    for write in (json.dumps, pickle.dumps):
        with pytest.raises(TypeError) as caught:
            write(secret)
        assert TEXT not in str(caught.value)


def test_a_secret_is_a_value():
    assert Secret(TEXT) == Secret(TEXT) != Secret("x")
    assert len({Secret(TEXT), Secret(TEXT), TEXT}) == 2
    assert copy.deepcopy(Secret(TEXT)) == copy.copy(Secret(TEXT)) == Secret(TEXT)
    assert Secret(TEXT)
    assert not Secret("")


def test_one_newline_at_the_end_is_no_part_of_it(file):
    assert secrets.resolve(SecretSource(file=str(file))).reveal() == TEXT
    file.write_bytes(TEXT.encode() + b"\r\n")
    assert secrets.resolve(SecretSource(file=str(file))).reveal() == TEXT


def test_from_the_environment(monkeypatch):
    source = SecretSource(env="RENEWD_TEST_KEY")
    monkeypatch.setenv("RENEWD_TEST_KEY", TEXT)
    assert secrets.resolve(source).reveal() == TEXT
    monkeypatch.delenv("RENEWD_TEST_KEY")
    with pytest.raises(SecretUnusable, match="RENEWD_TEST_KEY of a secret is not set"):
        secrets.resolve(source)


def test_a_credential_may_have_the_mode_that_an_access_list_shows(monkeypatch, file):
    """So systemd makes them where it can: root's, and a list that lets the unit's user read."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(file.parent))
    file.chmod(0o440)
    assert secrets.resolve(SecretSource(credential="key")).reveal() == TEXT
    file.chmod(0o444)
    with pytest.raises(SecretUnusable):
        secrets.resolve(SecretSource(credential="key"))


def test_from_a_systemd_credential(monkeypatch, file):
    source = SecretSource(credential="key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(file.parent))
    assert secrets.resolve(source).reveal() == TEXT
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(SecretUnusable, match="systemd passed none") as caught:
        secrets.resolve(source)
    assert "LoadCredential=key:" in caught.value.remedy


def test_a_credential_that_the_unit_was_not_given_says_where_it_belongs(monkeypatch, tmp_path):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SecretUnusable, match="the unit was not given the credential hook-url") as caught:
        secrets.resolve(SecretSource(credential="hook-url"))
    assert caught.value.remedy == (
        "put it into /etc/renewd/credentials/hook-url, then: renewd install-systemd, then: systemctl restart renewd"
    )


CONTENTS = {
    "nothing": (b"", "is empty"),
    "only a newline": (b"\n", "is empty"),
    "two lines": (f"{TEXT}\n{TEXT}\n".encode(), "white space or control"),
    "a space in it": (f"{TEXT} x".encode(), "white space or control"),
    "a space before it": (f" {TEXT}".encode(), "white space or control"),
    "a control character": (f"{TEXT}\x1b".encode(), "white space or control"),
    "a NUL": (f"{TEXT}\0".encode(), "white space or control"),
    "a byte order mark": (f"\ufeff{TEXT}".encode(), "white space or control"),
    "no text": (b"\xff\xfe\x00", "is not text"),
    "too much": (TEXT.encode() * 1000, "larger than 4096 bytes"),
}


@pytest.mark.parametrize(("content", "why"), CONTENTS.values(), ids=CONTENTS)
def test_what_cannot_be_a_secret_is_told_without_showing_it(file, content, why):
    file.write_bytes(content)
    with pytest.raises(SecretUnusable, match=why) as caught:
        secrets.resolve(SecretSource(file=str(file)))
    assert TEXT not in f"{caught.value} {caught.value.remedy}"
    assert str(file) in str(caught.value)
    assert isinstance(caught.value, TargetError)


MODES = {
    0o600: (True, True),
    0o400: (True, True),
    0o640: (False, True),
    0o440: (False, True),
    0o660: (False, False),
}
MODES |= {0o604: (False, False), 0o644: (False, False), 0o650: (False, False), 0o700: (True, True)}


@pytest.mark.fault(79)
@pytest.mark.parametrize(("mode", "usable"), MODES.items(), ids=[oct(mode) for mode in MODES])
def test_a_file_that_others_may_use_is_refused(file, mode, usable):
    file.chmod(mode)
    for allow_group, right in zip((False, True), usable, strict=True):
        source = SecretSource(file=str(file), allow_group=allow_group)
        if right:
            assert secrets.resolve(source)
        else:
            with pytest.raises(SecretUnusable, match="others than its owner can use") as caught:
                secrets.resolve(source)
            assert f"chmod {'640' if allow_group else '600'}" in caught.value.remedy


@pytest.mark.fault(79)
def test_a_file_that_is_none_of_ours_is_refused(file, tmp_path):
    os.chown(file, 12345, -1)
    with pytest.raises(SecretUnusable, match="belongs to user 12345"):
        secrets.resolve(SecretSource(file=str(file)))
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "fifo", 0o600)
    told = {
        "link": "symbolic link",
        "fifo": "not a regular file",
        ".": "not a regular file",
        "no": "there is no secret file",
    }
    told["key/x"] = "cannot be read: not a directory"
    for name, why in told.items():
        with pytest.raises(SecretUnusable, match=why):
            secrets.resolve(
                SecretSource(file=f"{tmp_path}/x").model_copy(update={"file": f"{tmp_path}/{name}"})
            )


def test_a_private_key_has_several_lines_other_secrets_have_one(file):
    key = '{"kty": "RSA",\n "n": "…"}'
    file.write_text(key + "\n")
    assert secrets.resolve(KeySource(file=str(file))).reveal() == key
    with pytest.raises(SecretUnusable, match="white space"):
        secrets.resolve(SecretSource(file=str(file)))
    file.write_text("")
    with pytest.raises(SecretUnusable, match="is empty"):
        secrets.resolve(KeySource(file=str(file)))


@pytest.mark.parametrize("text", ["no base64!", "AAAAA", "ä"])
def test_octets_that_are_not_written_in_base64url_are_refused(file: Path, text: str):
    file.write_text("c2VjcmV0LWNhbmFyeQ==")
    source = EncodedSource(file=str(file))
    assert secrets.resolve(source).reveal() == "c2VjcmV0LWNhbmFyeQ=="
    file.write_text(text)
    with pytest.raises(SecretUnusable):
        secrets.resolve(source)
