"""DNS providers and their options, as dns-lexicon's own command line has them."""

import json
import subprocess
import sys

import pytest

from renewd.config import machine, providers
from renewd.config.proving import Dns01, DnsProvider, confidential

EVERY = providers.names()
ENTRY = """
issuers: {{rcl: {{type: rcl, subscription_id: sub_x, api_key: {{env: RENEWD_TEST_KEY}}, trust: none}}}}
certificates:
  - name: a.example.com
    challenge: {{type: dns-01, provider: {provider}{options}}}
    install: {{directory: /srv/renewd-tests/a}}
"""
PARSERS = """
import argparse, importlib, json
from lexicon._private.discovery import find_providers
found = {}
for name in find_providers():
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f"lexicon._private.providers.{name}").Provider.configure_parser(parser)
    found[name] = [action.dest for action in parser._actions]
print(json.dumps(found))
"""
OWN = {*DnsProvider.model_fields, *Dns01.model_fields}


@pytest.fixture
def faults(write, monkeypatch):
    monkeypatch.setenv("RENEWD_TEST_KEY", "s3cret-of-the-tests")

    def found(provider, **options):
        written = "".join(f", {key}: {value}" for key, value in options.items())
        faults, _ = machine.examine(write(ENTRY.format(provider=provider, options=written)))
        return [f"{fault.key}: {fault.wrong}; {fault.right}" for fault in faults]

    return found


def given(names):
    return dict.fromkeys(names, "{env: RENEWD_TEST_KEY}")


def unpackaged(found):
    """What is told besides that a provider needs more packages than are here."""
    return [fault for fault in found if "pip install 'dns-lexicon[" not in fault]


