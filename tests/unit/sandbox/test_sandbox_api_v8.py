"""The V8 API's documents, refusals and rules, called over HTTP as the vendor's own would be."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509

from tests.clocks import START

NAME = "shopeneur.example"


def wish(name=NAME, **fields: Any) -> dict[str, Any]:
    """A body of order/create; None leaves a field out."""
    whole = {
        "certificateName": name,
        "rootDomain": ".".join(name.split(",")[0].split(".")[-2:]),
        "challengeType": "http",
        "email": "rcl@mail.example",
        "password": "password123",
        "target": "Stand ALone",
        "isSAN": "," in name,
        **fields,
    }
    return {key: value for key, value in whole.items() if value is not None}


@pytest.fixture
def ready(sandbox, customer):
    """The body of schedule/create for an order that has nothing to prove."""
    sandbox.seed(NAME, validated=True)
    return {**wish(), "orderUri": customer.post_v8("order/create", wish()).json()["orderUri"]}


def _issued(sandbox, name=NAME):
    return sandbox.portal.holdings[name].issued


def test_both_apis_show_the_same_certificate(customer, seeded):
    name = seeded("a.example,www.a.example")
    one, other = customer.ask(name).json(), customer.ask_v8(name).json()
    links = one.pop("certificateDownloadUrl"), other.pop("certificateDownloadUrl")
    assert one == other
    assert links[0].keys() == links[1].keys()


def test_an_order_is_the_wish_with_its_uri_and_tokens(customer, seeded):
    name = seeded("a.example,www.a.example")
    asked = wish(name)
    reply = customer.post_v8("order/create", asked)
    document = reply.json()
    tokens, uri = document.pop("tokens"), document.pop("orderUri")
    assert document == {key: value for key, value in asked.items() if key != "isSAN"}
    assert [token["domain"] for token in tokens] == ["a.example", "www.a.example"]
    assert {token["challengeType"] for token in tokens} == {"http"}
    assert uri in customer.sandbox.portal.orders


def test_the_wish_says_which_challenge_it_is(customer, seeded):
    name = seeded("a.example,www.a.example", challenge="HTTP")
    tokens = customer.post_v8("order/create", wish(name, challengeType="dns")).json()["tokens"]
    assert [token["tokenName"] for token in tokens] == ["_acme-challenge", "_acme-challenge.www"]


@pytest.mark.parametrize("what", ["order/create", "schedule/create"])
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"certificateName": None}, "Certificate name is not defined."),
        ({"rootDomain": " "}, "Root domain is not defined."),
        ({"rootDomain": "peneur.example"}, "Root domain is not the one of the certificate name."),
        ({"challengeType": None}, "Challenge type is not defined."),
        ({"challengeType": "tls"}, "Challenge type is neither http nor dns."),
        ({"email": None}, "Email is not defined."),
        ({"email": "nobody"}, "Email is not an address."),
        ({"password": ""}, "Password is not defined."),
        ({"target": "Stand Alone"}, "Target is not supported."),
        ({"isSAN": True}, "isSAN does not fit the certificate name."),
    ],
)
def test_a_wrong_body_is_refused_in_words(customer, seeded, what, fields, text):
    seeded()
    reply = customer.post_v8(what, wish(**fields))
    assert (reply.status_code, reply.text) == (400, text)
    assert customer.sandbox.state()["orders"] == customer.sandbox.state()["scheduled"] == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "text/plain"),
    ],
)
def test_a_body_that_is_no_certificate_is_refused_in_words(customer, seeded, body, kind):
    seeded()
    headers = {**customer.headers, "Content-Type": kind}
    reply = customer.client.post(customer.url_v8("order/create"), content=body, headers=headers)
    assert (reply.status_code, reply.text) == (400, "The body is not a certificate as JSON.")


def test_a_name_that_is_not_in_the_portal_is_not_found(customer):
    for reply in (customer.ask_v8(NAME), customer.post_v8("order/create", wish())):
        assert (reply.status_code, reply.text) == (400, "The certificate was not found.")


def test_without_the_key_nothing_is_told_or_done(customer, ready):
    for reply in (
        customer.client.get(customer.url_v8(f"get/certificatename/{NAME}")),
        customer.client.post(customer.url_v8("schedule/create"), json=ready),
    ):
        assert reply.status_code == 401
    assert customer.sandbox.state()["unauthorized"] == 2
    assert customer.sandbox.state()["scheduled"] == []


@pytest.mark.parametrize(
    ("method", "what"), [("GET", "order/create"), ("POST", f"get/certificatename/{NAME}"), ("POST", "other")]
)
def test_the_gateway_knows_no_other_path_or_method(customer, method, what):
    reply = customer.client.request(method, customer.url_v8(what), headers=customer.headers)
    assert (reply.status_code, reply.json()["statusCode"]) == (404, 404)


def test_what_is_scheduled_is_answered_with_nothing_and_issued_later(customer, sandbox, site, clock, seeded):
    name = seeded("a.example,www.a.example")
    order = customer.post_v8("order/create", wish(name)).json()
    site.prove({"validationTokens": order["tokens"]})
    reply = customer.post_v8("schedule/create", {**wish(name), "orderUri": order["orderUri"]})
    assert (reply.status_code, reply.content) == (200, b"")
    assert customer.ask_v8(name).json()["orderUri"] != order["orderUri"]
    assert site.seen == []
    clock.advance(2)
    held = customer.ask_v8(name).json()
    assert held["orderUri"] == order["orderUri"]
    leaf = x509.load_pem_x509_certificate(
        customer.download(held["certificateDownloadUrl"]["certCrtUrl"]).content
    )
    assert leaf.not_valid_before_utc == START + timedelta(seconds=2) - timedelta(hours=1)
    assert sandbox.state()["calls"][name] == {"order": 1, "schedule": 1, "certificate": 2}
    assert [job["ended"] for job in sandbox.state()["scheduled"]] == ["issued"]


def test_nobody_is_told_that_a_proof_was_not_found(customer, sandbox, seeded, clock):
    name = seeded()
    uri = customer.post_v8("order/create", wish()).json()["orderUri"]
    assert customer.post_v8("schedule/create", {**wish(), "orderUri": uri}).status_code == 200
    clock.advance(2)
    assert customer.ask_v8(name).json()["orderUri"] != uri
    assert "Connection refused" in sandbox.state()["scheduled"][0]["ended"]
    again = customer.post_v8("schedule/create", {**wish(), "orderUri": uri})
    assert (again.status_code, again.text) == (400, "The order is invalid. Create a new order.")


def test_an_order_that_is_scheduled_twice_yields_one_certificate(customer, sandbox, ready, clock):
    assert customer.post_v8("schedule/create", ready).status_code == 200
    assert customer.post_v8("schedule/create", ready).status_code == 200
    clock.advance(2)
    assert [job["ended"] for job in sandbox.state()["scheduled"]] == [
        "issued",
        "The order was already finalized.",
    ]
    assert _issued(sandbox) == 1
    reply = customer.post_v8("schedule/create", ready)
    assert (reply.status_code, reply.text) == (400, "The order was already finalized.")


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("https://acme.invalid/order/1", "The order was not found."),
        ("", "Order uri is not defined."),
        (None, "Order uri is not defined."),
    ],
)
def test_without_an_order_nothing_is_scheduled(customer, ready, uri, text):
    reply = customer.post_v8("schedule/create", {**ready, "orderUri": uri})
    assert (reply.status_code, reply.text) == (400, text)
    assert customer.sandbox.state()["scheduled"] == []


def test_how_late_it_is_issued_can_be_told(customer, sandbox, ready, clock):
    sandbox.fault("schedule", "late=900")
    customer.post_v8("schedule/create", ready)
    clock.advance(899)
    assert sandbox.state()["scheduled"][0]["ended"] == ""
    clock.advance(1)
    assert sandbox.state()["scheduled"][0]["ended"] == "issued"


def test_it_can_be_forgotten(customer, sandbox, ready, clock):
    sandbox.fault("schedule", "never")
    assert customer.post_v8("schedule/create", ready).status_code == 200
    clock.advance(timedelta(days=6))
    assert sandbox.state()["scheduled"][0] == {
        "uri": ready["orderUri"],
        "name": NAME,
        "at": None,
        "ended": "",
    }
    assert _issued(sandbox) == 0


def test_a_lost_reply_schedules_and_a_refusal_does_not(customer, sandbox, ready):
    sandbox.fault("schedule", "status=503")
    assert customer.post_v8("schedule/create", ready).status_code == 503
    assert sandbox.state()["scheduled"] == []
    sandbox.fault("schedule", "lose-reply")
    with pytest.raises(httpx.TransportError):
        customer.post_v8("schedule/create", ready)
    assert len(sandbox.state()["scheduled"]) == 1


def test_what_is_issued_later_can_be_wrong_too(customer, sandbox, ready, clock):
    sandbox.fault("schedule", "wrong-names")
    customer.post_v8("schedule/create", ready)
    clock.advance(2)
    sandbox.schedule.work_off()
    leaf = sandbox.portal.holdings[NAME].held.leaf
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["somebody-else.example"]


@pytest.mark.parametrize(
    ("fault", "field", "value"),
    [
        ("other-name", "domain", "somebody-else.example"),
        ("hostile-token", "tokenName", "../../../../tmp/hostile"),
        ("tokens-dns", "challengeType", "dns"),
    ],
)
def test_tokens_can_be_wrong_as_those_of_v7(customer, sandbox, seeded, fault, field, value):
    seeded()
    sandbox.fault("order", fault)
    document = customer.post_v8("order/create", wish()).json()
    assert {token[field] for token in document["tokens"]} == {value}
    assert document["certificateName"] == ("somebody-else.example" if fault == "other-name" else NAME)


def test_what_rcl_proves_itself_is_renewed_by_its_name(customer, sandbox, seeded, clock):
    name = seeded()
    assert customer.post_v8("schedule/renew", {"certificateName": name}).status_code == 200
    assert customer.post_v8("schedule/renew", {}).text == "Certificate name is not defined."
    clock.advance(2)
    assert [job["ended"] for job in sandbox.state()["scheduled"]] == ["issued"]


def test_a_reset_forgets_what_was_scheduled(customer, sandbox, ready, clock):
    customer.post_v8("schedule/create", ready)
    customer.control("POST", "reset")
    clock.advance(2)
    assert sandbox.state()["scheduled"] == []
