"""What `web` takes: loopback by default, beyond it a token or a Unix socket."""

from pathlib import Path

import pytest

from renewd.config import load, machine, needs
from tests.unit.config.conftest import ENTRY, ISSUERS


def web(loaded, text: str):
    return loaded(f"{ENTRY}web: {text}").configuration.web


def test_without_the_key_there_is_no_page(loaded):
    assert loaded(ENTRY).configuration.web is None


def test_by_default_it_is_for_this_machine_alone(loaded):
    assert web(loaded, "{}").address == "127.0.0.1:9473"
    assert web(loaded, "{}").is_local


@pytest.mark.parametrize("listen", ["127.0.0.9:80", "localhost:9473", '"[::1]:9473"'])
def test_loopback_needs_no_token(loaded, listen):
    assert web(loaded, f"{{listen: {listen}}}").is_local


@pytest.mark.parametrize("listen", ["0.0.0.0:9473", '"[::]:9473"', "10.0.0.7:9473", "www.example.com:9473"])
def test_beyond_loopback_there_is_no_page_without_a_token(loaded, faults, listen):
    (told,) = faults(f"{ISSUERS}{ENTRY}web: {{listen: {listen}}}")
    assert told.startswith("5: web.listen: anybody on the network could read the page")
    assert "token" in told
    assert web(loaded, f"{{listen: {listen}, token: {{file: /t}}}}").address == listen.strip('"')


def test_a_socket_alone_means_no_tcp_at_all(loaded):
    assert web(loaded, "{socket: /run/web.sock}").address is None
    assert web(loaded, "{socket: /run/web.sock, listen: 127.0.0.1:1}").address == "127.0.0.1:1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{listen: 9473}", "web.listen"),
        ("{listen: '127.0.0.1:0'}", "web.listen: '127.0.0.1:0' is not HOST:PORT"),
        ("{socket: web.sock}", "web.socket: 'web.sock' is not an absolute path"),
        ("{group: www-data}", "web.group: it is about a Unix socket"),
        ("{token: secret}", "web.token: a secret does not stand in this file"),
        ("{lisen: '127.0.0.1:1'}", "web.lisen: unknown key; did you mean listen?"),
        ("true", "web"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(faults, text, said):
    (told,) = faults(f"{ISSUERS}{ENTRY}web: {text}")
    assert said in told
    assert "secret" not in told or "token" in told


def test_a_certificate_is_not_written_over_its_socket_or_its_token(faults):
    entry = ENTRY.replace("{directory: /live/a}", "{files: {fullchain: /run/s, key: /etc/token}}")
    told = faults(f"{ISSUERS}{entry}web: {{socket: /run/s, token: {{file: /etc/token}}}}")
    assert ["the socket of the page" in told[0], "where a secret is read from" in told[1]] == [True, True]


def test_what_the_page_lacks_holds_no_certificate(write, tmp_path: Path):
    (tmp_path / "key").write_text("k")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "token").write_text("short")
    (tmp_path / "token").chmod(0o600)
    issuers = ISSUERS.replace("/etc/renewd/key", f"{tmp_path}/key")
    text = f"web: {{socket: /run/s, group: no-such-group, token: {{file: {tmp_path}/token}}}}"
    found = machine.faults(load.load(write(f"{issuers}{ENTRY}{text}")))
    assert [str(each.fault).partition("web.")[2][:24] for each in found] == [
        "group: there is no group",
        "token: this secret is sh",
    ]
    assert {each.names for each in found} == {()}


def test_a_missing_package_is_told_with_the_extra_that_brings_it(write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(needs, "PACKAGES", ("no_such_package",))
    found = [str(each.fault) for each in machine.faults(load.load(write(f"{ISSUERS}{ENTRY}web: {{}}")))]
    assert any("pip install 'renewd[web]'" in each for each in found)


def test_a_token_from_the_environment_is_warned_of(write):
    text = f"{ISSUERS}{ENTRY}web: {{token: {{env: TOKEN}}}}"
    (warning,) = machine.warnings(load.load(write(text)))
    assert "web.token" in str(warning)