@pytest.fixture(scope="module")
def parsers():
    """The options of every provider by its own parser, from a process of its own: the library is not for this one."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PARSERS], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


def test_every_provider_is_known(parsers):
    assert set(parsers) - providers.LEFT_OUT == set(EVERY)
    assert len(EVERY) > 80


@pytest.mark.parametrize("provider", EVERY)
def test_options_are_those_of_the_provider_s_own_parser(parsers, provider):
    assert [option.name for option in providers.options(provider)] == parsers[provider]


@pytest.mark.parametrize("provider", EVERY)
def test_no_option_is_called_as_one_of_every_challenge(provider):
    assert OWN.isdisjoint(option.name for option in providers.options(provider))


@pytest.mark.parametrize("provider", EVERY)
def test_with_all_that_is_needed_nothing_is_lacking(faults, provider):
    needed = [option.name for option in providers.lacking(provider, set())]
    assert unpackaged(faults(provider, **given(needed))) == []


@pytest.mark.parametrize("provider", EVERY)
def test_each_option_that_is_missing_is_named_with_what_it_is(faults, provider):
    needed = providers.lacking(provider, set())
    assert needed or provider in {"oci", "route53"}  # which may know from the machine who they are
    found = unpackaged(faults(provider))
    assert [fault.split(": ", 1)[1] for fault in found] == [
        f"{provider} wants {option.name}{f', {option.help}' if option.help else ''}; write {option.name}: "
        + ("{file: /etc/renewd/…}" if confidential(option.name) else "…")
        for option in needed
    ]


@pytest.mark.parametrize("provider", EVERY)
def test_an_option_that_the_provider_does_not_have_is_told(faults, provider):
    needed = [option.name for option in providers.lacking(provider, set())]
    found = unpackaged(faults(provider, **given(needed), colour="red"))
    assert len(found) == 1
    assert found[0].startswith(f"certificates[0].challenge.colour: {provider} has no such option; ")


def test_a_misspelt_option_is_told_with_the_nearest_and_not_as_missing(faults):
    assert faults("cloudflare", auth_tokn="{env: RENEWD_TEST_KEY}") == [
        "certificates[0].challenge.auth_tokn: cloudflare has no such option; did you mean auth_token?"
    ]
    assert faults("cloudflare", auth_token="{env: RENEWD_TEST_KEY}", wiat="5m") == [
        "certificates[0].challenge.wiat: cloudflare has no such option; did you mean wait?"
    ]


@pytest.mark.parametrize(
    ("provider", "right"),
    [
        ("cloudflair", "there is no provider 'cloudflair'; did you mean cloudflare?"),
        ("rfc-2136", "there is no provider 'rfc-2136'; did you mean rfc2136?"),
        ("qqqqqq", "there is no provider 'qqqqqq'; write one that dns-lexicon knows: lexicon --help"),
        ("auto", "auto only picks another provider; name that one"),
    ],
)
def test_a_provider_that_is_none_is_told(faults, provider, right):
    assert faults(provider) == [f"certificates[0].challenge.provider: {right}"]


@pytest.mark.parametrize(
    "option", ["auth_token", "auth_password", "auth_api_key", "auth_secret", "secret_key", "auth_pass_phrase"]
)
def test_a_secret_in_the_file_is_a_fault_that_does_not_show_it(faults, option):
    found = faults("cloudflare", **{option: "hunter2-hunter2"})
    assert found[0].startswith(f"certificates[0].challenge.{option}: a secret does not stand in this file")
    assert "hunter2" not in "".join(found)


def test_options_that_are_no_secrets_stand_in_the_file(faults):
    assert faults("powerdns", auth_token="{env: RENEWD_TEST_KEY}", pdns_server="http://127.0.0.1:8081") == []
    transip = faults(
        "transip", auth_username="me", auth_api_key="/etc/transip.pem", auth_key_is_global="true"
    )
    assert transip == []


@pytest.mark.parametrize("provider", ["cloudflare", "rfc2136"])
def test_a_provider_and_commands_are_told_to_be_one_too_many(faults, provider):
    wrong = "the provider writes the records, no command; leave it out, or leave `provider` out"
    found = faults(provider, present="x", cleanup="y", auth_token="{env: RENEWD_TEST_KEY}")
    assert found[:2] == [f"certificates[0].challenge.{key}: {wrong}" for key in ("present", "cleanup")]


def test_a_list_is_no_option(faults):
    assert faults("cloudflare", auth_token="{env: RENEWD_TEST_KEY}", zone_id="[a]") == [
        "certificates[0].challenge.zone_id: a text is wanted here; write one, or {file: …} for a secret"
    ]


def test_a_secret_that_is_not_there_holds_its_targets_only(faults):
    assert faults("cloudflare", auth_token="{env: RENEWD_TEST_NO_SUCH_KEY}") == [
        "certificates[0].challenge.auth_token: the environment variable RENEWD_TEST_NO_SUCH_KEY of a secret is not set; set it for the daemon, or read the secret from a file"
    ]


def test_a_provider_s_packages_are_asked_for(faults):
    if providers.packages("route53"):
        assert faults("route53") == [
            "certificates[0].challenge.provider: route53 needs boto3; pip install 'dns-lexicon[route53]'"
        ]


def test_without_the_library_its_name_is_told(faults, monkeypatch):
    monkeypatch.setattr(providers, "names", tuple)
    assert faults("cloudflare", auth_token="{env: RENEWD_TEST_KEY}") == [
        "certificates[0].challenge.provider: dns-lexicon is not installed; pip install 'renewd[dns]'"
    ]


def test_nothing_of_the_library_is_run_to_know_this():
    """`check` loads configurations, and is quick."""
    code = (
        "import sys; from renewd.config import providers; providers.options('cloudflare'); providers.packages('oci');"
        "sys.exit(any(name.split('.')[0] in {'lexicon', 'requests', 'dns'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_tsig_key_that_is_none_is_told_without_it(faults, monkeypatch):
    monkeypatch.setenv("RENEWD_TEST_KEY", "not/base64!")
    found = faults("rfc2136", server="'192.0.2.1:53'", key_name="mine", key="{env: RENEWD_TEST_KEY}")
    assert found == [
        "certificates[0].challenge.key: the TSIG key mine is not written in base64; write the text that stands behind `secret` in the name server's own configuration"
    ]


def test_no_command_at_all_is_told(write):
    entry = ENTRY.replace("provider: {provider}{options}", "present: []").format()
    faults, _ = machine.examine(write(entry))
    assert "no command is in the list" in [fault.wrong for fault in faults]


def test_an_address_is_told_to_be_nothing_that_records_prove(write):
    entry = ENTRY.format(provider="rfc2136, server: '192.0.2.1:53', key_name: k, key: {env: K}", options="")
    faults, _ = machine.examine(write(entry + "    domains: [a.example.com, 2001:db8::1]\n"))
    assert [fault.wrong for fault in faults if "challenge can" in fault.wrong] == [
        "no DNS challenge can prove the address 2001:db8::1"
    ]


def test_a_secret_written_where_its_source_belongs_is_told_once(write):
    faults, _ = machine.examine(write(ENTRY.format(provider="cloudflare", options=", auth_token: abc")))
    about = [fault.wrong for fault in faults if fault.key.endswith("auth_token")]
    assert about == ["a secret does not stand in this file"]
