"""Every fault, armed for a call and seen from outside."""

import gzip
import http.client
import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from renewd.errors import UsageError
from renewd.sandbox import faults
from renewd.sandbox.faults import KINDS, parse
from tests.clocks import START

NAME = "shopeneur.example"
TESTED = {
    "delay", "reset-before", "status", "text-400", "redirect", "body", "delay-reply", "lose-reply", "reset-after",
    "status-after", "drip", "drip-head", "html-200", "empty-200", "truncated-json", "cut", "wrong-type", "huge", "gzip",
    "skew", "stale-certificate", "null-links", "only-pfx", "only-pfx-string", "only-pem", "only-fullchain",
    "missing-chain", "other-order-uri", "other-name", "tokens-dns", "hostile-token", "born-invalid", "links-403",
    "swap-mid-download", "wrong-key", "wrong-names", "expired-leaf", "not-yet-valid", "empty-chain", "other-root",
    "late", "never",
}  # fmt: skip


def test_no_fault_is_without_its_test():
    assert KINDS.keys() == TESTED


@pytest.fixture(autouse=True)
def _held(sandbox):
    sandbox.seed(NAME, validated=True)


@pytest.fixture
def order(customer):
    """The URI of an order that is ready."""
    return customer.ask(NAME, "order").json()["orderUri"]


def _issued(sandbox):
    return sandbox.state()["certificates"][0]["issued"]


# The wire, before anything is done


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("status=401", 401, "text/plain"),
        ("status=403", 403, "text/plain"),
        ("status=404", 404, "application/json"),
        ("status=429", 429, "application/json"),
        ("status=500", 500, "application/json"),
        ("status=502-html", 502, "text/html"),
        ("status", 503, "application/json"),
        ("text-400=Quota of the plan is used up.", 400, "text/plain"),
        ("status=299", 299, "application/json"),
    ],
)
def test_an_error_takes_the_calls_place_and_nothing_is_done(customer, order, sandbox, fault, status, kind):
    sandbox.fault("finalize", fault)
    reply = customer.finalize(NAME, order)
    assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (status, kind)
    assert _issued(sandbox) == 0
    assert customer.finalize(NAME, order).status_code == 200


def test_an_unknown_refusal_has_the_given_words(customer, sandbox):
    sandbox.fault("order", "text-400=Quota of the plan is used up.")
    assert customer.ask(NAME, "order").text == "Quota of the plan is used up."


