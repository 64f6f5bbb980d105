"""What a right configuration lacks on this machine holds its targets only, and is told with a way out."""

from pathlib import Path

import pytest

from renewd.config import commands, load, machine, needs, programs
from renewd.config.load import Loaded
from renewd.errors import ConfigurationError
from renewd.hooks import program
from tests.certificates import Authority
from tests.unit.config.conftest import ENTRY


@pytest.fixture
def issuers(tmp_path: Path) -> str:
    """An issuer that lacks nothing."""
    key = tmp_path / "key"
    key.write_text("x")
    key.chmod(0o600)
    return f"issuers: {{rcl: {{type: rcl, subscription_id: s, api_key: {{file: {key}}}}}}}\n"


def told(loaded: Loaded) -> dict[str, tuple[str, ...]]:
    return {str(found.fault).partition("yaml:")[2]: found.names for found in machine.faults(loaded)}


def test_nothing_is_lacking(write, issuers):
    loaded = load.load(
        write(issuers + ENTRY + "    hooks: {check: 'sh -c true', post: {run: x && y, shell: true}}")
    )
    assert machine.faults(loaded) == []
    assert machine.warnings(loaded) == []
    machine.insist(loaded)


def test_each_thing_that_is_not_there_is_told_once_with_all_whom_it_holds(write, issuers, tmp_path):
    (tmp_path / "b.example.com").mkdir()
    loaded = load.load(
        write(
            issuers
            + f"""defaults:
  hooks: {{check: /bin/shh -c true, reload: ['true', {{run: sh, user: roott}}]}}
certificates:
  - names: [a.example.com, b.example.com]
    challenge: {{type: http-01, webroot: "{tmp_path}/{{name}}"}}
    install: {{directory: "/live/{{name}}", owner: nobodyy, group: xyzzy}}
  - name: c.example.com
    challenge: {{type: http-01, webroot: /nowhere}}
    install:
      - directory: /live/c
      - {{directory: /live/c2, pfx_password: {{file: /nowhere}}}}
"""
        )
    )
    both, everyone = ("a.example.com", "b.example.com"), ("a.example.com", "b.example.com", "c.example.com")
    assert told(loaded) == {
        "3: defaults.hooks.check: /bin/shh: no such program; sh is at /bin/sh": everyone,
        "3: defaults.hooks.reload[1].user: there is no user roott; did you mean root?": everyone,
        "7: certificates[0].install.owner: there is no user nobodyy; did you mean nobody?": both,
        "7: certificates[0].install.group: there is no group xyzzy; make it, or write another": both,
        f"6: certificates[0].challenge.webroot: there is no folder {tmp_path}/a.example.com; make it, or name the folder that the web server serves": (
            "a.example.com",
        ),
        "9: certificates[1].challenge.webroot: there is no folder /nowhere; make it, or name the folder that the web server serves": (
            "c.example.com",
        ),
        "12: certificates[1].install[1].pfx_password: there is no secret file /nowhere; write the secret into it, then: chmod 600 /nowhere": (
            "c.example.com",
        ),
    }
    with pytest.raises(ConfigurationError, match="no such program"):
        machine.insist(loaded)


