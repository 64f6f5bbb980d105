"""Issuers and challenges of several kinds, lists of issuers, and names that are not the certificate's name."""

import pytest

from renewd.config import load
from renewd.config.model import AcmeIssuer, DnsCommands, DnsProvider, Http01, RclIssuer, RclV8Issuer, Rfc2136

RCL = "{type: rcl, subscription_id: s, api_key: {env: A}}"
V8 = "{type: rcl-v8, subscription_id: s, api_key: {env: A}}"
ACME = "{type: acme, directory: letsencrypt, agree_terms: true}"
HEAD = f"issuers: {{portal: {RCL}, newer: {V8}, le: {ACME}}}\ncertificates:\n"
PLACE = "install: {directory: /live/a}"


def read(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load.load(str(path))


def faults(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return [str(fault).removeprefix(f"{path}:") for fault in load.examine(str(path)).faults]


def test_the_type_says_what_an_issuer_is(tmp_path):
    loaded = read(tmp_path, HEAD + f"  - {{name: a.example.com, issuer: le, {PLACE}}}\n")
    kinds = [type(issuer) for issuer in loaded.configuration.issuers.values()]
    assert kinds == [RclIssuer, RclV8Issuer, AcmeIssuer]


def test_letsencrypt_stands_for_its_directory(tmp_path):
    loaded = read(tmp_path, HEAD + f"  - {{name: a.example.com, issuer: le, {PLACE}}}\n")
    assert loaded.configuration.issuers["le"].directory == "https://acme-v02.api.letsencrypt.org/directory"


def test_one_issuer_and_several_are_tried_in_the_order_written(tmp_path):
    text = f"  - {{name: a.example.com, issuer: [le, portal], {PLACE}}}\n  - {{name: b.example.com, issuer: newer, install: {{directory: /live/b}}}}\n"
    first, second = read(tmp_path, HEAD + text).targets
    assert first.issuers == ("le", "portal")
    assert first.issuer == "le"
    assert second.issuers == ("newer",)


def test_the_only_issuer_need_not_be_named(tmp_path):
    (target,) = read(
        tmp_path, f"issuers: {{le: {ACME}}}\ncertificates: [{{name: a.example.com, {PLACE}}}]"
    ).targets
    assert target.issuers == ("le",)


@pytest.mark.parametrize(
    ("challenge", "kind"),
    [
        ("{type: http-01, webroot: /w}", Http01),
        (
            "{type: dns-01, provider: rfc2136, server: '127.0.0.1:53', key_name: k, key: {env: A}}",
            Rfc2136,
        ),
        ("{type: dns-01, present: /bin/true, cleanup: /bin/true}", DnsCommands),
        ("{type: dns-01, provider: cloudflare, auth_token: {env: A}}", DnsProvider),
    ],
)
def test_the_keys_say_what_a_challenge_is(tmp_path, challenge, kind):
    text = HEAD + f"  - {{name: a.example.com, issuer: le, challenge: {challenge}, {PLACE}}}\n"
    assert type(read(tmp_path, text).targets[0].challenge) is kind


def test_domains_are_the_names_on_the_certificate(tmp_path):
    text = (
        HEAD
        + f"  - {{name: a.example.com, issuer: le, domains: [B.example.com, '*.example.com', 192.0.2.1], {PLACE}}}\n"
    )
    (target,) = read(tmp_path, text).targets
    assert target.domains == ("b.example.com", "*.example.com", "192.0.2.1")
    assert target.identity == "*.example.com,192.0.2.1,b.example.com"
    assert target.slug == "a.example.com"


WRONG = {
    "an issuer that is not there": (
        f"  - {{name: a.example.com, issuer: [portal, lee], {PLACE}}}",
        "3: certificates[0].issuer[1]: there is no issuer 'lee'; did you mean le?",
    ),
    "the same issuer twice": (
        f"  - {{name: a.example.com, issuer: [le, le], {PLACE}}}",
        "3: certificates[0].issuer[1]: le is in it twice; write it once",
    ),
    "no issuer among several": (
        f"  - {{name: a.example.com, {PLACE}}}",
        "3: certificates[0].issuer: it is missing, and there are several; write portal or newer or le",
    ),
    "domains beside many names": (
        "  - {names: [a.example.com, b.example.com], domains: [c.example.com], issuer: le, install: {directory: '/live/{name}'}}",
        "3: certificates[0].domains: several names share them; write them beside one `name`",
    ),
    "several domains in one item": (
        f"  - {{name: a.example.com, issuer: le, domains: ['a.example.com,b.example.com'], {PLACE}}}",
        "3: certificates[0].domains[0]: 'a.example.com,b.example.com' is several names; write each as an item of its own",
    ),
    "a wildcard among the domains with HTTP": (
        f"  - {{name: a.example.com, issuer: le, domains: [a.example.com, '*.a.example.com'], challenge: {{type: http-01, webroot: /w}}, {PLACE}}}",
        "3: certificates[0].domains[1]: no HTTP challenge can prove the wildcard in '*.a.example.com'; write challenge: {type: dns-01, …}, or leave it out where the service proves the name",
    ),
    "an unknown challenge": (
        f"  - {{name: a.example.com, issuer: le, challenge: {{type: dns-1, provider: x}}, {PLACE}}}",
        "3: certificates[0].challenge.type: 'dns-1' is not known here; did you mean dns-01?",
    ),
    "a challenge without its type": (
        f"  - {{name: a.example.com, issuer: le, challenge: {{webroot: /w}}, {PLACE}}}",
        "3: certificates[0].challenge.type: it is missing; write http-01 or dns-01",
    ),
}


@pytest.mark.parametrize(("entry", "said"), WRONG.values(), ids=WRONG)
def test_one_fault_one_sentence(tmp_path, entry, said):
    assert faults(tmp_path, HEAD + entry) == [said]


def test_the_same_names_under_another_name_are_watched_once(tmp_path):
    text = HEAD + (
        f"  - {{name: a.example.com, issuer: le, {PLACE}}}\n"
        "  - {name: b.example.com, issuer: le, domains: [a.example.com], install: {directory: /live/b}}\n"
    )
    assert faults(tmp_path, text) == [
        "4: certificates[1].name: the same names as certificates[0].name (line 3); watch it once; install takes a list of places"
    ]


@pytest.mark.parametrize(
    ("issuer", "said"),
    {
        "{type: acme, directory: letsencrypt}": "1: issuers.x.agree_terms: it is missing; write it like agree_terms: true",
        "{type: acme, directory: letsencrypt, agree_terms: false}": "1: issuers.x.agree_terms: no CA issues to those who do not agree to its terms of service; write true once you do",
        "{type: acme, agree_terms: true}": "1: issuers.x.directory: it is missing; write it like directory: letsencrypt",
        "{directory: letsencrypt, agree_terms: true}": "1: issuers.x.type: it is missing; write rcl, rcl-v8 or acme",
    }.items(),
)
def test_what_an_acme_issuer_needs(tmp_path, issuer, said):
    text = f"issuers: {{x: {issuer}}}\ncertificates: [{{name: a.example.com, {PLACE}}}]"
    assert faults(tmp_path, text) == [said]


def test_an_entry_may_do_without_the_challenge_of_the_defaults(tmp_path):
    defaults = "defaults: {issuer: newer, challenge: {type: http-01, listen: 127.0.0.1:1}}\n"
    bare, usual = read(
        tmp_path,
        defaults
        + HEAD
        + f"  - {{name: a.example.com, challenge: null, {PLACE}}}\n"
        + "  - {name: b.example.com, install: {directory: /live/b}}\n",
    ).targets
    assert bare.challenge is None
    assert isinstance(usual.challenge, Http01)