@pytest.mark.parametrize("later", ["120", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-1"])
def test_retry_after_is_what_it_is_told_to_be(customer, sandbox, later):
    sandbox.fault("order", f"status=429+{later}")
    reply = customer.ask(NAME, "order")
    assert (reply.status_code, reply.headers["retry-after"]) == (429, later)
    assert reply.json()["message"].startswith("Rate limit is exceeded.")


def test_a_reset_before_does_nothing(customer, order, sandbox):
    sandbox.fault("finalize", "reset-before")
    with pytest.raises(httpx.TransportError):
        customer.finalize(NAME, order)
    assert _issued(sandbox) == 0


def test_a_redirect_goes_to_the_second_origin_unless_told_where(customer, sandbox):
    sandbox.fault("certificate", "redirect")
    assert customer.ask(NAME).headers["location"] == f"{sandbox.downloads.origin}/redirected"
    sandbox.fault("certificate", "redirect=https://elsewhere.example/")
    reply = customer.ask(NAME)
    assert (reply.status_code, reply.headers["location"]) == (302, "https://elsewhere.example/")


def test_who_follows_a_redirect_with_the_bearer_is_counted(customer, sandbox):
    sandbox.fault("certificate", "redirect")
    customer.client.get(customer.ask(NAME).headers["location"], headers=customer.headers)
    assert sandbox.state()["bearer_on_downloads"] == 1


def test_any_body_can_be_answered(customer, sandbox):
    sandbox.fault("certificate", 'body={"id": NaN}')
    assert customer.ask(NAME).text == '{"id": NaN}'


def test_a_delay_comes_before_the_call(customer, order, sandbox, clock):
    sandbox.fault("finalize", "delay=7")
    assert customer.finalize(NAME, order).status_code == 200
    assert clock.waits == [7]
    issued_at = sandbox.portal.holdings[NAME].held.issued_at
    assert (issued_at - START).total_seconds() == 7


# The wire, after it was done


@pytest.mark.parametrize("fault", ["lose-reply", "reset-after"])
def test_a_lost_reply_is_of_a_call_that_was_done(customer, order, sandbox, fault):
    sandbox.fault("finalize", fault)
    with pytest.raises(httpx.TransportError):
        customer.finalize(NAME, order)
    assert _issued(sandbox) == 1
    assert customer.ask(NAME).json()["orderUri"] == order
    assert customer.finalize(NAME, order).text == "The order was already finalized."


@pytest.mark.parametrize(
    ("fault", "status", "has"),
    [
        ("status-after", 504, b"<html>"),
        ("status-after=500", 500, b"Internal Server Error"),
        ("html-200", 200, b"<!DOCTYPE html>"),
        ("empty-200", 200, b""),
    ],
)
def test_another_answer_hides_what_was_done(customer, order, sandbox, fault, status, has):
    sandbox.fault("finalize", fault)
    reply = customer.finalize(NAME, order)
    assert reply.status_code == status
    assert has in reply.content
    assert _issued(sandbox) == 1


def test_half_a_document_is_no_document(customer, sandbox):
    sandbox.fault("certificate", "truncated-json")
    with pytest.raises(json.JSONDecodeError):
        customer.ask(NAME).json()


def test_a_body_can_end_before_its_promised_length(customer, sandbox):
    sandbox.fault("certificate", "cut")
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        customer.ask(NAME)


def test_every_value_can_be_of_the_wrong_type(customer, sandbox):
    sandbox.fault("certificate", "wrong-type")
    assert all(isinstance(value, list) for value in customer.ask(NAME).json().values())


def test_a_refusal_in_plain_words_stays_as_it_is_where_every_value_would_be_of_a_wrong_type(
    sandbox, customer
):
    sandbox.fault("certificate", "wrong-type")
    assert customer.ask("unknown.example").status_code == 400


def test_a_body_can_be_huge(customer, sandbox):
    sandbox.fault("certificate", "huge=2")
    assert len(customer.ask(NAME).content) > 2_000_000


def test_a_small_compressed_body_can_be_large(customer, sandbox):
    sandbox.fault("certificate", "gzip=2")
    with customer.client.stream("GET", customer.url(NAME), headers=customer.headers) as reply:
        raw = b"".join(reply.iter_raw())
    assert reply.headers["content-encoding"] == "gzip"
    assert len(raw) < 10_000
    assert len(gzip.decompress(raw)) > 2_000_000


def test_a_body_can_come_byte_by_byte(customer, sandbox, clock):
    sandbox.fault("certificate", "drip=0.5")
    reply = customer.ask(NAME)
    assert reply.json()["certificateName"] == NAME
    assert clock.waits == [0.5] * len(reply.content)


def test_a_head_can_come_byte_by_byte(customer, sandbox, clock):
    sandbox.fault("certificate", "drip-head=0.5")
    assert customer.ask(NAME).json()["certificateName"] == NAME
    assert len(clock.waits) > 50


def test_a_reply_can_be_late(customer, order, sandbox, clock):
    sandbox.fault("finalize", "delay-reply=9")
    assert customer.finalize(NAME, order).status_code == 200
    assert clock.waits == [9]
    assert sandbox.portal.holdings[NAME].held.issued_at == START


def test_the_services_clock_can_be_wrong(customer, sandbox):
    assert customer.ask(NAME).headers["date"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    sandbox.fault("certificate", "skew=-7200")
    assert customer.ask(NAME).headers["date"] == "Mon, 23 Nov 2026 10:00:00 GMT"


# The documents


def test_finalize_can_show_the_certificate_of_before(customer, order, sandbox):
    before = customer.ask(NAME).json()
    sandbox.fault("finalize", "stale-certificate")
    assert customer.finalize(NAME, order).json()["orderUri"] == before["orderUri"]
    assert customer.ask(NAME).json()["orderUri"] == order


@pytest.mark.parametrize(
    ("fault", "links", "pfx_string"),
    [
        ("null-links", None, False),
        ("only-pfx-string", None, True),
        ("only-pfx", {"pfxUrl"}, False),
        ("only-pem", {"pemUrl"}, False),
        ("only-fullchain", {"fullchainCrtUrl", "keyUrl"}, False),
        ("missing-chain", {"certCrtUrl", "keyUrl"}, False),
    ],
)
def test_a_document_can_name_fewer_ways_to_the_files(customer, sandbox, fault, links, pfx_string):
    sandbox.fault("certificate", fault)
    document = customer.ask(NAME).json()
    named = document["certificateDownloadUrl"]
    assert (named and {link for link, url in named.items() if url}) == links
    assert (document["pfxString"] is not None) is pfx_string


def test_a_document_can_name_another_order(customer, sandbox, order):
    sandbox.fault("certificate", "other-order-uri")
    assert customer.ask(NAME).json()["orderUri"] == "https://acme.sandbox.test/acme/order/40961/1"
    sandbox.fault("order", "other-order-uri=http://user@169.254.169.254/#x")
    assert customer.ask(NAME, "order").json()["orderUri"] == "http://user@169.254.169.254/#x"


def test_a_document_can_be_of_another_name(customer, sandbox):
    sandbox.seed("pending.example")
    sandbox.fault("certificate", "other-name")
    sandbox.fault("order", "other-name")
    assert customer.ask(NAME).json()["certificateName"] == "somebody-else.example"
    tokens = customer.ask("pending.example", "order").json()["validationTokens"]
    assert [token["domain"] for token in tokens] == ["somebody-else.example"]


def test_an_order_can_want_dns_records(customer, sandbox):
    sandbox.seed("pending.example")
    sandbox.fault("order", "tokens-dns")
    order = customer.ask("pending.example", "order").json()
    assert [token["challengeType"] for token in order["validationTokens"]] == ["dns"]
    assert customer.finalize("pending.example", order["orderUri"]).text.startswith("DNS problem: NXDOMAIN")


def test_a_token_can_be_hostile(customer, sandbox):
    sandbox.seed("pending.example")
    sandbox.fault("order", "hostile-token")
    sandbox.fault("order", "hostile-token=a/b")
    tokens = customer.ask("pending.example", "order").json()["validationTokens"]
    assert [token["tokenName"] for token in tokens] == ["a/b"]


def test_an_order_can_be_born_invalid(customer, sandbox):
    sandbox.fault("order", "born-invalid")
    order = customer.ask(NAME, "order").json()
    assert order["status"] == "invalid"
    assert customer.finalize(NAME, order["orderUri"]).text == "The order is invalid. Create a new order."


# The downloads


def _links(customer):
    return customer.ask(NAME).json()["certificateDownloadUrl"]


@pytest.mark.parametrize(("fault", "status"), [("links-403", 403), ("status=404", 404), ("status=500", 500)])
def test_a_download_can_be_refused(customer, sandbox, fault, status):
    links = _links(customer)
    sandbox.fault("download", fault)
    assert customer.download(links["keyUrl"]).status_code == status
    assert customer.download(links["keyUrl"]).status_code == 200


def test_one_link_can_fail_alone(customer, sandbox):
    links = _links(customer)
    sandbox.fault("certCrtUrl", "html-200", None)
    assert b"PRIVATE KEY" in customer.download(links["keyUrl"]).content
    for _ in range(3):
        assert b"<html>" in customer.download(links["certCrtUrl"]).content


def test_the_portal_can_be_renewed_by_hand_between_two_downloads(customer, sandbox):
    links = _links(customer)
    sandbox.fault("certCrtUrl", "swap-mid-download")
    leaf = x509.load_pem_x509_certificate(customer.download(links["certCrtUrl"]).content)
    key = load_pem_private_key(customer.download(links["keyUrl"]).content, None)
    assert key.public_key() != leaf.public_key()
    again = x509.load_pem_x509_certificate(customer.download(links["certCrtUrl"]).content)
    assert key.public_key() == again.public_key()


# What is issued


def _spoiled(customer, sandbox, order, fault):
    sandbox.fault("finalize", fault)
    links = customer.finalize(NAME, order).json()["certificateDownloadUrl"]
    leaf = x509.load_pem_x509_certificate(customer.download(links["certCrtUrl"]).content)
    key = load_pem_private_key(customer.download(links["keyUrl"]).content, None)
    return leaf, customer.download(links["cabundleCrtUrl"]).content, key


def test_the_key_can_be_another_certificates(customer, sandbox, order):
    leaf, _, key = _spoiled(customer, sandbox, order, "wrong-key")
    assert leaf.public_key() != key.public_key()


def test_the_names_can_be_others(customer, sandbox, order):
    leaf, *_ = _spoiled(customer, sandbox, order, "wrong-names")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["somebody-else.example"]


def test_the_leaf_can_be_expired_already(customer, sandbox, order):
    leaf, *_ = _spoiled(customer, sandbox, order, "expired-leaf")
    assert leaf.not_valid_after_utc < START


def test_the_leaf_can_be_of_the_future(customer, sandbox, order):
    leaf, *_ = _spoiled(customer, sandbox, order, "not-yet-valid")
    assert leaf.not_valid_before_utc > START


def test_the_chain_can_be_empty(customer, sandbox, order):
    _, chain, _ = _spoiled(customer, sandbox, order, "empty-chain")
    assert chain == b""


def test_the_chain_can_lead_to_a_stranger(customer, sandbox, order):
    leaf, chain, key = _spoiled(customer, sandbox, order, "other-root")
    assert leaf.public_key() == key.public_key()
    assert x509.load_pem_x509_certificate(chain) != sandbox.portal.authority.intermediate
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(chain))


# The switchboard


def test_a_fault_is_over_after_its_times_and_one_for_ever_never(customer, sandbox):
    sandbox.fault("order", "status=500", 2)
    sandbox.fault("certificate", "status=500", None)
    assert [customer.ask(NAME, "order").status_code for _ in range(3)] == [500, 500, 200]
    assert {customer.ask(NAME).status_code for _ in range(5)} == {500}
    sandbox.faults.clear()
    assert customer.ask(NAME).status_code == 200


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("finalize:lose-reply:1", ("finalize", "lose-reply", 1)),
        ("finalize:lose-reply", ("finalize", "lose-reply", 1)),
        ("order:status=429+30:always", ("order", "status=429+30", None)),
        (
            "order:status=429+Wed, 21 Oct 2026 07:28:00 GMT",
            ("order", "status=429+Wed, 21 Oct 2026 07:28:00 GMT", 1),
        ),
        ("certificate:redirect=https://x.example/", ("certificate", "redirect=https://x.example/", 1)),
    ],
)
def test_a_fault_is_written_in_one_word(text, means):
    assert parse(text) == means


