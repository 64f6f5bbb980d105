"""The V8 issuer against the sandbox and against servers that answer otherwise: ordered by POST, issued later, never twice."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from renewd import errors, issuers
from renewd.certs.bundle import Material
from renewd.certs.order import Order, OrderStatus
from renewd.config.model import Certificate, Challenge, DnsCommands, Http01, RclV8Issuer
from renewd.config.targets import Target
from renewd.issuers.rcl_v8 import LATEST, RclV8
from renewd.sandbox import Sandbox
from renewd.sandbox.faults import KINDS
from tests.clocks import FakeClock
from tests.faults.hostile.replies import WRONG
from tests.scripted import Scripted, Seen, answer, answer_json

NAMES = "contoso.com,www.contoso.com"
HTTP = Http01(type="http-01", listen="127.0.0.1:1")
DNS = DnsCommands.model_validate({"type": "dns-01", "present": "true"})


def target(name: str = NAMES, challenge: Challenge | None = HTTP) -> Target:
    return Target(name, Certificate.model_construct(challenge=challenge), "main")


def make(base_url: str, key_file: str, clock: FakeClock, **more: Any) -> RclV8:
    settings = {"type": "rcl-v8", "subscription_id": "sub_sandbox4711", "api_key": {"file": key_file}}
    issuer = issuers.make(
        "main", RclV8Issuer.model_validate({**settings, "base_url": base_url, **more}), clock, "/nonexistent"
    )
    assert isinstance(issuer, RclV8)
    return issuer


@dataclass
class Play:
    """One certificate in the portal, whose names were validated recently."""

    sandbox: Sandbox
    issuer: RclV8
    clock: FakeClock

    @property
    def calls(self) -> dict[str, int]:
        return dict(self.sandbox.state()["calls"].get(NAMES, {}))

    @property
    def issued(self) -> int:
        self.sandbox.schedule.work_off()
        return self.sandbox.portal.holdings[NAMES].issued

    def order(self) -> Order:
        return self.issuer.order(target())

    def whole(self, challenge: Challenge | None = HTTP) -> Material:
        asked = target(challenge=challenge)
        issued = self.issuer.finalize(asked, self.issuer.order(asked))
        return self.issuer.collect(asked, issued)


@pytest.fixture
def play(clock: FakeClock) -> Iterator[Play]:
    with Sandbox(clock=clock) as sandbox:
        sandbox.seed(NAMES, days_left=3, validated=True)
        issuer = make(sandbox.base_url_v8, sandbox.api_key_path, clock, timeout={"read": "10m"})
        yield Play(sandbox, issuer, clock)
        issuer.close()


# All is well


def test_a_certificate_is_issued_some_time_after_it_was_asked_for_and_collected_without_the_key(play: Play):
    before = play.issuer.current(target())
    material = play.whole()
    after = play.issuer.current(target())
    assert before is not None
    assert after is not None
    assert after.order_uri != before.order_uri
    assert x509.load_pem_x509_certificate(material.pem[0]).not_valid_after_utc.date() == (
        after.expires_at and after.expires_at.date()
    )
    assert play.sandbox.downloads.bearer_seen == 0
    assert (play.calls["order"], play.calls["schedule"], play.issued) == (1, 1, 1)


def test_the_portal_is_looked_at_soon_and_then_ever_more_seldom(play: Play):
    play.sandbox.fault("schedule", "late=300")
    play.whole()
    assert play.clock.waits[0] < 1
    assert play.clock.waits == sorted(play.clock.waits)
    assert max(play.clock.waits) == LATEST
    assert play.calls["certificate"] < 30


@pytest.mark.parametrize(("challenge", "kind"), [(HTTP, "http-01"), (DNS, "dns-01")], ids=["http", "dns"])
def test_an_order_asks_for_a_proof_of_every_name(play: Play, challenge: Challenge, kind: str):
    play.sandbox.seed(NAMES)
    order = play.issuer.order(target(challenge=challenge))
    assert order.status is OrderStatus.PENDING
    assert [(token.domain, token.type) for token in order.tokens] == [
        ("contoso.com", kind),
        ("www.contoso.com", kind),
    ]
    assert play.issuer.read(target(), order) is order


def test_what_the_target_proves_itself_by_is_asked_for_whatever_the_portal_shows(play: Play):
    play.sandbox.seed(NAMES, challenge="DNS")
    assert {token.type for token in play.order().tokens} == {"http-01"}


def test_the_name_is_written_as_the_portal_writes_it(play: Play):
    spaced = target("contoso.com, www.contoso.com")
    play.issuer.finalize(spaced, play.issuer.order(spaced))
    assert (play.calls["order"], play.calls["schedule"]) == (1, 1)


def test_a_name_that_nobody_knows_is_not_ordered(play: Play):
    with pytest.raises(errors.NotInSubscription):
        play.issuer.order(target("gone.com"))
    assert "order" not in play.sandbox.state()["calls"].get("gone.com", {})


def test_a_portal_that_has_issued_nothing_yet_holds_nothing_and_issues(play: Play):
    play.sandbox.seed(NAMES, days_left=None, validated=True)
    assert play.issuer.current(target()) is None
    assert play.whole().pem
    assert play.issued == 1


# What becomes of the call that costs


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    "fault", ["lose-reply", "reset-after", "status-after", "status=500", "status-after=202", "delay-reply=3"]
)
def test_a_schedule_whose_answer_says_nothing_is_a_lost_one(play: Play, fault: str):
    order = play.order()
    play.sandbox.fault("schedule", fault)
    if fault.startswith("delay"):
        assert play.issuer.finalize(target(), order).order_uri == order.uri
    else:
        with pytest.raises(errors.ReplyLost) as raised:
            play.issuer.finalize(target(), order)
        assert raised.value.stage == "finalize"
    assert play.calls["schedule"] == 1


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("fault", "kind"), [("status=429+30", errors.Throttled), ("status=503", errors.ReplyLost)]
)
def test_only_a_service_that_says_so_certainly_scheduled_nothing(
    play: Play, fault: str, kind: type[errors.RenewdError]
):
    order = play.order()
    play.sandbox.fault("schedule", fault)
    with pytest.raises(kind):
        play.issuer.finalize(target(), order)
    assert play.sandbox.schedule.jobs == []


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The order is invalid. Create a new order.", errors.OrderGone),
        ("The order was not found.", errors.OrderGone),
        ("The order was already finalized.", errors.AlreadyFinalized),
        ("Quota of the plan is used up.", errors.NotFinal),
    ],
)
def test_a_schedule_that_is_refused_says_why(play: Play, text: str, kind: type[errors.RenewdError]):
    order = play.order()
    play.sandbox.fault("schedule", f"text-400={text}")
    with pytest.raises(kind, match=text):
        play.issuer.finalize(target(), order)


@pytest.mark.fault(23)
def test_what_is_not_issued_in_time_is_not_known_to_be_lost_and_not_asked_for_again(play: Play):
    play.sandbox.fault("schedule", "late=3600")
    order, began = play.order(), play.clock.now()
    with pytest.raises(errors.ReplyLost, match="does not say why"):
        play.issuer.finalize(target(), order)
    assert play.clock.now() - began == timedelta(minutes=10)
    assert play.calls["schedule"] == 1
    assert play.issuer.outcome(target(), order) is not None
    play.clock.advance(3600)
    held = play.issuer.outcome(target(), order)
    assert held is not None
    assert held.order_uri == order.uri
    assert play.issued == 1


@pytest.mark.fault(7)
def test_an_order_that_came_to_something_meanwhile_is_not_asked_for_again(play: Play):
    play.sandbox.fault("schedule", "lose-reply")
    order = play.order()
    with pytest.raises(errors.ReplyLost):
        play.issuer.finalize(target(), order)
    play.clock.advance(2)
    assert play.issuer.finalize(target(), order).order_uri == order.uri
    assert (play.calls["schedule"], play.issued) == (1, 1)


def test_a_certificate_that_is_newer_than_the_one_before_is_taken_under_another_order_too(play: Play):
    order, portal = play.order(), play.sandbox.portal
    play.sandbox.fault("schedule", "never")
    with _after_schedule(play, lambda: portal.finalize(NAMES, portal.order(NAMES).uri)):
        assert play.issuer.finalize(target(), order).order_uri not in (None, order.uri)
    assert play.issued == 1


# A target without a challenge: the service makes the order, and proves it

BARE = target(challenge=None)


def test_it_is_the_service_that_orders_what_has_no_challenge_once_it_is_asked_to_renew(play: Play):
    order = play.issuer.order(BARE)
    assert order == play.issuer.read(BARE, order) == Order("", OrderStatus.READY)
    assert play.calls == {}
    issued = play.issuer.finalize(BARE, order)
    (uri,) = play.sandbox.portal.orders
    assert issued.order_uri == uri
    assert play.issuer.collect(BARE, issued).pem
    assert (play.calls["renew"], play.issued) == (1, 1)
    assert {"order", "schedule"}.isdisjoint(play.calls)


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    "fault", ["lose-reply", "reset-after", "status-after", "status=500", "status=503", "status-after=202"]
)
def test_a_renewal_whose_answer_says_nothing_is_a_lost_one(play: Play, fault: str):
    play.sandbox.fault("renew", fault)
    with pytest.raises(errors.ReplyLost):
        play.whole(None)
    assert play.calls["renew"] == 1


@pytest.mark.fault(11, 13, 15)
@pytest.mark.parametrize(
    ("call", "fault", "kind"),
    [
        ("renew", "status=429+30", errors.Throttled),
        ("renew", "text-400=Not for this plan.", errors.NotFinal),
        ("certificate", "status=502-html", errors.Unreachable),
    ],
)
def test_a_renewal_that_was_certainly_not_scheduled_is_told_apart(
    play: Play, call: str, fault: str, kind: type[errors.TargetError]
):
    play.sandbox.fault(call, fault)
    with pytest.raises(kind):
        play.whole(None)
    assert play.sandbox.schedule.jobs == []


@pytest.mark.fault(23)
def test_a_renewal_that_is_not_seen_in_time_is_not_known_to_be_lost(play: Play):
    play.sandbox.fault("renew", "late=3600")
    began = play.clock.now()
    with pytest.raises(errors.ReplyLost, match="shows no new certificate yet"):
        play.whole(None)
    assert play.clock.now() - began == timedelta(minutes=10)
    assert play.calls["renew"] == 1


@pytest.mark.fault(23)
def test_what_the_portal_held_before_is_never_what_was_renewed(play: Play):
    play.sandbox.fault("renew", "never")
    play.sandbox.portal.finalize(NAMES, play.sandbox.portal.order(NAMES).uri)
    with (
        _after_schedule(play, lambda: play.sandbox.fault("certificate", "stale-certificate", None)),
        pytest.raises(errors.ReplyLost),
    ):
        play.whole(None)


def test_an_order_that_was_made_while_there_was_a_challenge_is_issued_all_the_same(play: Play):
    order = play.order()
    assert play.issuer.finalize(BARE, order).order_uri == order.uri
    assert (play.calls["schedule"], play.issued) == (1, 1)
    assert "renew" not in play.calls


# Looking at the portal


@pytest.mark.fault(15, 16, 18, 22)
@pytest.mark.parametrize("call", ["order", "schedule"])
@pytest.mark.parametrize(
    "fault", ["status=502-html", "html-200", "reset-after", "wrong-type", "other-name", "empty-200"]
)
def test_where_the_portal_cannot_be_looked_at_first_nothing_is_asked_for(play: Play, call: str, fault: str):
    order = play.order() if call == "schedule" else None
    made = len(play.sandbox.portal.orders)
    play.sandbox.fault("certificate", fault)
    with pytest.raises(errors.Unreachable, match="was not sent"):
        play.issuer.finalize(target(), order) if order else play.order()
    assert len(play.sandbox.portal.orders) == made
    assert play.sandbox.schedule.jobs == []


@pytest.mark.fault(11, 16, 17)
@pytest.mark.parametrize(
    "fault", ["status=503", "status=429+20", "html-200", "truncated-json", "reset-before"]
)
def test_a_portal_that_cannot_be_looked_at_for_a_while_is_looked_at_again(play: Play, fault: str):
    order = play.order()
    with _after_schedule(play, lambda: play.sandbox.fault("certificate", fault, 3)):
        assert play.issuer.finalize(target(), order).order_uri == order.uri
    assert (play.calls["schedule"], play.issued) == (1, 1)


@pytest.mark.fault(12, 14)
@pytest.mark.parametrize("fault", ["status=401", "status=404"])
def test_who_is_turned_away_after_asking_does_not_know_what_came_of_it(play: Play, fault: str):
    order = play.order()
    with (
        _after_schedule(play, lambda: play.sandbox.fault("certificate", fault, None)),
        pytest.raises(errors.ReplyLost, match="took it up"),
    ):
        play.issuer.finalize(target(), order)


def test_leaving_ends_the_wait(play: Play):
    order = play.order()
    play.sandbox.fault("schedule", "never")
    with _after_schedule(play, play.issuer.close), pytest.raises(errors.ReplyLost, match="is leaving"):
        play.issuer.finalize(target(), order)
    assert play.clock.waits == []


class _after_schedule:  # noqa: N801 - a context, named as such
    """Does something right after the service has taken an order up."""

    def __init__(self, play: Play, then: Callable[[], Any]) -> None:
        self._issuer, self._then = play.issuer, then

    def __enter__(self) -> None:
        real = self._issuer._call

        def call(path: str, *args: Any, **more: Any) -> Any:
            reply = real(path, *args, **more)
            if "/schedule/" in path:
                self._then()
            return reply

        self._issuer._call = call  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        del self._issuer._call  # type: ignore[method-assign]


FAULTS = [
    (call, kind)
    for kind, about in KINDS.items()
    for call in ("certificate", "order", "schedule", "renew", "download")
    if call in about.calls and kind not in {"delay", "delay-reply", "drip", "drip-head", "huge", "gzip"}
]


@pytest.mark.parametrize(("call", "kind"), FAULTS, ids=["-at-".join(reversed(fault)) for fault in FAULTS])
def test_any_fault_ends_in_material_or_in_an_error_of_ours(play: Play, call: str, kind: str):
    play.sandbox.fault(call, kind, None)
    with suppress(errors.TargetError):
        material = play.whole(None if call == "renew" else HTTP)
        assert material.pem or material.pfx
    assert play.sandbox.downloads.bearer_seen == 0
    assert all(play.calls.get(each, 0) <= 1 for each in ("order", "schedule", "renew"))
    assert play.issued <= 1


# What is sent

SHOWN = {
    "certificateName": NAMES,
    "rootDomain": "contoso.com",
    "challengeType": "DNS",
    "email": "owner@contoso.com",
    "password": "the portal's own",
    "orderUri": "https://acme.example/1",
    "issueDate": "2026-09-01T00:00:00.0000000",
    "pfxString": "AAAA",
}
URI = "https://acme.example/2"


class Service:
    """A portal that answers as it is told; what was posted to it is kept."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.shown = shown
        self.replies: dict[str, Callable[[Seen], Any]] = {}  # in place of its own, by the end of the path
        self.known: Callable[[Seen], Any] = lambda _: answer_json(self.shown)
        self.api = Scripted(self._answer)

    def _answer(self, seen: Seen) -> Any:
        if seen.method == "GET":
            return self.known(seen)
        for call, reply in self.replies.items():
            if seen.target.endswith(call):
                return reply(seen)
        if seen.target.endswith("/order/create"):
            return answer_json({**json.loads(seen.body), "orderUri": URI})
        self.shown = {**self.shown, "orderUri": URI}
        return answer()

    def issue(self) -> Any:
        """A certificate of the service's own order is there at once."""
        issued = {"orderUri": "https://acme.example/own", "issueDate": "2026-10-01T00:00:00"}
        self.shown = {**self.shown, **issued}
        return answer()

    @property
    def posted(self) -> list[dict[str, Any]]:
        return [json.loads(seen.body) for seen in self.api.seen if seen.method == "POST"]


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    file = tmp_path / "key"
    file.write_text("k3y\n")
    file.chmod(0o600)
    return str(file)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(SHOWN)
    yield service
    service.api.close()


