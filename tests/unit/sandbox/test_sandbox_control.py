"""What a person says to a running sandbox."""

from datetime import timedelta

import pytest
from cryptography import x509

from renewd.errors import RenewdError, UsageError
from renewd.sandbox import remote
from tests.clocks import START


def test_a_certificate_is_seeded_over_http(customer):
    wish = {
        "name": "a.example",
        "days_left": 10,
        "lifetime_days": 47,
        "key_type": "rsa-2048",
        "validated": True,
    }
    reply = customer.control("POST", "certificates", wish)
    assert reply.status_code == 201
    assert reply.json()["not_after"] == (START + timedelta(days=10)).isoformat()
    assert customer.ask("a.example", "order").json()["status"] == "ready"
    assert customer.sandbox.portal.holdings["a.example"].held.key.key_size == 2048


def test_a_name_beyond_ascii_is_held_as_written_and_issued_as_its_a_label(customer):
    customer.control("POST", "certificates", {"name": "bücher.example"})
    assert customer.ask("bücher.example").json()["certificateName"] == "bücher.example"
    leaf = customer.sandbox.portal.holdings["bücher.example"].held.leaf
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["xn--bcher-kva.example"]


def test_what_is_seeded_can_be_wrong(customer):
    customer.control("POST", "certificates", {"name": "a.example", "spoil": "wrong-key"})
    held = customer.sandbox.portal.holdings["a.example"].held
    assert held.key.public_key() != held.leaf.public_key()
    assert len(customer.ask("a.example").json()["pfxString"]) > 100


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({}, "name is missing"),
        ({"name": 7}, "name is missing"),
        ({"name": " , "}, "needs a name"),
        ({"name": "a.example", "colour": "red"}, "'colour' is none of name, days_left"),
        ({"name": "a.example", "days_left": "soon"}, "days_left cannot be 'soon'"),
        ({"name": "a.example", "days_left": True}, "days_left cannot be True"),
        ({"name": "a.example", "validated": 1}, "validated cannot be 1"),
        ({"name": "a.example", "lifetime_days": 0}, "lifetime_days must be"),
        ({"name": "a.example", "days_left": 1e18}, "days_left must be"),
        ({"name": "a.example", "key_type": "rsa-512"}, "'rsa-512' is not a key type"),
        ({"name": "a.example", "challenge": "smtp"}, "challenge must be HTTP or DNS"),
        ({"name": "a.example", "spoil": "milk"}, "'milk' is none of wrong-key"),
        ({"name": "a b.example"}, "'a b.example' is no name for a certificate"),
        ([], "must be a JSON object"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_words(customer, wish, says):
    reply = customer.control("POST", "certificates", wish)
    assert reply.status_code == 400
    assert says in reply.json()["error"]
    assert customer.sandbox.state()["certificates"] == []


def test_what_is_no_json_is_refused_in_words(customer):
    reply = customer.client.post(f"{customer.sandbox.origin}/sandbox/clock", content=b"{")
    assert reply.status_code == 400
    assert "Expecting" in reply.json()["error"]


def test_faults_are_armed_listed_and_taken_away(customer):
    reply = customer.control("POST", "faults", {"call": "finalize", "fault": "lose-reply", "times": 1})
    assert reply.json() == {"call": "finalize", "kind": "lose-reply", "value": "", "times": 1}
    customer.control("POST", "faults", {"call": "order", "fault": "delay=3", "times": "always"})
    shown = customer.control("GET", "faults").json()
    assert [armed["kind"] for armed in shown["armed"]] == ["lose-reply", "delay"]
    assert shown["known"]["delay"]["says"] == "waits that many seconds first"
    assert customer.control("DELETE", "faults").json() == {"armed": []}
    assert customer.control("GET", "faults").json()["armed"] == []


@pytest.mark.parametrize(
    "wish",
    [
        {"call": "finalize"},
        {"call": "finalize", "fault": 7},
        {"call": "finalize", "fault": "delay", "times": 1.5},
        {"call": "finalize", "fault": "delay", "times": True},
        {"call": "finalize", "fault": "milk"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_in_words(customer, wish):
    reply = customer.control("POST", "faults", wish)
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_the_clock_can_be_moved_so_that_orders_expire(customer, seeded):
    name = seeded(validated=True)
    uri = customer.ask(name, "order").json()["orderUri"]
    moved = customer.control("POST", "clock", {"shift": 4 * 86400}).json()["now"]
    assert moved == (START + timedelta(days=4)).isoformat()
    customer.control("POST", "clock", {"shift": 4 * 86400})
    assert customer.finalize(name, uri).text == "The order is invalid. Create a new order."


@pytest.mark.parametrize("shift", [None, "1", True, float("inf"), float("nan"), 1e12])
def test_a_shift_that_makes_no_sense_is_refused_in_words(customer, shift):
    import json

    content = json.dumps({"shift": shift})
    reply = customer.client.post(f"{customer.sandbox.origin}/sandbox/clock", content=content)
    assert reply.status_code == 400
    assert "SECONDS" in reply.json()["error"]


def test_a_reset_forgets_all_but_the_root(customer, seeded):
    root = customer.control("GET", "root.pem").text
    customer.ask(seeded(), "order")
    customer.client.get(customer.url("x"))
    customer.sandbox.fault("order", "status=500")
    state = customer.control("POST", "reset").json()
    assert state["certificates"] == state["orders"] == []
    assert state["calls"] == {}
    assert state["unauthorized"] == 0
    assert customer.control("GET", "faults").json()["armed"] == []
    assert customer.control("GET", "root.pem").text == root
    with open(customer.sandbox.root_pem_path) as file:
        assert file.read() == root


def test_an_unknown_wish_is_answered_with_those_there_are(customer):
    reply = customer.control("PUT", "coffee")
    assert reply.status_code == 404
    assert "POST /sandbox/certificates" in reply.json()["error"]


def test_the_state_shows_no_secret(customer, seeded):
    customer.ask(seeded(), "order")
    text = customer.control("GET", "state").text
    held = customer.sandbox.portal.holdings["shopeneur.example"].held
    for secret in (customer.sandbox.api_key, held.password, "PRIVATE KEY", "sig="):
        assert secret not in text


def test_a_running_sandbox_is_told_from_another_process(sandbox):
    held = remote.tell(sandbox.origin, "POST", "certificates", {"name": "a.example"})
    assert held["name"] == "a.example"
    assert remote.tell(sandbox.origin, "GET", "state")["certificates"] == [held]


def test_its_refusal_is_a_usage_error(sandbox):
    with pytest.raises(UsageError, match="the sandbox says no: name is missing"):
        remote.tell(sandbox.origin, "POST", "certificates", {})


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "nonsense", "", "http://"])
def test_what_is_no_address_of_a_sandbox_is_a_usage_error(url):
    with pytest.raises(UsageError, match="is no sandbox"):
        remote.tell(url, "GET", "state")


def test_nobody_there_is_told_with_what_to_do(sandbox):
    with pytest.raises(RenewdError, match="no sandbox answers") as caught:
        remote.tell(f"http://127.0.0.1:{sandbox.http_port}", "GET", "state")
    assert caught.value.remedy == "start one: renewd sandbox"


def test_another_service_there_is_told(sandbox, site):
    with pytest.raises(RenewdError, match="no sandbox answers"):
        remote.tell(f"http://127.0.0.1:{sandbox.http_port}", "GET", "state")
