"""The RCL issuer against a server that speaks the API: what it asks for, and what it makes of the answers."""

import base64
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import pytest

from renewd import errors, issuers
from renewd.certs.order import Order, OrderStatus
from renewd.clock import Clock
from renewd.config.model import Certificate, RclIssuer
from renewd.config.targets import Target
from renewd.issuers.base import Issued
from renewd.issuers.rcl import Rcl
from tests.clocks import FakeClock
from tests.faults.hostile.replies import WRONG
from tests.scripted import Scripted, Seen, answer, answer_json, scripted
from tests.servers import free_port

KEY = "k3y-of-the-tests"
ORDER = Order("https://acme.example/acme/order/1/2?x=y&z", OrderStatus.READY)
NOT_FOUND = answer(400, "The certificate was not found.", content_type="text/plain")


class Service:
    """A small RCL API with its storage on a second origin; `replies` overrides a call's answer."""

    def __init__(self) -> None:
        self.replies: dict[str, Callable[[Seen], object]] = {}
        self.known = {"contoso.com"}
        self.certificate: dict[str, object] = {"certificateName": None, "orderUri": "https://acme.example/1"}
        self.blobs = {
            "leaf": b"LEAF",
            "chain": b"CHAIN",
            "key": b"KEY",
            "full": b"FULL",
            "pem": b"PEM",
            "pfx": b"\x30PFX",
        }
        self.api = Scripted(self._api)
        self.storage = Scripted(self._storage)

    def link(self, *fields: str) -> dict[str, str]:
        names = dict(certCrtUrl="leaf", cabundleCrtUrl="chain", keyUrl="key", fullchainCrtUrl="full", pemUrl="pem", pfxUrl="pfx")  # fmt: skip  # noqa: C408
        return {field: f"{self.storage.url}/{names[field]}?sig=S1GNATURE" for field in fields}

    def holds(self, *fields: str, **more: object) -> None:
        self.certificate |= {"certificateDownloadUrl": self.link(*fields), **more}

    def _api(self, seen: Seen):
        path = seen.target.partition("?")[0]
        name = unquote(path.split("/")[7])
        call = path.split("/")[8] if path.count("/") > 7 else "certificate"
        if call in self.replies:
            return self.replies[call](seen)
        if name not in self.known:
            return NOT_FOUND
        if call == "order":
            return answer_json({"status": "ready", "validationTokens": None, "orderUri": ORDER.uri})
        return answer_json(self.certificate)

    def _storage(self, seen: Seen):
        blob = seen.target.partition("?")[0].strip("/")
        if blob in self.replies:
            return self.replies[blob](seen)
        return answer(200, self.blobs[blob], content_type="application/octet-stream")

    def close(self) -> None:
        self.api.close()
        self.storage.close()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def rcl(service: Service, key_file: Path, clock: Clock) -> Iterator[Rcl]:
    issuer = make(service.api.url + "/public", key_file, clock)
    yield issuer
    issuer.close()


def make(base_url: str, key_file: Path, clock: Clock, **more: object) -> Rcl:
    settings = RclIssuer.model_validate(
        {
            "type": "rcl",
            "subscription_id": "sub/1 2",
            "api_key": {"file": str(key_file)},
            "base_url": base_url,
            **more,
        }
    )
    issuer = issuers.make("main", settings, clock, "/nowhere")
    assert isinstance(issuer, Rcl)
    return issuer


def target(name: str = "contoso.com") -> Target:
    return Target(name, Certificate.model_construct(), "main")


def test_the_calls_are_what_the_api_describes(rcl: Rcl, service: Service):
    service.holds("pemUrl")
    rcl.current(target())
    rcl.order(target())
    rcl.finalize(target(), ORDER)
    start = "/public/v1/subscription/sub%2F1%202/core/certificate/contoso.com"
    order_uri = "https%3A%2F%2Facme.example%2Facme%2Forder%2F1%2F2%3Fx%3Dy%26z"
    assert service.api.targets == [start, f"{start}/order", f"{start}/finalize?orderuri={order_uri}"]
    for seen in service.api.seen:
        assert seen.method == "GET"
        assert seen.headers["authorization"] == f"Bearer {KEY}"
        assert seen.headers["accept-encoding"] == "identity"
        assert seen.headers["cache-control"] == "no-store"
        assert seen.headers["connection"] == "close"
        assert "cookie" not in seen.headers