@pytest.mark.parametrize("text", ["", "finalize", "finalize:", ":"])
def test_half_a_fault_is_a_mistake(text):
    with pytest.raises(UsageError, match="CALL:FAULT"):
        parse(text)


@pytest.mark.parametrize(
    ("call", "fault", "times", "says"),
    [
        ("order", "nonsense", 1, "no fault of the sandbox; it knows delay"),
        ("order", "wrong-key", 1, "wrong-key is for finalize, renew, schedule, not for 'order'"),
        ("everything", "status=500", 1, "not for 'everything'"),
        ("order", "status=500", 0, "0 times is never"),
        ("order", "status=teapot", 1, "takes a status"),
        ("order", "status=700", 1, "takes a status"),
        ("order", "delay=long", 1, "a number from 0 to 3600"),
        ("order", "delay=-1", 1, "a number from 0 to 3600"),
        ("order", "delay=nan", 1, "a number from 0 to 3600"),
        ("order", "huge=999999", 1, "a number from 0 to 2048"),
    ],
)
def test_a_fault_that_makes_no_sense_is_told(clock, call, fault, times, says):
    with pytest.raises(UsageError) as caught:
        faults.Faults(clock).add(call, fault, times)
    assert says in str(caught.value)


def test_closing_ends_a_delay_that_is_sat_out():
    """With the machine's own clock: the sandbox leaves at once, however long the delay."""
    import threading

    from renewd.sandbox import Sandbox

    with Sandbox() as sandbox:
        sandbox.seed(NAME)
        sandbox.fault("certificate", "delay=3600")
        parts = urlsplit(sandbox.base_url)
        path = f"{parts.path}/v1/subscription/{sandbox.subscription_id}/core/certificate/{NAME}"
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        connection.request("GET", path)
        while sandbox.faults.armed():
            threading.Event().wait(0.01)
    with pytest.raises((OSError, http.client.HTTPException)):
        connection.getresponse()
    connection.close()
    with socket.create_server((parts.hostname, parts.port)):
        pass
