"""Which record a token asks for, and which tokens no record can prove."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs.order import Token
from renewd.challenges import dns01
from renewd.errors import ChallengeFailed

LABEL = st.text("abcxyz019", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("example.test", "_acme-challenge"),
        ("*.example.test", "_acme-challenge"),
        ("example.test", "renewd-rehearsal-0123"),
    ],
)
def test_a_domain_and_its_wildcard_have_the_same_record(domain, name):
    assert dns01.name_of(Token(domain, "dns-01", name, "v")) == "_acme-challenge.example.test"


@given(st.lists(LABEL, max_size=5), st.booleans())
def test_a_name_relative_to_the_root_domain_is_the_record_of_the_token_s_own_domain(labels, wild):
    domain = ".".join([*labels, "example.test"])
    relative = ".".join(["_acme-challenge", *labels])
    token = Token(f"*.{domain}" if wild else domain, "dns-01", relative, "v")
    assert dns01.name_of(token) == f"{relative}.example.test"


def test_a_file_s_token_is_no_record():
    with pytest.raises(
        ChallengeFailed, match=r"the order wants another proof than dns-01 for a.test: http-01"
    ):
        dns01.check([Token("a.test", "http-01", "x", "x.y")])


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_has_no_record(address):
    with pytest.raises(ChallengeFailed, match=f"no DNS record can prove the address {address}"):
        dns01.check([Token("a.test", "dns-01", "x", "y"), Token(address, "dns-01", "x", "y")])


WITHOUT = """
import sys
for name in ("dns", "lexicon", "requests"):
    sys.modules[name] = None  # as where the extra is not installed
from renewd import challenges
from renewd.certs.order import Token
from renewd.config.model import DnsCommands, DnsProvider, Rfc2136
from renewd.errors import ChallengeFailed
updates = Rfc2136(type="dns-01", provider="rfc2136", server="192.0.2.1:53", key_name="k", key={"env": "K"})
api = DnsProvider.model_validate({"type": "dns-01", "provider": "cloudflare"})
commands = DnsCommands(type="dns-01", present="true")
for settings in (updates, api, commands):
    try:
        means = challenges.Means(run=lambda *_: None)
        challenges.make(settings, means).place([Token("a.test", "dns-01", "", "v")])
    except ChallengeFailed as error:
        print(error, "|", error.remedy)
"""


def test_without_the_libraries_the_extra_is_named():
    ran = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    said = "dnspython is not installed, which DNS-01 needs | pip install 'renewd[dns]'"
    assert ran.stdout.splitlines() == [said] * 3
