"""The API's documents, refusals and rules, called over HTTP as the vendor's own would be."""

import re
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509

from renewd.sandbox import Sandbox
from renewd.sandbox import portal as vendor
from tests.clocks import START, FakeClock

NET_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}")


def _date(text):
    assert NET_DATE.fullmatch(text)
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)


def test_a_certificate_names_its_dates_without_a_zone_and_with_seven_digits(customer, seeded):
    document = customer.ask(seeded(days_left=3, lifetime_days=90)).json()
    assert _date(document["expiryDate"]) == START + timedelta(days=3)
    assert _date(document["issueDate"]) == START - timedelta(days=87) + timedelta(hours=1)


def test_a_certificate_has_every_field_and_some_that_nobody_documented(customer, seeded):
    document = customer.ask(seeded("contoso.example,www.contoso.example")).json()
    assert document["certificateName"] == "contoso.example,www.contoso.example"
    assert document["rootDomain"] == "contoso.example"
    assert document["challengeType"] == "HTTP"
    assert len(document["certificateDownloadUrl"]) == 10
    assert {"pfxString", "password", "orderUri", "email", "target", "isSAN"} <= document.keys()


def test_what_was_not_issued_yet_is_null(customer, seeded):
    document = customer.ask(seeded(days_left=None)).json()
    assert document["orderUri"] is document["issueDate"] is document["pfxString"] is None
    assert set(document["certificateDownloadUrl"].values()) == {None}


@pytest.mark.parametrize(
    "name", ["shopeneur.example", "*.contoso.example", "a.example,www.a.example", "a.example, www.a.example"]
)
def test_a_name_is_one_path_segment_as_written(customer, seeded, name):
    assert customer.ask(seeded(name)).json()["certificateName"] == name


def test_another_spelling_of_the_same_names_is_not_found(customer, seeded):
    seeded("a.example,www.a.example")
    reply = customer.ask("a.example, www.a.example")
    assert (reply.status_code, reply.text) == (400, "The certificate was not found.")
    assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        pytest.param({}, "The API key is missing or is not valid.", id="no bearer"),
        pytest.param(
            {"Authorization": "Bearer x"}, "The API key is missing or is not valid.", id="another bearer"
        ),
    ],
)
def test_without_the_key_it_is_401_in_plain_text(customer, seeded, headers, text):
    reply = customer.client.get(customer.url(seeded()), headers=headers)
    assert (reply.status_code, reply.text) == (401, text)
    assert customer.sandbox.state()["unauthorized"] == 1


def test_another_subscription_is_401(customer, seeded):
    url = customer.url(seeded()).replace(customer.sandbox.subscription_id, "sub_other")
    reply = customer.client.get(url, headers=customer.headers)
    assert (reply.status_code, reply.text) == (401, "The API key is not authorized for this subscription.")


@pytest.mark.parametrize(
    "path", ["/public/v1/other", "/v1/subscription/x/core/certificate/y", "/", "/publicity"]
)
def test_the_gateway_knows_no_other_path(customer, path):
    reply = customer.client.get(customer.sandbox.origin + path, headers=customer.headers)
    assert (reply.status_code, reply.json()["statusCode"]) == (404, 404)


def test_the_gateway_knows_no_other_method(customer, seeded):
    assert customer.client.post(customer.url(seeded(), "order"), headers=customer.headers).status_code == 404
    assert customer.sandbox.state()["orders"] == []


def test_a_pending_order_has_one_token_a_name(customer, seeded):
    order = customer.ask(seeded("a.example,www.a.example"), "order").json()
    assert order["status"] == "pending"
    assert order["certificateUri"] is None
    assert [token["domain"] for token in order["validationTokens"]] == ["a.example", "www.a.example"]
    assert len({token["tokenName"] for token in order["validationTokens"]}) == 2
    assert all(
        token["tokenValue"].startswith(token["tokenName"] + ".") for token in order["validationTokens"]
    )


def test_a_wildcard_wants_two_records_of_one_name_relative_to_the_root(customer, seeded):
    order = customer.ask(seeded("*.contoso.example,contoso.example,www.contoso.example"), "order").json()
    names = [token["tokenName"] for token in order["validationTokens"]]
    assert names == ["_acme-challenge", "_acme-challenge", "_acme-challenge.www"]
    assert len({token["tokenValue"] for token in order["validationTokens"]}) == 3


def test_every_call_of_order_makes_a_new_one(customer, seeded):
    name = seeded()
    assert customer.ask(name, "order").json()["orderUri"] != customer.ask(name, "order").json()["orderUri"]
    assert len(customer.sandbox.state()["orders"]) == 2