def test_cookies_are_not_kept(rcl: Rcl, service: Service):
    service.replies["certificate"] = lambda _: answer_json(
        {"certificateName": "contoso.com"}, set_cookie="a=b"
    )
    rcl.current(target())
    rcl.current(target())
    assert "cookie" not in service.api.seen[1].headers


@pytest.mark.parametrize("name", ["*.contoso.com", "a.com,b.com", "a.com, b.com", "A.com"])
def test_a_name_is_one_segment_of_the_path_as_it_is_written(rcl: Rcl, service: Service, name: str):
    service.known = {name}
    rcl.current(target(name))
    assert len(service.api.seen) == 1
    assert service.api.targets[0].count("/") == 7


@pytest.mark.parametrize(
    ("written", "known"), [("A.com,b.com", "A.com, b.com"), ("a.com, b.com", "a.com,b.com")]
)
def test_an_unknown_name_is_tried_with_the_other_spacing_which_is_then_remembered(
    rcl: Rcl, service: Service, written: str, known: str
):
    service.known = {known}
    rcl.order(target(written))
    assert len(service.api.seen) == 2
    rcl.current(target(written))
    assert len(service.api.seen) == 3
    assert unquote(service.api.targets[2]).endswith(known)


@pytest.mark.fault(14)
@pytest.mark.parametrize(("name", "calls"), [("gone.com", 1), ("a.com,gone.com", 2)])
def test_a_name_that_nobody_knows_needs_a_person(rcl: Rcl, service: Service, name: str, calls: int):
    with pytest.raises(errors.NotInSubscription) as raised:
        rcl.current(target(name))
    assert len(service.api.seen) == calls
    assert "sub/1 2" in raised.value.remedy


@pytest.mark.fault(14)
def test_a_404_of_the_gateway_is_an_unknown_name_too(rcl: Rcl, service: Service):
    service.replies["certificate"] = lambda _: answer_json(
        {"statusCode": 404, "message": "Resource not found"}, 404
    )
    with pytest.raises(errors.NotInSubscription, match="Resource not found"):
        rcl.current(target("a.com,b.com"))
    assert len(service.api.seen) == 2


def test_a_portal_that_has_issued_nothing_holds_nothing(rcl: Rcl, service: Service):
    service.certificate = {
        "certificateName": "contoso.com",
        "orderUri": None,
        "certificateDownloadUrl": {"keyUrl": None},
    }
    assert rcl.current(target()) is None


def test_what_the_portal_holds_is_told(rcl: Rcl, service: Service):
    service.holds("keyUrl", issueDate="2026-11-23T08:00:00.0000000")
    issued = rcl.current(target())
    assert issued is not None
    assert issued.order_uri == "https://acme.example/1"
    assert issued.issued_at is not None


@pytest.mark.fault(12)
def test_a_rejected_key_is_not_sent_again_until_it_changes_or_an_hour_has_passed(
    rcl: Rcl, service: Service, key_file: Path, clock: FakeClock
):
    service.replies["certificate"] = lambda _: answer(401, "Unauthorized")
    for _ in range(3):
        with pytest.raises(errors.KeyRejected) as raised:
            rcl.current(target())
        assert "issuers.main.api_key" in raised.value.remedy
    with pytest.raises(errors.KeyRejected):
        rcl.order(target("other.com"))
    assert len(service.api.seen) == 1
    clock.advance(timedelta(hours=1, seconds=1))
    with pytest.raises(errors.KeyRejected):
        rcl.current(target())
    assert len(service.api.seen) == 2
    key_file.write_text("another-key")
    del service.replies["certificate"]
    rcl.current(target())
    assert service.api.seen[-1].headers["authorization"] == "Bearer another-key"


