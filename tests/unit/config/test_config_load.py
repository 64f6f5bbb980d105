"""Loading: what a good file becomes, and how each kind of fault is told."""

import os
from pathlib import Path

import pytest

from renewd.config import load
from renewd.errors import ConfigurationError
from tests.unit.config.conftest import ENTRY, ISSUERS

PLACE = "install: {directory: /live/a}"


def test_the_contract_s_example_is_a_whole_working_file(write):
    """With nothing but what contract says a file needs."""
    path = write(
        """
issuers:
  rcl:
    type: rcl
    subscription_id: sub_df45ghfh463nfhh
    api_key: {file: /etc/renewd/rcl-api-key}
certificates:
  - name: shopeneur.com
    challenge: {type: http-01, webroot: /var/www/shopeneur}
    install: {directory: /etc/renewd/live/shopeneur.com}
    hooks: {check: nginx -t, reload: nginx -s reload}
"""
    )
    loaded = load.load(path)
    (target,) = loaded.targets
    assert (target.name, target.issuer, target.where, target.file) == (
        "shopeneur.com",
        "rcl",
        "certificates[0].name",
        path,
    )
    assert [command.argv for command in target.hooks.reload] == [("nginx", "-s", "reload")]
    assert loaded.files == (path,)
    assert loaded.configuration.state_directory == "/var/lib/renewd"


def test_defaults_are_said_by_those_that_do_not_say_the_key_themselves(loaded):
    """A certificate's own key replaces the whole of it, also with nothing."""
    found = loaded(
        """
defaults: {renew_before: 30d, hooks: {check: nginx -t}, confirm: {connect: "h:1"}}
certificates:
  - {name: a.example.com, install: {directory: /live/a}}
  - {name: b.example.com, install: {directory: /live/b}, renew_before: 1/2, hooks: {}, confirm: }
"""
    )
    first, second = (target.entry for target in found.targets)
    assert (str(first.renew_before), len(first.hooks.check), first.confirm.connect) == ("30d", 1, ("h:1",))
    assert (str(second.renew_before), second.hooks.check, second.confirm) == ("1/2", (), None)
    assert found.configuration.certificates == (first, second)


def test_names_share_the_rest_and_each_is_a_target(loaded):
    """{name} stands for each in paths, and in hooks as one word."""
    found = loaded(
        """
certificates:
  - names: [a.example.com, "*.b.example.com", "C.example.com, d.example.com"]
    install: {directory: "/live/{name}"}
    hooks: {post: "tell {name} now"}
"""
    )
    assert [target.places[0].directory for target in found.targets] == [
        "/live/a.example.com",
        "/live/_.b.example.com",
        "/live/c.example.com+d.example.com",
    ]
    assert found.targets[2].hooks.post[0].argv == ("tell", "c.example.com,d.example.com", "now")
    assert found.targets[1].where == "certificates[0].names[1]"


def test_merge_keys_and_anchors_work(loaded):
    found = loaded(
        """
certificates:
  - &a {name: a.example.com, install: {directory: /live/a}, hooks: &hooks {check: nginx -t}}
  - {<<: *a, name: b.example.com, install: {directory: /live/b}}
  - {name: c.example.com, install: {directory: /live/c}, hooks: *hooks}
"""
    )
    assert len({target.hooks.group for target in found.targets}) == 1


def test_includes_bring_certificates_from_files_beside_the_main_one(write):
    main = write(ISSUERS + "include: [conf.d/*.yaml, one.yaml, '*.yaml']\n")
    write(f"certificates: [{{name: a.example.com, {PLACE}}}]", "one.yaml")
    write("certificates: [{name: b.example.com, install: {directory: /live/b}}]", "conf.d/b.yaml")
    write("# nothing yet\n", "conf.d/empty.yaml")
    found = load.load(main)
    assert [target.name for target in found.targets] == ["b.example.com", "a.example.com"]
    assert [os.path.basename(file) for file in found.files] == [
        "config.yaml",
        "b.yaml",
        "empty.yaml",
        "one.yaml",
    ]


def test_faults_of_included_files_carry_their_own_file_and_line(write, tmp_path):
    """And a fault between two files names the other one."""
    main = write(
        ISSUERS + f"certificates:\n  - name: a.example.com\n    {PLACE}\ninclude: [x/*.yaml, no.yaml]\n"
    )
    one = write(
        "defaults: {}\ncertificates:\n  - name: b.example.com\n    install: {directory: /live/a}\n",
        "x/1.yaml",
    )
    two = write("- a\n", "x/2.yaml")
    three = write("a: [", "x/3.yaml")
    assert [str(fault) for fault in load.examine(main).faults] == [
        f"{main}:5: include[1]: there is no file no.yaml beside this one; write it, or leave the line out",
        f"{one}:1: defaults: unknown key; known here: certificates",
        f"{one}:4: certificates[0].install.directory: the same path as certificates[0].install.directory ({main}:4); each needs a path of its own",
        f"{two}: the file is no mapping of keys; write a start with: renewd init",
        f"{three}:1: the text ends before a bracket is closed; close it with ] or }}",
    ]


@pytest.mark.fault(79)
def test_a_file_that_everybody_may_write_is_refused(write):
    path = write(ISSUERS + ENTRY)
    Path(path).chmod(0o646)
    with pytest.raises(ConfigurationError, match=r"everybody may write to it, .*; chmod o-w it"):
        load.load(path)


def test_what_is_no_file_is_told_in_one_line(tmp_path: Path, write):
    os.mkfifo(tmp_path / "fifo")
    for path, said in {
        "nowhere.yaml": "no such file; write one with: renewd init",
        ".": "it is a folder",
        "fifo": "not a regular file",
        "a\0b": "this is no path",
        "config.yaml/x": "it cannot be read: Not a directory",
    }.items():
        write("x")
        with pytest.raises(ConfigurationError, match=said):
            load.load(os.path.join(tmp_path, path))


@pytest.mark.fault(74)
def test_what_is_no_utf_8_is_told_with_its_line(write):
    with pytest.raises(ConfigurationError, match=r"config.yaml:2: this is not UTF-8 text"):
        load.load(write(b"a: b\nc: \xff\n"))


def test_a_file_that_is_too_large_is_refused(write):
    with pytest.raises(ConfigurationError, match="larger than 16 MiB"):
        load.load(write(b"#" * (16 * 1024 * 1024 + 1)))


def test_a_byte_order_mark_is_no_fault(write):
    assert load.load(write(b"\xef\xbb\xbf" + (ISSUERS + ENTRY).encode())).targets
