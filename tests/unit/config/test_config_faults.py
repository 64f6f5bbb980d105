"""How each kind of fault is told: where, what, and what would be right; and that nothing gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.config import load
from tests.unit.config.conftest import ENTRY, ISSUERS


@pytest.mark.fault(74, 75)
def test_everything_wrong_is_told_at_once(faults):
    """Structure, values, and what spans entries; nothing that follows from another fault."""
    found = faults(
        ISSUERS
        + """
certificates:
  - name: a.example.com
    renew_befor: 1/3
    install: {files: {key: /ssl/a.key, cert: /ssl/a.crt}, mode: 640}
  - name: x.example.com
    install: {files: {key: /ssl//a.key, cert: /ssl/x.crt}, owner: 0}
    hooks:
      check: nginx '-t
      reload: [nginx, -s, reload]
  - names: [b.example.com, 12, "*.c.example.com"]
    challenge: {type: http-01, webroot: /w}
    instal: {directory: /live}
schedule: {every: 1s}
"""
    )
    assert found == [
        "5: certificates[0].renew_befor: unknown key; did you mean renew_before?",
        '6: certificates[0].install.mode: 640 is a number, and YAML may read it as a decimal one; write it quoted, such as "0640"',
        '8: certificates[1].install.owner: without quotes, 0 is a number to YAML; write it quoted: "0"',
        "8: certificates[1].install.files.key: the same path as certificates[0].install.files.key (line 6); each needs a path of its own",
        '10: certificates[1].hooks.check: "nginx \'-t" has a quote that is not closed; close it',
        "11: certificates[1].hooks.reload: a list is of command lines, and one that begins with - is none; write one line: nginx -s reload",
        '12: certificates[2].names[1]: without quotes, 12 is a number to YAML; write it quoted: "12"',
        "12: certificates[2].names[2]: no HTTP challenge can prove the wildcard in '*.c.example.com'; write challenge: {type: dns-01, …}, or leave it out where the service proves the name",
        "14: certificates[2].instal: unknown key; did you mean install?",
        "15: schedule.every: 1s is too short; write 5s or more",
    ]


SITUATIONS = {
    "an empty file": ("", "the file is empty; write a start with: renewd init"),
    "only comments": ("# x\n", "the file is empty; write a start with: renewd init"),
    "a list": ("- a\n", "the file is no mapping of keys; write a start with: renewd init"),
    "a text": ("hello", "the file is no mapping of keys; write a start with: renewd init"),
    "nothing watched": (ISSUERS, "certificates: nothing is watched"),
    "an empty watch list": (ISSUERS + "certificates: []", "2: certificates: nothing is watched"),
    "no issuers": (ENTRY, "issuers: nothing issues"),
    "issuers that are nothing": ("issuers:\n" + ENTRY, "1: issuers: nothing is written here"),
    "issuers as a list": (
        "issuers: [rcl]\n" + ENTRY,
        "1: issuers: a mapping of keys is wanted here, not a list",
    ),
    "certificates as a mapping": (
        ISSUERS + "certificates: {name: a}",
        "2: certificates: a list is wanted here, not a mapping",
    ),
    "a certificate as a text": (
        ISSUERS + "certificates: [a.example.com]",
        "2: certificates[0]: a mapping of keys",
    ),
    "an unknown key far from all": (
        ISSUERS + ENTRY + "quux: {}",
        "5: quux: unknown key; known here: issuers",
    ),
    "a duplicate key": (
        ISSUERS + ENTRY + "    name: b.example.com",
        "5: certificates[0].name: the same key as in line 3; keep one of them",
    ),
    "two kinds of names": (
        ISSUERS + ENTRY + "    names: [b.example.com]",
        "3: certificates[0]: name and names are set",
    ),
    "no name": (ISSUERS + "certificates: [{install: {directory: /l}}]", "2: certificates[0]: it has no name"),
    "an empty list of names": (
        ISSUERS + "certificates: [{names: [], install: {directory: /l}}]",
        "2: certificates[0].names: the list is empty",
    ),
    "names as one text": (
        ISSUERS + "certificates: [{names: a.example.com, install: {directory: /l}}]",
        "2: certificates[0].names: a list is wanted here, not a text; write names: [a.example.com]",
    ),
    "the same name twice in one list": (
        ISSUERS
        + "certificates: [{names: [a.example.com, A.example.com], install: {directory: '/l/{name}'}}]",
        "2: certificates[0].names[1]: the same names as certificates[0].names[0] (line 2)",
    ),
    "no place": (
        ISSUERS + "certificates: [{name: a.example.com}]",
        "2: certificates[0].install: it is missing",
    ),
    "a place that is neither": (
        ISSUERS + "certificates: [{name: a.example.com, install: {}}]",
        "2: certificates[0].install: neither directory nor files is set; write exactly one of the two",
    ),
    "a place that is both": (
        ISSUERS + "certificates: [{name: a.example.com, install: {directory: /l, files: {key: /k}}}]",
        "2: certificates[0].install: directory and files are set",
    ),
    "files without a key": (
        ISSUERS + "certificates: [{name: a.example.com, install: {files: {cert: /c}}}]",
        "2: certificates[0].install.files: no private key is among them",
    ),
    "files without a certificate": (
        ISSUERS + "certificates: [{name: a.example.com, install: {files: {key: /k, chain: /c}}}]",
        "2: certificates[0].install.files: no certificate is among them; write a path for fullchain, cert, combined or pfx as well",
    ),
    "an unknown kind of file": (
        ISSUERS + "certificates: [{name: a.example.com, install: {files: {key: /k, fulchain: /c}}}]",
        "2: certificates[0].install.files.fulchain: unknown key; did you mean fullchain?",
    ),
    "two kinds of file in one path": (
        ISSUERS + "certificates: [{name: a.example.com, install: {files: {key: /k, cert: /k}}}]",
        "2: certificates[0].install.files.cert: the same path as key",
    ),
    "fixed files with a layout": (
        ISSUERS + "certificates: [{name: a.example.com, install: {layout: rcl, files: {combined: /k}}}]",
        "2: certificates[0].install.layout: fixed paths have no layout",
    ),
    "the same place twice in one certificate": (
        ISSUERS + "certificates: [{name: a.example.com, install: [{directory: /l}, {directory: /l/}]}]",
        "2: certificates[0].install[1].directory: the same path as certificates[0].install[0].directory (line 2)",
    ),
    "a place in another's folder": (
        ISSUERS + ENTRY + "  - {name: b.example.com, install: {files: {key: /live/a/versions/k, cert: /c}}}",
        "5: certificates[1].install.files.key: it lies in the folder of certificates[0].install.directory (line 4)",
    ),
    "a place in the state directory": (
        ISSUERS + "certificates: [{name: a.example.com, install: {directory: /var/lib/renewd/a}}]",
        "2: certificates[0].install.directory: it lies in /var/lib/renewd, the state directory",
    ),
    "a place that is the API key's file": (
        ISSUERS + "certificates: [{name: a.example.com, install: {files: {key: /etc/renewd/key, cert: /c}}}]",
        "2: certificates[0].install.files.key: this path is where a secret is read from",
    ),
    "names that share a path": (
        ISSUERS + "certificates: [{names: [a.example.com, b.example.com], install: {directory: /l}}]",
        "2: certificates[0].install.directory: 2 names share this path; write {name} in it",
    ),
    "names that share a path of the defaults": (
        ISSUERS
        + "defaults:\n  install: {directory: /l}\ncertificates: [{names: [a.example.com, b.example.com]}]",
        "3: defaults.install.directory: 2 names share this path",
    ),
    "an issuer that is not there": (
        ISSUERS + ENTRY + "    issuer: rlc",
        "5: certificates[0].issuer: there is no issuer 'rlc'",
    ),
    "an empty list of issuers": (
        ISSUERS + ENTRY + "    issuer: []",
        "5: certificates[0].issuer: the list is empty; write rcl",
    ),
    "an empty list of issuers for all": (
        ISSUERS + ENTRY + "defaults: {issuer: []}",
        "5: defaults.issuer: the list is empty; write rcl",
    ),
    "an issuer twice": (
        ISSUERS + ENTRY + "    issuer: [rcl, rcl]",
        "5: certificates[0].issuer[1]: rcl is in it twice; write it once",
    ),
    "an issuer in a list that is not there": (
        ISSUERS + ENTRY + "    issuer: [rcl, rlc]",
        "5: certificates[0].issuer[1]: there is no issuer 'rlc'; did you mean rcl?",
    ),
    "an issuer of several": (
        ISSUERS.replace("issuers: {", "issuers: {two: {type: rcl, subscription_id: s, api_key: {env: A}}, ")
        + ENTRY,
        "3: certificates[0].issuer: it is missing, and there are several; write two or rcl",
    ),
    "an unknown type of issuer": (
        ISSUERS.replace("type: rcl", "type: acne") + ENTRY,
        "1: issuers.rcl.type: 'acne' is not known here; did you mean acme?",
    ),
    "an issuer's name that cannot be": (
        ISSUERS.replace("{rcl:", "{'a b':") + ENTRY,
        "1: issuers.a b: 'a b' is not right here",
    ),
    "a missing key": (
        ISSUERS.replace("subscription_id: sub_1, ", "") + ENTRY,
        "1: issuers.rcl.subscription_id: it is missing; write it like subscription_id: sub_df45ghfh463nfhh",
    ),
    "http to another host": (
        ISSUERS.replace("sub_1", "sub_1, base_url: 'http://api.example.com'") + ENTRY,
        "1: issuers.rcl.base_url: http:// would show the network what is sent",
    ),
    "roots that are nothing known": (
        ISSUERS.replace("sub_1", "sub_1, trust: sistem") + ENTRY,
        "1: issuers.rcl.trust: 'sistem' is not known here; did you mean system?",
    ),
    "roots with a misspelt key": (
        ISSUERS.replace("sub_1", "sub_1, trust: {fil: /x}") + ENTRY,
        "1: issuers.rcl.trust.fil: unknown key; did you mean file?",
    ),
    "a relative path": (
        ISSUERS + "certificates: [{name: a.example.com, install: {directory: live/a}}]",
        "2: certificates[0].install.directory: 'live/a' is not an absolute path",
    ),
    "a text where a number is wanted": (
        ISSUERS + ENTRY + "schedule: {concurrency: many}",
        "5: schedule.concurrency: this is not a number",
    ),
    "a yes where a number is wanted": (
        ISSUERS + ENTRY + "schedule: {concurrency: yes}",
        "5: schedule.concurrency: this is not a number",
    ),
    "a number too large": (
        ISSUERS + ENTRY + "schedule: {concurrency: 1000}",
        "5: schedule.concurrency: this is not a number that is possible here; write 256 or less",
    ),
    "a number where a duration is wanted": (
        ISSUERS + ENTRY + "    renew_before: 30",
        "5: certificates[0].renew_before: 30 is neither a share nor a duration; write one such as 1/3 or 30d",
    ),
    "a time where an address is wanted": (
        ISSUERS + ENTRY + "    confirm: {connect: 22:30}",
        '5: certificates[0].confirm.connect: without quotes, 22:30 is a number to YAML; write it quoted: "22:30"',
    ),
    "a word where a switch is wanted": (
        ISSUERS + "certificates: [{name: a.example.com, install: {directory: /l, placeholder: 'yes'}}]",
        "2: certificates[0].install.placeholder: a yes or no is wanted here, not a text; write true or false",
    ),
    "no where a word is wanted": (
        ISSUERS + ENTRY + "log: {level: no}",
        "5: log.level: no is not known here; write debug, info, warning or error",
    ),
    "a mapping where a word is wanted": (
        ISSUERS + ENTRY + "log: {level: {}}",
        "5: log.level: a word is wanted here, not a mapping",
    ),
    "a list where a text is wanted": (
        ISSUERS + "certificates: [{name: [a], install: {directory: /l}}]",
        "2: certificates[0].name: a text is wanted here, not a list",
    ),
    "a null where a name is wanted": (
        ISSUERS + "certificates: [{name: , install: {directory: /l}}]",
        "2: certificates[0]: it has no name",
    ),
    "a hook that is a word of YAML's": (
        ISSUERS + ENTRY + "    hooks: {check: true}",
        '5: certificates[0].hooks.check: without quotes, true is true to YAML; write it quoted: "true"',
    ),
    "a null hook": (
        ISSUERS + ENTRY + "    hooks: {check: }",
        "5: certificates[0].hooks.check: nothing is written here",
    ),
    "a hook's mapping without a line": (
        ISSUERS + ENTRY + "    hooks: {check: {timeout: 5s}}",
        "5: certificates[0].hooks.check.run: it is missing",
    ),
    "a hook that takes too long": (
        ISSUERS + ENTRY + "    hooks: {check: {run: x, timeout: 11m}}",
        "5: certificates[0].hooks.check.timeout: 11m is too long; write 10m or less",
    ),
    "a challenge of both kinds": (
        ISSUERS + ENTRY + "    challenge: {type: http-01, webroot: /w, listen: 'h:1'}",
        "5: certificates[0].challenge: webroot and listen are set",
    ),
    "a challenge of no kind": (
        ISSUERS + ENTRY + "    challenge: {type: http-01}",
        "5: certificates[0].challenge: neither webroot nor listen is set",
    ),
    "an unknown usage": (
        ISSUERS + ENTRY + "    expect: {eku: [server]}",
        "5: certificates[0].expect.eku[0]: 'server' is not right here",
    ),
    "an empty text": (
        ISSUERS + ENTRY + "    expect: {issuer: ''}",
        "5: certificates[0].expect.issuer: the text is empty",
    ),
    "a key of another kind of issuer": (
        "issuers: {ca: {type: acme, directory: letsencrypt, agree_terms: true, subscription_id: s}}\n"
        + ENTRY,
        "1: issuers.ca.subscription_id: unknown key; known here: trust, timeout, proxy, ca_file, type, directory",
    ),
    "an issuer whose type is nothing": (
        ISSUERS.replace("type: rcl", "type: ") + ENTRY,
        "1: issuers.rcl.type: nothing is written here; write rcl, rcl-v8 or acme",
    ),
    "a null where a secret's source is wanted": (
        ISSUERS.replace("{file: /etc/renewd/key}", "") + ENTRY,
        "1: issuers.rcl.api_key: nothing is written here; write where it is read from: {file: /etc/renewd/…}",
    ),
    "a directory that is almost known": (
        "issuers: {ca: {type: acme, directory: letsencryptt, agree_terms: true}}\n" + ENTRY,
        "1: issuers.ca.directory: 'letsencryptt' is not known here; did you mean letsencrypt?",
    ),
    "a directory that is none": (
        "issuers: {ca: {type: acme, directory: zerossl, agree_terms: true}}\n" + ENTRY,
        "1: issuers.ca.directory: 'zerossl' is not known here; write letsencrypt, letsencrypt-staging or the directory's URL",
    ),
    "other names than the portal's": (
        ISSUERS + ENTRY + "    domains: [b.example.com]",
        "5: certificates[0].domains: rcl issues for the names in `name`, as its portal shows them; leave domains out",
    ),
    "two entries that share a path of the defaults": (
        ISSUERS
        + "defaults:\n  install: {directory: /l}\ncertificates: [{name: a.example.com}, {name: b.example.com}]",
        "3: defaults.install.directory: 'a.example.com' and 'b.example.com' share this path; write {name} in it",
    ),
    "yes where names are wanted": (
        ISSUERS + "certificates: [{names: yes, install: {directory: /l}}]",
        "2: certificates[0].names: a list is wanted here, not true; write names: [yes]",
    ),
    "what would colour a terminal": (
        ISSUERS + ENTRY + 'include: "\\e[31mred"',
        r"5: include: a list is wanted here, not a text; write include: [\x1b[31mred]",
    ),
    "a pattern that cannot be": (ISSUERS + ENTRY + 'include: ["a\\0"]', "5: include[0]:"),
}


@pytest.mark.fault(74, 75, 77)
@pytest.mark.parametrize(("text", "expected"), SITUATIONS.values(), ids=SITUATIONS)
def test_one_fault_one_sentence(faults, text, expected):
    found = faults(text)
    assert len(found) == 1, found
    assert found[0].startswith(expected)


@pytest.mark.fault(75)
def test_a_repeated_key_and_a_tag_hide_no_other_fault(faults):
    found = faults(
        ISSUERS + "certificates:\n"
        "  - {name: a.example.com, name: b.example.com, install: {directory: !x /l, mode: 640}}\n"
        "  - {install: {directory: /m, mode: 640}}\n"
        "schedule: {every: 1s}\n"
    )
    assert [fault.partition("; ")[0] for fault in found] == [
        "3: certificates[0].name: the same key as in line 3",
        "3: certificates[0].install.directory: a tag, !…, stands here",
        "3: certificates[0].install.mode: 640 is a number, and YAML may read it as a decimal one",
        "4: certificates[1].install.mode: 640 is a number, and YAML may read it as a decimal one",
        "4: certificates[1]: it has no name",
        "5: schedule.every: 1s is too short",
    ]


BESIDE_WHAT_IS_MISSING = {
    "in an issuer": """
issuers:
  rcl: {type: rcl, subscription_id: s, api_key: {file: /k}, base_url: http://evil.example/x}
  KEY: {type: acme, directory: letsencrypt, key_type: q}
certificates: [{name: a.example.com, issuer: nope, install: {directory: /l, mode: "0644"}}]
""",
    "in a section": f"""{ISSUERS}
certificates: [{{name: a.example.com, install: {{directory: /l, mode: "0644"}}}}]
notify: {{on: [bar], KEY: x}}
schedule: {{every: 1s}}
""",
    "in a list": f"""{ISSUERS}
certificates:
  - name: a.example.com
    issuer: nope
    install: {{directory: /l}}
    hooks: {{check: [{{KEY: 5s}}, {{run: x, timeout: 11m}}, {{run: y, timeout: 12m}}]}}
""",
}


@pytest.mark.fault(75)
@pytest.mark.parametrize("text", BESIDE_WHAT_IS_MISSING.values(), ids=BESIDE_WHAT_IS_MISSING)
def test_what_is_wrong_beside_a_missing_key_is_told_in_any_order_of_the_keys(faults, text):
    """The keys' hashes differ from run to run, and so did the order in which they were left out."""
    for number in range(24):
        found = faults(text.replace("KEY", f"x{number}x"))
        assert len(found) == 5, found


HIDDEN = {
    "the key itself": "api_key: s3cr3t",
    "a number": "api_key: 12345678",
    "a list": "api_key: [s3cr3t]",
    "in braces": "api_key: {s3cr3t}",
    "under a key of its own": "api_key: {value: s3cr3t}",
    "as the file": "api_key: {file: s3cr3t}",
    "as the variable": "api_key: {env: s3cr3t-12345678}",
    "as the credential": "api_key: {credential: s3cr3t/12345678}",
    "as a list in file": "api_key: {file: [s3cr3t]}",
    "as a switch": "api_key: {file: /a, allow_group: s3cr3t}",
    "beside the right one": "api_key: {file: /a}, api_kye: s3cr3t",
    "in the URL": "api_key: {file: /a}, base_url: 'https://user:s3cr3t@api.example.com'",
    "in the proxy's URL": "api_key: {file: /a}, proxy: 'http://user:s3cr3t@proxy.example.com:3128'",
    "as a subscription": "api_key: {file: /a}, subscription_id: ' s3cr3t'",
}


@pytest.mark.parametrize("said", HIDDEN.values(), ids=HIDDEN)
def test_a_secret_in_the_file_is_a_fault_that_does_not_repeat_it(faults, said):
    rest = "" if "subscription_id" in said else ", subscription_id: s"
    found = faults(f"issuers: {{rcl: {{type: rcl{rest}, {said}}}}}\n{ENTRY}")
    assert found
    assert "s3cr3t" not in " ".join(found)
    assert "12345678" not in " ".join(found)


def test_a_secret_in_the_file_is_told_where_it_belongs(faults):
    (found,) = faults(ISSUERS.replace("{file: /etc/renewd/key}", "s3cr3t") + ENTRY)
    assert found == (
        "1: issuers.rcl.api_key: a secret does not stand in this file; "
        "write where it is read from: {file: /etc/renewd/…}, {env: NAME} or {credential: NAME}"
    )


def examined(tmp_path_factory, text: str) -> load.Examined:
    path = tmp_path_factory.mktemp("any") / "config.yaml"
    path.write_bytes(text.encode())
    path.chmod(0o644)
    found = load.examine(str(path))
    assert all("\n" not in str(fault) and "pydantic" not in str(fault) for fault in found.faults)
    return found


@pytest.mark.fault(74)
@given(text=st.text())
def test_any_text_is_a_configuration_or_has_faults(tmp_path_factory, text):
    assert examined(tmp_path_factory, text).faults


_KEYS = """
issuers certificates defaults include schedule state_directory log rcl name names install hooks challenge confirm
expect issuer renew_before directory files key cert mode owner check reload run shell timeout webroot listen type
every concurrency level api_key file env trust connect base_url <word> [key] << nme
"""
_SCALARS = (
    "rcl a.example.com *.example.com /a/b {name} 1/3 30d 22:30 no ~ 12 0640 '0640' -t http-01 system a,b x:1"
)
KEYS = st.sampled_from(_KEYS.split())
SCALARS = st.sampled_from(_SCALARS.split())
TREES = st.recursive(
    SCALARS | st.text("ab {}[]-'&*!|>%@`\t:#,\\", max_size=5).map(repr),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=5).map(
            lambda pairs: "{" + ", ".join(f"{key!r}: {value}" for key, value in pairs.items()) + "}"
        )
    ),
    max_leaves=25,
)


@pytest.mark.fault(74)
@given(tree=st.dictionaries(KEYS, TREES, max_size=6))
def test_any_tree_of_our_keys_is_a_configuration_or_has_faults(tmp_path_factory, tree):
    text = "".join(f"{key}: {value}\n" for key, value in tree.items())
    found = examined(tmp_path_factory, text)
    assert found.faults or (found.loaded and found.loaded.targets)


@given(entry=st.dictionaries(KEYS, TREES, max_size=6))
def test_any_certificate_is_one_or_has_faults(tmp_path_factory, entry):
    lines = "\n".join(f"    {key}: {value}" for key, value in entry.items()) or "    {}"
    found = examined(tmp_path_factory, f"{ISSUERS}certificates:\n  -\n{lines}\n")
    assert found.faults or (found.loaded and found.loaded.targets)