def renew(
    service: Service, key_file: str, clock: FakeClock, asked: Target | str = NAMES, **more: Any
) -> None:
    issuer = make(service.api.url + "/prod/v3", key_file, clock, **more)
    asked = target(asked) if isinstance(asked, str) else asked
    issuer.finalize(asked, issuer.order(asked))
    issuer.close()


def test_the_calls_are_what_the_api_describes(service: Service, key_file: str, clock: FakeClock):
    renew(service, key_file, clock)
    whole = {
        "certificateName": NAMES,
        "rootDomain": "contoso.com",
        "challengeType": "http",
        "email": "owner@contoso.com",
        "password": "the portal's own",
        "target": "Stand ALone",
        "isSAN": True,
    }
    assert service.posted == [whole, {**whole, "orderUri": URI}]
    start = "/prod/v3/ssl/certificate/subscription/sub_sandbox4711"
    look = ("GET", f"{start}/get/certificatename/contoso.com%2Cwww.contoso.com")
    assert [(seen.method, seen.target) for seen in service.api.seen] == [
        look,
        ("POST", f"{start}/order/create"),
        look,
        ("POST", f"{start}/schedule/create"),
        look,
    ]
    assert {seen.headers["authorization"] for seen in service.api.seen} == {"Bearer k3y"}
    kinds = [seen.headers.get("content-type") for seen in service.api.seen if seen.method == "POST"]
    assert kinds == ["application/json", "application/json"]