@pytest.mark.parametrize("content", ["two words", "two\nlines", "schlüssel", ""])
def test_a_key_that_no_header_can_carry_is_not_sent(rcl: Rcl, service: Service, key_file: Path, content: str):
    key_file.write_text(content)
    with pytest.raises(errors.KeyRejected) as raised:
        rcl.current(target())
    assert service.api.seen == []
    assert not content or content not in str(raised.value)


def test_a_key_that_cannot_be_read_stops_this_target_only(rcl: Rcl, key_file: Path):
    key_file.unlink()
    with pytest.raises(errors.KeyRejected, match="cannot be read"):
        rcl.current(target())


def test_the_difference_of_the_clocks_is_known_after_a_call(rcl: Rcl, service: Service):
    assert rcl.skew is None
    service.replies["certificate"] = lambda _: answer(400, "no", date="Mon, 23 Nov 2026 12:20:00 GMT")
    with pytest.raises(errors.NotFinal):
        rcl.current(target())
    assert rcl.skew == timedelta(minutes=20)


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    "uri",
    [
        "http://acme.example/1",
        "https://u:p@acme.example/1",
        "https://acme.example/1#f",
        "https://a.example/\n",
        "x",
        "",
    ],
)
def test_an_order_address_that_is_none_is_not_sent(key_file: Path, clock: Clock, uri: str):
    far = make("https://rclapi.invalid/public", key_file, clock)
    with pytest.raises(errors.BadReply):
        far.finalize(target(), Order(uri, OrderStatus.READY))


@pytest.mark.parametrize(
    ("fields", "fetched"),
    [
        (
            ("certCrtUrl", "cabundleCrtUrl", "keyUrl", "fullchainCrtUrl", "pemUrl", "pfxUrl"),
            (b"LEAF", b"CHAIN", b"KEY"),
        ),
        (("certCrtUrl", "keyUrl", "fullchainCrtUrl", "pemUrl"), (b"FULL", b"KEY")),
        (("certCrtUrl", "cabundleCrtUrl", "fullchainCrtUrl", "pemUrl"), (b"PEM",)),
    ],
)
def test_the_plainest_links_are_taken(
    rcl: Rcl, service: Service, fields: tuple[str, ...], fetched: tuple[bytes, ...]
):
    service.holds(*fields, password="pw")
    issued = rcl.current(target())
    assert issued is not None
    material = rcl.collect(target(), issued)
    assert material.pem == fetched
    assert material.pfx is None
    assert material.password is not None
    for seen in service.storage.seen:
        assert "authorization" not in seen.headers
        assert seen.target.endswith("?sig=S1GNATURE")


def test_a_pfx_is_taken_where_there_is_nothing_else(rcl: Rcl, service: Service):
    service.holds("pfxUrl", "certCrtUrl", "keyUrl", pfxString="AAAA", password="pw")
    issued = rcl.current(target())
    assert issued is not None
    assert rcl.collect(target(), issued).pfx == b"\x30PFX"


def test_a_pfx_that_came_along_is_taken_last(rcl: Rcl, service: Service):
    service.holds("certCrtUrl", pfxString=base64.encodebytes(b"\x30" * 100).decode(), password="pw")
    issued = rcl.current(target())
    assert issued is not None
    assert rcl.collect(target(), issued).pfx == b"\x30" * 100
    assert service.storage.seen == []


def test_a_pfx_string_that_is_no_base64_is_refused(rcl: Rcl, service: Service):
    service.holds(pfxString="***")
    issued = rcl.current(target())
    assert issued is not None
    with pytest.raises(errors.BadReply, match="base64"):
        rcl.collect(target(), issued)


def test_a_missing_chain_is_told_with_the_fields_that_were_there(rcl: Rcl, service: Service):
    service.holds("certCrtUrl", "keyUrl")
    issued = rcl.current(target())
    assert issued is not None
    with pytest.raises(errors.BadReply, match="certCrtUrl, keyUrl"):
        rcl.collect(target(), issued)