def test_with_the_proofs_in_place_finalize_issues_once_and_replaces_the_old(customer, seeded, site):
    name = seeded("a.example,www.a.example")
    old = customer.ask(name).json()
    order = customer.ask(name, "order").json()
    site.prove(order)
    new = customer.finalize(name, order["orderUri"])
    assert new.status_code == 200
    assert new.json()["orderUri"] == order["orderUri"] != old["orderUri"]
    assert customer.ask(name).json()["orderUri"] == order["orderUri"]
    assert {host for host, _ in site.seen} == {"a.example", "www.a.example"}
    state = customer.sandbox.state()
    assert state["calls"][name] == {"certificate": 2, "order": 1, "finalize": 1}
    assert state["certificates"][0]["issued"] == 1
    assert len(state["certificates"][0]["serials"]) == 2


def test_names_that_were_validated_make_orders_that_are_born_ready(customer, seeded, site):
    name = seeded()
    order = customer.ask(name, "order").json()
    site.prove(order)
    customer.finalize(name, order["orderUri"])
    again = customer.ask(name, "order").json()
    assert (again["status"], again["validationTokens"]) == ("ready", None)


def test_a_validation_is_too_old_some_day(customer, seeded, clock: FakeClock):
    name = seeded(validated=True)
    assert customer.ask(name, "order").json()["status"] == "ready"
    clock.advance(timedelta(days=30))
    assert customer.ask(name, "order").json()["status"] == "pending"


def test_what_is_issued_is_backdated_and_lives_as_long_as_the_old(customer, seeded):
    name = seeded(lifetime_days=6, validated=True)
    leaf = x509.load_pem_x509_certificate(
        customer.download(customer.renewed(name)["certificateDownloadUrl"]["certCrtUrl"]).content
    )
    assert leaf.not_valid_before_utc == START - timedelta(hours=1)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=6, seconds=-1)


def test_an_order_is_finalized_once(customer, seeded):
    name = seeded(validated=True)
    uri = customer.renewed(name)["orderUri"]
    reply = customer.finalize(name, uri)
    assert (reply.status_code, reply.text) == (400, "The order was already finalized.")
    assert customer.sandbox.state()["certificates"][0]["issued"] == 1


def test_an_order_that_is_unknown_or_for_another_name_is_not_found(customer, seeded):
    name, other = seeded(), seeded("other.example", validated=True)
    uri = customer.ask(other, "order").json()["orderUri"]
    for wrong in ("https://acme.invalid/order/1", "", uri):
        reply = customer.finalize(name, wrong)
        assert (reply.status_code, reply.text) == (400, "The order was not found.")


def test_an_order_dies_after_seven_days(customer, seeded, clock: FakeClock):
    name = seeded(validated=True)
    uri = customer.ask(name, "order").json()["orderUri"]
    clock.advance(timedelta(days=7))
    reply = customer.finalize(name, uri)
    assert (reply.status_code, reply.text) == (400, "The order is invalid. Create a new order.")


def test_a_failed_validation_kills_the_order_for_good(customer, seeded, site):
    name = seeded()
    order = customer.ask(name, "order").json()
    assert customer.finalize(name, order["orderUri"]).status_code == 400
    site.prove(order)
    reply = customer.finalize(name, order["orderUri"])
    assert (reply.status_code, reply.text) == (400, "The order is invalid. Create a new order.")
    assert customer.sandbox.state()["certificates"][0]["issued"] == 0


def test_of_two_finalizes_at_once_one_issues(clock: FakeClock):
    """The second comes while the first is being validated."""
    entered, leave = threading.Event(), threading.Event()

    def slowly(_tokens):
        entered.set()
        leave.wait(20)

    portal = vendor.Portal(clock, slowly)
    portal.seed("a.example")
    uri = portal.order("a.example").uri
    first = threading.Thread(target=portal.finalize, args=("a.example", uri))
    first.start()
    assert entered.wait(20)
    with pytest.raises(vendor.Refused, match="processing"):
        portal.finalize("a.example", uri)
    leave.set()
    first.join()
    assert portal.holdings["a.example"].issued == 1


def test_calls_side_by_side_are_all_answered(clock: FakeClock):
    with Sandbox(clock=clock) as sandbox, httpx.Client(trust_env=False) as client:
        for number in range(40):
            sandbox.seed(f"n{number}.example", validated=True)
        base = f"{sandbox.base_url}/v1/subscription/{sandbox.subscription_id}/core/certificate"
        replies = []

        def order(number):
            headers = {"Authorization": f"Bearer {sandbox.api_key}"}
            replies.append(client.get(f"{base}/n{number}.example/order", headers=headers).json()["status"])

        threads = [threading.Thread(target=order, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert replies == ["ready"] * 40