def test_the_configuration_says_the_address_and_the_password_before_the_portal_does(
    service: Service, key_file: str, clock: FakeClock, tmp_path: Path
):
    password = tmp_path / "pfx-password"
    password.write_text("ours")
    password.chmod(0o600)
    renew(service, key_file, clock, email="you@example.com", pfx_password={"file": str(password)})
    assert {(sent["email"], sent["password"]) for sent in service.posted} == {("you@example.com", "ours")}


def test_a_renewal_says_no_more_than_the_name_as_the_portal_writes_it(
    service: Service, key_file: str, clock: FakeClock
):
    spaced = NAMES.replace(",", ", ")
    service.shown = {**SHOWN, "certificateName": spaced}

    def known(seen: Seen) -> Any:
        return answer_json(service.shown) if "%2C%20" in seen.target else answer(404, "not found")

    service.known = known
    service.replies["schedule/renew"] = lambda _: service.issue()
    renew(service, key_file, clock, target(challenge=None))
    assert service.posted == [{"certificateName": spaced}]
    start = "/prod/v3/ssl/certificate/subscription/sub_sandbox4711"
    posts = [seen for seen in service.api.seen if seen.method == "POST"]
    assert [seen.target for seen in posts] == [f"{start}/schedule/renew"]
    assert posts[0].headers.get("content-type") == "application/json"