@pytest.mark.fault(26)
def test_links_that_the_storage_refuses_are_asked_for_anew(rcl: Rcl, service: Service):
    service.holds("pemUrl")
    issued = rcl.current(target())
    assert issued is not None
    replies = iter([answer(403, "<Error>AuthenticationFailed</Error>"), answer(404, ""), answer(200, b"PEM")])
    service.replies["pem"] = lambda _: next(replies)
    assert rcl.collect(target(), issued).pem == (b"PEM",)
    assert len(service.api.seen) == 3


@pytest.mark.fault(26)
def test_links_that_stay_refused_are_an_error_for_later(rcl: Rcl, service: Service):
    service.holds("pemUrl")
    issued = rcl.current(target())
    assert issued is not None
    service.replies["pem"] = lambda _: answer(403, "")
    with pytest.raises(errors.Temporary, match="pemUrl was answered with 403") as raised:
        rcl.collect(target(), issued)
    assert raised.value.stage == "download"
    assert len(service.storage.seen) == 4


@pytest.mark.fault(16, 19)
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(lambda _: answer(500, "oops"), errors.Temporary, id="500"),
        pytest.param(lambda _: answer(503, "", retry_after="7"), errors.Throttled, id="503"),
        pytest.param(lambda _: answer(200, ""), errors.BadReply, id="nothing"),
        pytest.param(lambda _: answer(200, " \n"), errors.BadReply, id="blanks"),
        pytest.param(lambda _: answer(200, "<!DOCTYPE html>"), errors.BadReply, id="a page"),
        pytest.param(
            lambda _: answer(200, "x", content_type="text/html"),
            errors.BadReply,
            id="what calls itself a page",
        ),
        pytest.param(
            lambda _: answer(302, "", location="http://127.0.0.1:1/"), errors.BadReply, id="a redirect"
        ),
        pytest.param(lambda _: answer(200, b"x" * (2 << 20)), errors.BadReply, id="two megabytes"),
        pytest.param(lambda _: answer(200, b"x", content_encoding="gzip"), errors.BadReply, id="compressed"),
        pytest.param(lambda _: answer(206, b"x"), errors.BadReply, id="a part of it"),
        pytest.param(
            lambda _: [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"], errors.Temporary, id="cut off"
        ),
        pytest.param(lambda _: [], errors.Temporary, id="no answer"),
    ],
)
def test_a_download_that_is_not_whole_is_no_material(
    rcl: Rcl, service: Service, reply: Callable[[Seen], object], kind: type[errors.TargetError]
):
    service.holds("certCrtUrl", "cabundleCrtUrl", "keyUrl")
    issued = rcl.current(target())
    assert issued is not None
    service.replies["key"] = reply
    with pytest.raises(errors.TargetError) as raised:
        rcl.collect(target(), issued)
    assert type(raised.value) is kind
    assert raised.value.stage == "download"
    assert "S1GNATURE" not in str(raised.value)


@pytest.mark.fault(96)
def test_a_link_to_another_machine_over_http_is_not_followed(rcl: Rcl, service: Service):
    service.certificate |= {"certificateDownloadUrl": {"pemUrl": "http://store.example/x?sig=S1GNATURE"}}
    issued = rcl.current(target())
    assert issued is not None
    with pytest.raises(errors.BadReply) as raised:
        rcl.collect(target(), issued)
    assert "S1GNATURE" not in str(raised.value)


@pytest.mark.fault(96)
def test_download_hosts_are_kept_to(service: Service, key_file: Path, clock: Clock):
    service.holds("pemUrl")
    issuer = make(service.api.url + "/public", key_file, clock, download_hosts=["store.example"])
    issued = issuer.current(target())
    assert issued is not None
    with pytest.raises(errors.BadReply, match="download_hosts"):
        issuer.collect(target(), issued)
    assert service.storage.seen == []


def test_there_is_nothing_to_validate(rcl: Rcl, service: Service):
    rcl.validate(target(), ORDER)
    assert service.api.seen == []


