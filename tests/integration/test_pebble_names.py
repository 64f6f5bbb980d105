"""Pebble asks the name server that it is told to ask, and gives certificates for what it finds there."""

import pytest
from cryptography import x509

from tests.bare import Bare
from tests.nameservers import Bind, Knot
from tests.pebble import newer


def names(pem):
    leaf = x509.load_pem_x509_certificate(pem.encode())
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sorted(found.get_values_for_type(x509.DNSName))


def writing(server):
    """Adds to the values of a domain's record, as two of one certificate stand on one name."""

    def prove(domain, name, value):
        record = f"{name}.{domain}"
        server.write(record, *server.records(record), value)

    return prove


@pytest.mark.parametrize("kind", [Bind, Knot])
@pytest.mark.parametrize("binary", [None, newer], ids=["of Debian 12", "newer"])
def test_a_name_and_its_wildcard_are_proved_by_two_values_on_one_record(nameserver, pebble, kind, binary):
    asked = nameserver(kind)
    server = pebble(dns=asked.where, binary=binary and binary())
    pem = Bare(server, kind="dns-01").obtain(["a.example.test", "*.a.example.test"], writing(asked))
    assert names(pem) == ["*.a.example.test", "a.example.test"]
    assert len(asked.records("_acme-challenge.a.example.test")) == 2


def test_an_alias_is_followed_into_another_zone(nameserver, pebble):
    asked = nameserver(Bind, aliases={"_acme-challenge.d.example.test": "d.acme.test"})
    server = pebble(dns=asked.where)
    bare = Bare(server, kind="dns-01")
    pem = bare.obtain(["d.example.test"], lambda _domain, _name, value: asked.write("d.acme.test", value))
    assert names(pem) == ["d.example.test"]


@pytest.mark.parametrize("binary", [None, newer], ids=["of Debian 12", "newer"])
def test_what_it_was_asked_for_and_what_it_issued_is_known(pebble, binary):
    server = pebble(binary=binary and binary(), environment={"PEBBLE_VA_ALWAYS_VALID": "1"})
    bare = Bare(server)
    pems = [bare.obtain([f"{name}.example.test"], lambda *_: None) for name in "ab"]
    assert server.orders == 2
    assert server.issued == [x509.load_pem_x509_certificate(pem.encode()) for pem in pems]


def test_names_of_its_own_lead_to_a_folder_that_a_web_server_serves(nginx, pebble):
    web = nginx()
    challenges = web.webroot / ".well-known" / "acme-challenge"
    challenges.mkdir(parents=True)
    server = pebble(http_port=web.http_port)
    pem = Bare(server).obtain(
        ["a.example.test"], lambda _domain, name, value: (challenges / name).write_text(value)
    )
    assert names(pem) == ["a.example.test"]