@pytest.mark.parametrize(
    ("name", "root"),
    [
        ("contoso.co.uk,www.contoso.co.uk", "contoso.co.uk"),
        ("*.contoso.com,contoso.com", "contoso.com"),
        ("a.contoso.com,b.contoso.com", "contoso.com"),
        ("contoso.com", "contoso.com"),
    ],
)
def test_what_the_portal_does_not_show_is_made_up_alike_at_every_call(
    service: Service, key_file: str, clock: FakeClock, name: str, root: str
):
    service.shown = {"certificateName": name, "issueDate": "2026-09-01T00:00:00", "pfxString": "AAAA"}
    renew(service, key_file, clock, name)
    first, second = service.posted
    assert first == {key: value for key, value in second.items() if key != "orderUri"}
    assert (first["rootDomain"], first["email"]) == (root, f"hostmaster@{root}")
    assert len(first["password"]) == 32
    assert first["isSAN"] is ("," in name)


def test_a_refusal_that_repeats_the_body_does_not_show_the_password(
    service: Service, key_file: str, clock: FakeClock
):
    service.shown = {**SHOWN, "password": "s3cret-of-the-pfx"}
    service.replies["order/create"] = lambda _: answer(400, "what is s3cret-of-the-pfx, or k3y?")
    with pytest.raises(errors.NotFinal) as raised:
        renew(service, key_file, clock)
    assert str(raised.value).endswith("what is ***, or ***?")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"certificateName": "other.com", "orderUri": URI}, "another certificate"),
        ({"certificateName": NAMES}, "no orderUri"),
        ({"certificateName": NAMES, "orderUri": URI, "tokens": "none"}, "not a list"),
        ({"orderUri": "file:///etc/passwd"}, "neither https nor http"),
    ],
)
def test_an_order_that_cannot_be_used_is_told(
    service: Service, key_file: str, clock: FakeClock, document: dict[str, Any], told: str
):
    service.replies["order/create"] = lambda _: answer_json(document)
    with pytest.raises(errors.BadReply, match=told):
        renew(service, key_file, clock)


