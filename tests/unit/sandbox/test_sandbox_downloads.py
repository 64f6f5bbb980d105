"""The second origin: what each link gives, and whom it refuses."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.verification import PolicyBuilder, Store

from tests.clocks import START


@pytest.fixture
def document(customer, seeded):
    return customer.ask(seeded("a.example,www.a.example")).json()


@pytest.fixture
def get(customer, document):
    return lambda link: customer.download(document["certificateDownloadUrl"][link]).content


def test_the_links_are_on_another_origin_than_the_api(customer, document):
    assert all(
        url.startswith("http://127.0.0.1:") and not url.startswith(customer.sandbox.origin) and "sig=" in url
        for url in document["certificateDownloadUrl"].values()
    )


def test_leaf_chain_and_key_belong_together_and_reach_the_root(customer, get):
    leaf = x509.load_pem_x509_certificate(get("certCrtUrl"))
    chain = x509.load_pem_x509_certificates(get("cabundleCrtUrl"))
    key = load_pem_private_key(get("keyUrl"), None)
    assert key.public_key() == leaf.public_key()
    with open(customer.sandbox.root_pem_path, "rb") as file:
        root = x509.load_pem_x509_certificate(file.read())
    verifier = PolicyBuilder().store(Store([root])).time(START.replace(tzinfo=None)).build_server_verifier
    assert len(verifier(x509.DNSName("www.a.example")).verify(leaf, chain)) == 3


def test_the_other_links_hold_the_same_in_other_forms(get):
    leaf, chain, key = get("certCrtUrl"), get("cabundleCrtUrl"), get("keyUrl")
    assert get("fullchainCrtUrl") == leaf + chain
    assert get("pemUrl") == key + leaf + chain
    assert get("crtUrl") == get("txtUrl") == leaf
    assert get("keyTxtUrl") == key
    assert x509.load_der_x509_certificate(get("cerUrl")) == x509.load_pem_x509_certificate(leaf)


def test_the_pfx_opens_with_the_password_of_the_document(document, get):
    assert base64.b64decode(document["pfxString"]) == get("pfxUrl")
    key, leaf, chain = pkcs12.load_key_and_certificates(get("pfxUrl"), document["password"].encode())
    assert key.public_key() == leaf.public_key()
    assert len(chain) == 1


def test_a_bearer_is_refused_and_counted(customer, document):
    url = document["certificateDownloadUrl"]["keyUrl"]
    reply = customer.download(url, **customer.headers)
    assert reply.status_code == 403
    assert b"PRIVATE KEY" not in reply.content
    assert customer.sandbox.state()["bearer_on_downloads"] == 1
    assert customer.sandbox.state()["downloads"] == {}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(lambda url: url.partition("?")[0], 403, id="without its query"),
        pytest.param(
            lambda url: url.replace("privateKey", "certificate"), 403, id="the signature of another file"
        ),
        pytest.param(lambda url: url.replace("se=2026", "se=2036"), 403, id="a later end than was signed"),
    ],
)
def test_a_link_that_was_touched_is_refused(customer, document, change, status):
    reply = customer.download(change(document["certificateDownloadUrl"]["keyUrl"]))
    assert (reply.status_code, reply.headers["x-ms-error-code"]) == (status, "AuthenticationFailed")


def test_a_link_expires_and_a_fresh_one_is_to_be_had(customer, document, clock):
    clock.advance(timedelta(hours=1))
    reply = customer.download(document["certificateDownloadUrl"]["keyUrl"])
    assert reply.status_code == 403
    fresh = customer.ask(document["certificateName"]).json()["certificateDownloadUrl"]["keyUrl"]
    assert customer.download(fresh).status_code == 200


def test_what_was_forgotten_is_not_found(customer, document):
    customer.sandbox.control.reset()
    reply = customer.download(document["certificateDownloadUrl"]["keyUrl"])
    assert (reply.status_code, reply.headers["x-ms-error-code"]) == (404, "BlobNotFound")


def test_only_reading_is_allowed(customer, document):
    assert customer.client.delete(document["certificateDownloadUrl"]["keyUrl"]).status_code == 405


def test_links_of_the_certificate_before_still_give_that_one(customer, seeded):
    name = seeded(validated=True)
    before = customer.ask(name).json()["certificateDownloadUrl"]["certCrtUrl"]
    old = customer.download(before).content
    new = customer.renewed(name)["certificateDownloadUrl"]["certCrtUrl"]
    assert customer.download(before).content == old != customer.download(new).content