def test_what_an_issuer_lacks_holds_all_its_targets(write, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    text = f"""issuers:
  one:
    type: rcl
    subscription_id: s
    api_key: {{env: RENEWD_TEST_NOT_SET}}
    trust: {{file: {tmp_path}/no.pem}}
    ca_file: {tmp_path}/empty.pem
  two: {{type: rcl, subscription_id: s, api_key: {{credential: key}}}}
certificates:
  - {{name: a.example.com, issuer: one, install: {{directory: /live/a}}}}
  - {{name: b.example.com, issuer: two, install: {{directory: /live/b}}}}
"""
    loaded = load.load(write(text))
    found = told(loaded)
    assert set(found.values()) == {("a.example.com",)}
    assert [line.partition(";")[0] for line in found] == [
        "5: issuers.one.api_key: the environment variable RENEWD_TEST_NOT_SET of a secret is not set",
        f"6: issuers.one.trust.file: there is no file {tmp_path}/no.pem",
        f"7: issuers.one.ca_file: {tmp_path}/empty.pem holds no PEM certificates",
    ]
    assert [str(fault).partition("yaml:")[2].partition(":")[0] for fault in machine.warnings(loaded)] == [
        "5",
        "8",
    ]


def test_roots_that_are_there_are_no_fault(write, issuers, tmp_path):
    issued = Authority.new().issue(["a.example.com"])
    (tmp_path / "roots.pem").write_bytes(issued.chain_pem)
    text = issuers.replace("type: rcl", f"type: rcl, trust: {{file: {tmp_path}/roots.pem}}") + ENTRY
    assert machine.faults(load.load(write(text))) == []


def test_validate_tells_what_is_wrong_in_the_file_and_on_the_machine_from_top_to_bottom(write, issuers):
    """A fault in an entry does not hide what else is wrong with it."""
    path = write(issuers + ENTRY + "    renew_befor: 1/3\n    hooks: {reload: /bin/shh}\n")
    faults, warnings = machine.examine(path)
    assert [str(fault).partition("yaml:")[2] for fault in faults] == [
        "5: certificates[0].renew_befor: unknown key; did you mean renew_before?",
        "6: certificates[0].hooks.reload: /bin/shh: no such program; sh is at /bin/sh",
    ]
    assert warnings == ()
    assert machine.examine(path + "x") == (load.examine(path + "x").faults, ())


def test_a_program_of_each_name_is_looked_for(write, issuers):
    text = "certificates: [{names: [a.example.com], install: {directory: '/l/{name}'}, hooks: {post: '/no/{name} x'}}]"
    (found,) = machine.faults(load.load(write(issuers + text)))
    assert "/no/a.example.com: no such program; install it, or write its path" in str(found.fault)


def test_a_program_must_be_one(tmp_path):
    (tmp_path / "text").write_text("")
    (tmp_path / "folder").mkdir()
    assert programs.problem("sh") is None
    assert programs.problem(f"{tmp_path}/folder") == (
        f"{tmp_path}/folder: is a folder, not a program",
        "write the program's path",
    )
    assert programs.problem(f"{tmp_path}/text") == (
        f"{tmp_path}/text: is not executable",
        f"chmod +x {tmp_path}/text",
    )
    assert programs.problem("/no/such/folder/sh") == (
        "/no/such/folder/sh: no such program",
        "sh is at /usr/bin/sh",
    )


@pytest.mark.parametrize(("written", "meant"), [("servre", "server is at"), ("prog", "install it, or write")])
def test_a_guess_at_the_program_is_a_near_one(tmp_path, written, meant):
    for name in ("server", "grog"):
        (tmp_path / name).write_text("")
    assert meant in programs.problem(f"{tmp_path}/{written}")[1]


def test_programs_are_looked_for_where_hooks_are_run():
    assert commands.PATH == program.PATH


def test_what_another_program_writes_is_a_warning(write, issuers, tmp_path):
    (tmp_path / "certbot").mkdir()
    (tmp_path / "certbot" / "privkey.pem").symlink_to("../../archive/a/privkey1.pem")
    (tmp_path / "rcl").mkdir()
    (tmp_path / "rcl" / "primaryCertificate.crt").write_text("")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "primaryCertificate.crt").symlink_to("current/primaryCertificate.crt")
    folders = ["/etc/letsencrypt/live/a", f"{tmp_path}/certbot", f"{tmp_path}/rcl", f"{tmp_path}/ours"]
    places = ", ".join(f"{{directory: {folder}}}" for folder in folders)
    loaded = load.load(write(f"{issuers}certificates: [{{name: a.example.com, install: [{places}]}}]"))
    assert [str(fault).partition("install")[2].partition(";")[0] for fault in machine.warnings(loaded)] == [
        "[0].directory: certbot writes here too",
        "[1].directory: certbot writes here too",
        "[2].directory: RCL's own daemon writes here too",
    ]


def test_what_certbot_renews_no_more_is_no_warning(write, issuers, tmp_path):
    live, renewal = tmp_path / "live" / "a", tmp_path / "renewal"
    live.mkdir(parents=True)
    renewal.mkdir()
    (live / "privkey.pem").symlink_to("../../archive/a/privkey1.pem")
    (renewal / "a.conf").write_text("")
    path = write(f"{issuers}certificates: [{{name: a.example.com, install: {{directory: {live}}}}}]")
    (told,) = machine.warnings(load.load(path))
    assert f"mv {renewal}/a.conf {renewal}/a.conf.off" in str(told)
    assert "certbot delete` would take away what is live" in str(told)
    (renewal / "a.conf").rename(renewal / "a.conf.off")
    assert machine.warnings(load.load(path)) == []


def test_a_target_is_not_held_as_long_as_another_of_its_issuers_can_be_used(write, issuers):
    lacking = "{type: rcl, subscription_id: s, api_key: {file: /nowhere/key}}"
    text = issuers.replace("issuers: {", f"issuers: {{lacking: {lacking}, ")
    entries = (
        "certificates:\n"
        "  - {name: a.example.com, issuer: [lacking, rcl], install: {directory: /live/a}}\n"
        "  - {name: b.example.com, issuer: lacking, install: {directory: /live/b}}\n"
    )
    ((key, held),) = told(load.load(write(text + entries))).items()
    assert "issuers.lacking.api_key" in key
    assert held == ("b.example.com",)


def test_what_an_acme_issuer_needs_is_told_with_the_extra_that_brings_it(
    write, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(needs, "ACME", ("no_such_package",))
    acme = "issuers: {le: {type: acme, directory: letsencrypt, agree_terms: true}}\n"
    ((key, held),) = told(load.load(write(acme + ENTRY))).items()
    assert "pip install 'renewd[acme]'" in key
    assert held == ("a.example.com",)