@pytest.mark.fault(8, 13, 15, 16, 17, 18, 20)
@pytest.mark.parametrize(("script", "kind"), [(wrong[0], wrong[2]) for wrong in WRONG.values()], ids=WRONG)
def test_a_wrong_answer_to_an_order_is_told_as_v7s(
    service: Service,
    key_file: str,
    clock: FakeClock,
    script: Callable[[Seen], Any],
    kind: type[errors.TargetError],
):
    service.replies["order/create"] = script
    with pytest.raises(kind):
        renew(service, key_file, clock)
    assert len(service.posted) == 1


@pytest.mark.fault(7, 13, 15, 16, 20)
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(("call", "posted"), [("create", 2), ("renew", 1)])
def test_a_wrong_answer_to_a_schedule_is_a_refusal_or_a_lost_one(
    service: Service, key_file: str, clock: FakeClock, call: str, posted: int, *, wrong: tuple[Any, ...]
):
    script, kind = wrong[0], wrong[3]
    service.replies[f"schedule/{call}"] = script
    wanted = target(challenge=HTTP if call == "create" else None)
    with pytest.raises(errors.ReplyLost if kind is errors.Temporary else kind):
        renew(service, key_file, clock, wanted, timeout={"read": "5s"})
    assert len(service.posted) == posted


def test_a_portal_that_shows_no_texts_is_not_ordered_from(service: Service, key_file: str, clock: FakeClock):
    service.shown = {**SHOWN, "email": ["owner@contoso.com"]}
    with pytest.raises(errors.Unreachable, match="email is not a text"):
        renew(service, key_file, clock)
    assert service.posted == []
