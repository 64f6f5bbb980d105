"""A CA that answers wrongly, at each call of a renewal: one of our errors, in words and in time, and never a second order."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewd import errors, issuers
from renewd.certs.bundle import Material
from renewd.config import load
from renewd.config.model import AcmeIssuer, Certificate
from renewd.config.targets import Target
from renewd.issuers.acme import Acme
from renewd.issuers.acme_session import NONCES
from renewd.renewal import passes
from renewd.renewal.context import Context
from renewd.sandbox import configuration
from tests.clocks import FakeClock
from tests.faults import figures
from tests.faults.hostile.acme_replies import WRONG
from tests.hostile_ca import CALLS, Ca, hostile_ca
from tests.scripted import Seen
from tests.world import World, results

ALL = os.environ.get("RENEWD_SWEEP") == "all"
TARGET = Target("a.example", Certificate.model_construct(), "main")
WHOLE = "1s"  # that a call may take; every slow answer would take several times as long


@pytest.fixture
def ca() -> Iterator[Ca]:
    with hostile_ca() as made:
        yield made


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Iterator[Callable[..., Acme]]:
    """An issuer at this address."""
    made: list[Acme] = []

    def issuer(url: str, **settings: Any) -> Acme:
        timeout = {"timeout": {"connect": "1s", "read": WHOLE}}
        told = {"type": "acme", "directory": url, "agree_terms": True, **timeout, **settings}
        found = issuers.make("main", AcmeIssuer.model_validate(told), clock, str(tmp_path / "state"))
        assert isinstance(found, Acme)
        made.append(found)
        return found

    yield issuer
    for each in made:
        each.close()


def obtain(acme: Acme) -> Material:
    """All calls of a renewal."""
    acme.current(TARGET)
    order = acme.read(TARGET, acme.order(TARGET))
    acme.validate(TARGET, order)
    return acme.collect(TARGET, acme.finalize(TARGET, order))


EVERY = [(call, kind) for call in CALLS for kind in WRONG]
TAKEN = EVERY if ALL else EVERY[::4]
BORN_FINE = {("nonce", "nothing")}  # which is what a good one is


@pytest.mark.fault(5, 6, 7, 8, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 22, 100)
@pytest.mark.parametrize(("call", "kind"), TAKEN)
def test_whatever_a_call_is_answered_with(ca: Ca, make: Callable[..., Acme], call: str, kind: str):
    ca.spoiled[call] = WRONG[kind]
    acme = make(ca.url)
    said = ""
    with suppress(errors.TargetError):
        try:
            obtain(acme)
        except errors.TargetError as error:
            said = f"{error} {error.remedy}"
            raise
    assert ca.calls.count("new") <= 1
    assert ca.calls.count("finalize") <= 1
    assert said.isprintable()
    assert len(said) < 1500
    # Of an answer to a challenge and of a chain only the status counts here: the gate judges what was issued.
    assert said or call in {"challenge", "certificate"} or (call, kind) in BORN_FINE or call == "nonce"
    figures.record("wrong answers of an ACME CA", tried=1, second_orders=0)


def test_without_any_of_it_there_is_a_certificate(ca: Ca, make: Callable[..., Acme]):
    assert len(obtain(make(ca.url)).pem) == 2
    assert ca.orders == 1


@pytest.mark.fault(10)
@pytest.mark.parametrize("call", CALLS)
def test_what_a_proxy_had_kept_is_believed_of_the_directory_alone(
    ca: Ca, make: Callable[..., Acme], call: str
):
    ca.headers[call] = {"age": "3600"}
    if call == "directory":
        assert len(obtain(make(ca.url)).pem) == 2
        return
    with pytest.raises((errors.BadReply, errors.ReplyLost), match="which a proxy had kept"):
        obtain(make(ca.url))
    assert ca.orders <= 1


@pytest.mark.fault(31)
def test_a_refused_nonce_costs_one_more_try_with_the_new_one(ca: Ca, make: Callable[..., Acme]):
    refuse, times = ca.problem("badNonce"), {"new": 0}

    def once(seen: Seen) -> Any:
        times["new"] += 1
        return refuse(seen) if times["new"] <= NONCES else ca.good("new", ca.payloads[-1])

    ca.spoiled["new"] = once
    obtain(make(ca.url))
    assert ca.orders == 1
    assert times["new"] == 1 + NONCES


@pytest.mark.fault(31)
def test_a_ca_that_refuses_every_nonce_is_left_after_three_more(ca: Ca, make: Callable[..., Acme]):
    ca.spoiled["finalize"] = ca.problem("badNonce")
    with pytest.raises(errors.Temporary, match="badNonce"):
        obtain(make(ca.url))
    assert ca.calls.count("finalize") == 1 + NONCES
    assert ca.orders == 1


@pytest.mark.fault(31)
def test_a_ca_that_gives_no_nonce_is_told(ca: Ca, make: Callable[..., Acme]):
    ca.gives_nonces = False
    with pytest.raises(errors.BadReply, match="no nonce"):
        obtain(make(ca.url))
    assert ca.orders == 0


@pytest.mark.fault(31)
def test_a_nonce_that_was_asked_for_is_not_taken_by_another_thread(ca: Ca, make: Callable[..., Acme]):
    class Shared(deque[str]):
        """Where other threads take what is put there at once."""

        def append(self, _nonce: str) -> None:
            pass

    issuer = make(ca.url)
    issuer._session._nonces = Shared()
    obtain(issuer)
    assert ca.orders == 1


@pytest.mark.fault(31)
@pytest.mark.parametrize("kind", ["alreadyReplaced", "malformed"])
def test_what_an_order_replaces_is_left_out_once_if_it_is_refused(
    ca: Ca, make: Callable[..., Acme], kind: str
):
    refuse = ca.problem(kind, 409)
    ca.spoiled["new"] = lambda seen: (
        refuse(seen) if "replaces" in ca.payloads[-1] else ca.good("new", ca.payloads[-1])
    )
    make(ca.url).order(TARGET, replaces="a.b")
    asked = [payload for call, payload in zip(ca.calls, ca.payloads, strict=True) if call == "new"]
    assert [payload.get("replaces") for payload in asked] == ["a.b", None]
    assert ca.orders == 1


def test_a_name_that_is_refused_is_not_asked_for_again_without_what_the_order_replaces(
    ca: Ca, make: Callable[..., Acme]
):
    ca.spoiled["new"] = ca.problem("rejectedIdentifier")
    with pytest.raises(errors.Declined):
        make(ca.url).order(TARGET, replaces="a.b")
    assert ca.calls.count("new") == 1


@pytest.mark.fault(31, 7)
@pytest.mark.parametrize("wrong", ["reset", "a slow gateway", "a broken gateway", "busy", "half of JSON"])
def test_an_order_whose_fate_is_open_is_not_sent_again_without_what_it_replaces(
    ca: Ca, make: Callable[..., Acme], wrong: str
):
    ca.spoiled["new"] = WRONG[wrong]
    with pytest.raises(errors.TargetError):
        make(ca.url).order(TARGET, replaces="a.b")
    assert ca.calls.count("new") == 1


@pytest.mark.fault(31)
def test_processing_is_waited_for_and_the_wait_that_is_asked_for_is_kept(
    ca: Ca, make: Callable[..., Acme], clock: FakeClock
):
    looks = []

    def slow(_: Seen) -> bytes:
        looks.append(1)
        ca.status = "processing" if len(looks) < 3 else "valid"
        return ca.say("order", ca.shown(), retry_after="30")

    acme = make(ca.url, timeout={"read": "10m"})
    order = acme.read(TARGET, acme.order(TARGET))
    acme.validate(TARGET, order)
    ca.spoiled["order"] = slow

    def taken(_: Seen) -> bytes:
        ca.status = "processing"
        return ca.say("finalize", ca.shown())

    ca.status = "ready"
    looks.append(-1)
    ca.spoiled["order"] = lambda seen: ca.good("order", {}) if ca.status == "ready" else slow(seen)
    ca.spoiled["finalize"] = taken
    assert acme.finalize(TARGET, order).links
    assert 30.0 in clock.waits
    assert ca.calls.count("finalize") == 1


@pytest.mark.fault(31)
def test_an_order_that_is_processed_for_ever_is_a_lost_reply(ca: Ca, make: Callable[..., Acme]):
    def taken(_: Seen) -> bytes:
        ca.status = "processing"
        return ca.say("finalize", ca.shown())

    ca.spoiled["finalize"] = taken
    acme = make(ca.url)
    order = acme.read(TARGET, acme.order(TARGET))
    acme.validate(TARGET, order)
    with pytest.raises(errors.ReplyLost, match="still busy"):
        acme.finalize(TARGET, order)
    assert acme.outcome(TARGET, order) is None
    ca.status = "valid"
    assert acme.outcome(TARGET, order) is not None
    assert ca.calls.count("finalize") == 1


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    "where", ["http://elsewhere.example/order/1", "ftp://x.example/", "", "/order/1", "https://a@b.example/"]
)
def test_an_order_at_an_address_that_is_none(ca: Ca, make: Callable[..., Acme], where: str):
    ca.spoiled["new"] = lambda _: ca.say("new", ca.shown(), 201, location=where)
    ca._identifiers = [{"type": "dns", "value": "a.example"}]
    with pytest.raises(errors.ReplyLost, match="Location"):
        make(ca.url).order(TARGET)
    assert ca.calls.count("new") == 1


@pytest.mark.fault(22)
def test_an_order_for_other_names_is_refused(ca: Ca, make: Callable[..., Acme]):
    acme = make(ca.url)
    order = acme.order(TARGET)
    ca._identifiers = [{"type": "dns", "value": "b.example"}]
    with pytest.raises(errors.OrderGone, match="other names"):
        acme.read(TARGET, order)


@pytest.mark.fault(95)
@pytest.mark.parametrize("token", ["../../etc/cron.d/x", "a/b", "", "a\n", "x" * 129, "%2e"])
def test_a_token_that_is_no_name_of_a_file(ca: Ca, make: Callable[..., Acme], token: str):
    def traps(_: Seen) -> bytes:
        asked = ca.asked()
        asked["challenges"][0]["token"] = token
        return ca.say("authz", asked)

    ca.spoiled["authz"] = traps
    with pytest.raises(errors.BadReply, match="token"):
        obtain(make(ca.url))
    assert "challenge" not in ca.calls


def test_an_order_that_waits_for_other_proofs_than_stand_is_not_waited_for(
    ca: Ca, make: Callable[..., Acme], clock: FakeClock
):
    acme = make(ca.url)
    order = acme.read(TARGET, acme.order(TARGET))

    def other(_: Seen) -> bytes:
        asked = ca.asked()
        asked["challenges"][0]["token"] = "an0ther"
        return ca.say("authz", asked)

    ca.spoiled["authz"] = other
    with pytest.raises(errors.ChallengeFailed, match="another proof"):
        acme.validate(TARGET, order)
    assert "challenge" not in ca.calls
    assert clock.waits == []


@pytest.mark.fault(21)
def test_what_the_ca_saw_is_told_name_by_name(ca: Ca, make: Callable[..., Acme]):
    def looked(_: Seen) -> bytes:
        ca.status = "invalid"
        return ca.say("challenge", {})

    def asked(_: Seen) -> bytes:
        document = ca.asked()
        if ca.status == "invalid":
            document["status"] = "invalid"
            said = {"type": "urn:ietf:params:acme:error:connection", "detail": "127.0.0.1: refused"}
            document["challenges"][0]["error"] = said
        return ca.say("authz", document)

    ca.spoiled |= {"challenge": looked, "authz": asked}
    with pytest.raises(errors.ChallengeFailed, match=r"a\.example: 127\.0\.0\.1: refused \(connection\)"):
        obtain(make(ca.url))
    assert ca.orders == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("rejectedIdentifier", "Take the name off"),
        ("caa", "CAA record"),
        ("unsupportedIdentifier", "another CA"),
    ],
)
def test_a_name_that_the_ca_refuses_is_told_with_what_to_do(
    ca: Ca, make: Callable[..., Acme], tmp_path: Path, kind: str, words: str
):
    sub = {
        "type": f"urn:ietf:params:acme:error:{kind}",
        "detail": "policy",
        "identifier": {"type": "dns", "value": "a.example"},
    }
    ca.spoiled["new"] = ca.problem(kind, 403, subproblems=[sub])
    with pytest.raises(errors.Declined, match=rf"a\.example: policy \({kind}\)") as caught:
        obtain(make(ca.url))
    assert words in caught.value.remedy
    assert ca.calls.count("new") == 1
    assert list((tmp_path / "state/acme/main/keys").iterdir()) == []


ACME = "urn:ietf:params:acme:error:"
PROBLEMS: dict[str, dict[str, Any]] = {
    "caa": {"type": f"{ACME}caa", "detail": "CAA record for a.example prevents issuance"},
    "rejectedIdentifier": {"type": f"{ACME}rejectedIdentifier", "detail": "policy"},
    "compound": {
        "type": f"{ACME}compound",
        "detail": "several",
        "subproblems": [
            {"type": f"{ACME}dns", "detail": "no answer"},
            {"type": f"{ACME}caa", "detail": "no"},
        ],
    },
}


def refuses_the_proof(ca: Ca, problem: dict[str, Any]) -> None:
    """As real CAs do with a CAA record: when they look at the proof."""

    def looked(_: Seen) -> bytes:
        ca.status = "invalid"
        return ca.say("challenge", {})

    def asked(_: Seen) -> bytes:
        document = ca.asked()
        if ca.status == "invalid":
            document["status"] = "invalid"
            document["challenges"][0]["error"] = problem
        return ca.say("authz", document)

    ca.spoiled |= {"challenge": looked, "authz": asked}


def refuses_to_issue(ca: Ca, problem: dict[str, Any]) -> None:
    """Finalize is taken, and the order comes to nothing."""

    def shown(_: Seen) -> bytes:
        return ca.say("order", {**ca.shown(), "error": problem} if ca.status == "invalid" else ca.shown())

    def taken(_: Seen) -> bytes:
        taken = ca.say("finalize", {**ca.shown(), "status": "processing"})
        ca.status = "invalid"
        return taken

    ca.spoiled |= {"finalize": taken, "order": shown}


@pytest.mark.fault(21)
@pytest.mark.parametrize("when", [refuses_the_proof, refuses_to_issue])
@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_no_for_good_is_one_whenever_it_comes(
    ca: Ca, make: Callable[..., Acme], kind: str, when: Callable[[Ca, Any], None]
):
    when(ca, PROBLEMS[kind])
    with pytest.raises(errors.Declined, match=kind) as caught:
        obtain(make(ca.url))
    assert "CA" in caught.value.remedy
    assert ca.orders == 1


@pytest.mark.parametrize("when", [refuses_the_proof, refuses_to_issue])
def test_the_next_issuer_is_asked_at_once_and_the_first_makes_one_order(
    ca: Ca, tmp_path: Path, clock: FakeClock, when: Callable[[Ca, Any], None]
):
    when(ca, PROBLEMS["caa"])
    world = World(tmp_path, clock)
    try:
        world.sandbox.seed("a.example", days_left=None, validated=True)
        issuers = {
            "first": {"type": "acme", "directory": ca.url, "agree_terms": True, "trust": "none"},
            "second": configuration.issuer(world.sandbox),
        }
        path = world.write(world.entry("a.example", issuer=["first", "second"]), issuers=issuers)
        context = Context(load.load(path), clock=clock)
        outcomes = passes.run(context, context.loaded.targets)
        context.close()
    finally:
        world.close()
    assert results(outcomes) == {"a.example": "renewed"}
    assert ca.orders == 1


def test_terms_that_have_changed_are_named(ca: Ca, make: Callable[..., Acme]):
    ca.spoiled["new"] = ca.problem("userActionRequired", 403, instance="https://ca.example/terms/2")
    with pytest.raises(errors.KeyRejected, match=r"see https://ca\.example/terms/2"):
        obtain(make(ca.url))


def test_retry_after_of_a_limit_is_told(ca: Ca, make: Callable[..., Acme]):
    refused = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many"}
    ca.spoiled["new"] = lambda _: ca.say("new", refused, 429, retry_after="3600")
    with pytest.raises(errors.Throttled, match="too many") as caught:
        obtain(make(ca.url))
    assert caught.value.retry_after == timedelta(hours=1)