@pytest.mark.fault(2)
def test_an_api_that_is_not_there_is_unreachable(key_file: Path, clock: Clock):
    issuer = make(f"http://127.0.0.1:{free_port()}/public", key_file, clock)
    for call in (issuer.current, issuer.order, lambda one: issuer.finalize(one, ORDER)):
        with pytest.raises(errors.Unreachable, match="connection refused"):
            call(target())


def test_after_closing_no_call_is_made(rcl: Rcl, service: Service):
    rcl.close()
    with pytest.raises(errors.Unreachable, match="leaving"):
        rcl.order(target())
    assert service.api.seen == []


@pytest.mark.fault(5, 7, 8, 10, 12, 14, 15, 16, 17, 18, 19, 20, 22)
@pytest.mark.parametrize("situation", WRONG)
def test_a_wrong_answer_is_an_error_of_its_kind_and_asked_for_once(
    rcl: Rcl, service: Service, situation: str
):
    reply, *kinds = WRONG[situation]
    calls = {
        "certificate": lambda: rcl.current(target()),
        "order": lambda: rcl.order(target()),
        "finalize": lambda: rcl.finalize(target(), ORDER),
    }
    for (name, call), kind in zip(calls.items(), kinds, strict=True):
        service.replies = {name: reply}
        service.api.seen.clear()
        rcl._rejected = None
        with pytest.raises(errors.TargetError) as raised:
            call()
        assert type(raised.value) is kind, name
        assert len(service.api.seen) == 1
        assert str(raised.value).isprintable()


@pytest.mark.fault(20, 97)
def test_the_bearer_is_not_sent_to_where_a_redirect_leads(rcl: Rcl, service: Service):
    with scripted(lambda _: answer(200, "{}")) as elsewhere:
        service.replies["certificate"] = lambda _: answer(302, "", location=elsewhere.url)
        with pytest.raises(errors.BadReply):
            rcl.current(target())
        assert elsewhere.seen == []


CANARIES = (KEY, "S1GNATURE", "p4ssw0rd", "UEZYLUNBTkFSWQ")


@pytest.mark.fault(98)
@pytest.mark.parametrize("situation", [*WRONG, "all is well"])
def test_no_secret_is_shown_by_anything_that_is_handed_out(
    rcl: Rcl, service: Service, caplog: pytest.LogCaptureFixture, situation: str
):
    caplog.set_level(logging.DEBUG)
    service.holds("certCrtUrl", "cabundleCrtUrl", "keyUrl", password="p4ssw0rd", pfxString="UEZYLUNBTkFSWQ==")
    shown = [repr(rcl), repr(vars(rcl))]
    if situation != "all is well":
        service.replies = dict.fromkeys(("certificate", "order", "finalize"), WRONG[situation][0])
    service.replies["leaf"] = lambda _: answer(200, b"LEAF")
    issued = None
    for call in (
        lambda: rcl.current(target()),
        lambda: rcl.order(target()),
        lambda: rcl.finalize(target(), ORDER),
    ):
        try:
            issued = call()
            shown.append(repr(issued))
        except errors.TargetError as error:
            shown += [*traceback.format_exception(error), error.remedy]
    if isinstance(issued, Issued):
        shown.append(repr(rcl.collect(target(), issued)))
    for canary in CANARIES:
        assert canary not in "".join(shown)
        assert canary not in caplog.text


@pytest.mark.fault(98)
@pytest.mark.parametrize("echo", [str, quote, quote_plus], ids=["as it is", "as in a path", "as in a form"])
def test_an_echoed_key_is_hidden(rcl: Rcl, service: Service, key_file: Path, echo: Callable[[str], str]):
    key_file.write_text("k3y+of/the=tests")
    service.replies["certificate"] = lambda _: answer(400, f"bad: {echo('k3y+of/the=tests')}, see")
    with pytest.raises(errors.NotFinal, match=r"bad: \*\*\*, see"):
        rcl.current(target())
