"""Wrong answers of the API and its storage: each ends as one of our errors, in time, and nothing is asked for twice."""

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renewd import errors
from renewd.certs.keys import load_key, matches
from renewd.certs.order import Order, OrderStatus
from renewd.config.model import Certificate, RclIssuer
from renewd.config.secrets import Secret
from renewd.config.targets import Target
from renewd.issuers import rcl_refusals, rcl_wire
from renewd.issuers.http import Call, Reply
from renewd.issuers.rcl import Rcl
from renewd.renewal import events, passes
from renewd.sandbox.faults import KINDS
from tests.clocks import FakeClock
from tests.faults import figures
from tests.faults.hostile.replies import BOMB, WRONG
from tests.scripted import Scripted, Seen, Step, answer, answer_json, scripted
from tests.world import World, results

ALL = os.environ.get("RENEWD_SWEEP") == "all"
NAME = "contoso.com"
KEY = "k3y-of-the-tests"
TARGET = Target(NAME, Certificate.model_construct(), "main")
ORDER = Order("https://acme.example/order/1", OrderStatus.READY)
NOW = FakeClock().now()
LIMIT = 1.5  # seconds; every slow answer would take several times as long


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Callable[..., Rcl]:
    """An issuer at this address."""
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o600)

    def make(base_url: str, **more: object) -> Rcl:
        settings = {
            "type": "rcl",
            "subscription_id": "s",
            "api_key": {"file": str(file)},
            "base_url": base_url,
        }
        return Rcl("main", RclIssuer.model_validate({**settings, **more}), clock)

    return make


def test_the_corpus_is_as_large_as_promised():
    assert len(WRONG) + len(STORED) + len(SLOW) >= 40
    figures.record("wrong replies", kinds=len(WRONG) + len(STORED) + len(SLOW))


SLOW: dict[str, Callable[[Seen], object]] = {
    "a head that drips": lambda _: drip(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 500),
    "a head without an end": lambda _: [b"HTTP/1.1 200 OK\r\n", *[step for _ in range(200) for step in (b"x: y\r\n", 0.05)]],
    "continuations that drip": lambda _: [step for _ in range(200) for step in (b"HTTP/1.1 100 Continue\r\n\r\n", 0.05)],
    "a body that drips": lambda _: drip(answer(200, "x" * 500)),
    "chunks that drip": lambda _: [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *[step for _ in range(200) for step in (b"1\r\nx\r\n", 0.05)]],
    "an error page that drips": lambda _: drip(answer(502, "x" * 500)),
    "silence": lambda _: [20.0],
    "silence after the head": lambda _: [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", 20.0],
}  # fmt: skip


def drip(content: bytes) -> list[Step]:
    """A byte now and then: each read is fast enough, the whole never is."""
    return [step for byte in content for step in (bytes([byte]), 0.05)]


@pytest.mark.fault(4, 5, 7, 8)
@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_a_slow_answer_is_over_when_its_time_is(make: Callable[..., Rcl], script: Callable[[Seen], object]):
    with scripted(script) as api:  # type: ignore[arg-type]
        rcl = make(api.url, timeout={"connect": "1s", "read": "1s"})
        shorter(rcl)
        for call, kind in (
            (lambda: rcl.current(TARGET), errors.Temporary),
            (lambda: rcl.finalize(TARGET, ORDER), errors.ReplyLost),
        ):
            with pytest.raises(kind, match=r"in time|broke off"):
                call()
        assert len(api.seen) <= 2


def shorter(rcl: Rcl) -> None:
    rcl._certificate = Call("the certificate call", "api", LIMIT)
    rcl._finalize = Call("the finalize call", "finalize", LIMIT, costs=True)


STORED: dict[str, tuple[Callable[[Seen], object], type[errors.TargetError]]] = {
    "a bomb of gzip": (lambda _: answer(200, BOMB, content_encoding="gzip"), errors.BadReply),
    "compressed with br": (lambda _: answer(200, b"\x1b", content_encoding="br"), errors.BadReply),
    "compressed with deflate": (lambda _: answer(200, b"x", content_encoding="deflate"), errors.BadReply),
    "compressed with zstd": (lambda _: answer(200, b"x", content_encoding="zstd"), errors.BadReply),
    "compressed in the transfer": (lambda _: b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", errors.Temporary),
    "no end": (lambda _: [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * (1 << 16)] * 64], errors.BadReply),
    "a page": (lambda _: answer(200, "<html>", content_type="text/html"), errors.BadReply),
    "a page of no kind": (lambda _: answer(200, "\n <!DOCTYPE html>"), errors.BadReply),
    "nothing": (lambda _: answer(200, " \n"), errors.BadReply),
    "an old one": (lambda _: answer(200, "x", age="3600"), errors.BadReply),
    "part of it": (lambda _: answer(206, "x"), errors.BadReply),
    "a redirect": (lambda _: answer(302, "", location="http://127.0.0.1:1/"), errors.BadReply),
    "a redirect to itself": (lambda seen: answer(301, "", location=seen.target), errors.BadReply),
    "it has run out": (lambda _: answer(403, "Signature not valid"), errors.Temporary),
    "it is gone": (lambda _: answer(410, ""), errors.Temporary),
    "a server in trouble": (lambda _: answer(500, ""), errors.Temporary),
    "too much asked": (lambda _: answer(429, "", retry_after="x"), errors.Throttled),
    "cut off": (lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", errors.Temporary),
    "a reset": (lambda _: ["reset"], errors.Temporary),
    "no HTTP": (lambda _: b"\0\0\0", errors.Temporary),
}  # fmt: skip


@pytest.mark.fault(19, 20, 26)
@pytest.mark.parametrize(("script", "kind"), STORED.values(), ids=STORED)
def test_a_wrong_download_is_no_material(
    make: Callable[..., Rcl], script: Callable[[Seen], object], kind: type[errors.TargetError]
):
    with scripted(script) as storage, holding(storage) as api:  # type: ignore[arg-type]
        rcl = make(api.url)
        issued = rcl.current(TARGET)
        assert issued is not None
        with pytest.raises(kind) as raised:
            rcl.collect(TARGET, issued)
        assert "S1GNATURE" not in str(raised.value)
        assert all("authorization" not in seen.headers for seen in storage.seen)
        assert all("finalize" not in target and "order" not in target for target in api.targets)


def holding(storage: Scripted, link: str = ""):
    """An API whose certificate is kept there."""
    url = link or f"{storage.url}/blob?sig=S1GNATURE"
    return scripted(
        lambda _: answer_json({"certificateName": NAME, "certificateDownloadUrl": {"pemUrl": url}})
    )


LINKS = (
    "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/x", "http://[fe80::1]/x", "http://0.0.0.0/x",
    "file:///etc/shadow", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "data:text/plain,x", "//127.0.0.1/x",
    "http://user:word@127.0.0.1/x", "http://127.0.0.1@10.0.0.1/x", "http://127.0.0.1:99999/x", "http://localhost.evil.example/x",
    "http://127.0.0.1\\@10.0.0.1/x", "http://2130706433/x", "http://127.1/x", "http://①②⑦.0.0.1/x", "http://127.0.0.1/x\r\nX: y",
    "HTTP://EVIL.example/x", "https:///x", "https://", "", " ", "x" * 5000,
)  # fmt: skip


@pytest.mark.fault(96, 97)
@pytest.mark.parametrize("link", LINKS)
def test_a_link_to_somewhere_else_is_not_followed(make: Callable[..., Rcl], link: str):
    with scripted(lambda _: answer(200, "x")) as storage, holding(storage, link or " ") as api:
        rcl = make(api.url)
        issued = rcl.current(TARGET)
        assert issued is not None
        with pytest.raises(errors.BadReply):
            rcl.collect(TARGET, issued)
        assert storage.seen == []


@pytest.mark.fault(20, 97)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["another origin", "the same", "relative"])
def test_no_redirect_is_followed_and_the_key_stays_with_the_api(
    make: Callable[..., Rcl], status: int, where: str
):
    with scripted(lambda _: answer(200, "{}")) as other:
        there = {"another origin": other.url, "relative": "/public/again"}

        def script(seen: Seen) -> bytes:
            origin = f"http://{seen.headers['host']}/again"
            return answer(status, "", location=there.get(where, origin))

        with scripted(script) as api:
            rcl = make(api.url)
            for call in (rcl.current, rcl.order, lambda target: rcl.finalize(target, ORDER)):
                with pytest.raises(errors.BadReply):
                    call(TARGET)
            assert len(api.seen) == 3
        assert other.seen == []


ADDRESSES = (
    "https://acme.example/order/1?x=y&orderuri=https://evil.example/", "https://acme.example/a%0d%0ab", "https://acme.example/../../x",
)  # fmt: skip


@pytest.mark.fault(25)
@pytest.mark.parametrize("uri", ADDRESSES)
def test_an_orders_address_stays_one_value_of_the_query(make: Callable[..., Rcl], uri: str):
    with scripted(lambda _: answer_json({"certificateName": NAME})) as api:
        make(api.url).finalize(TARGET, Order(uri, OrderStatus.READY))
    target = api.targets[0]
    assert target.count("?") == 1
    assert "&" not in target
    assert target.endswith(f"/finalize?orderuri={quote(uri, safe='')}")


# Any JSON at all, through the reading of both documents.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("certificateName", "orderUri", "issueDate", "expiryDate", "certificateDownloadUrl", "pfxString", "password",
          "status", "validationTokens", "CERTIFICATENAME")  # fmt: skip
TOKENS = st.lists(
    st.fixed_dictionaries(
        {}, optional={name: JSON | st.sampled_from([NAME, "http", "../x", "a\n"]) for name in ("tokenName", "tokenValue", "challengeType", "domain")}
    ),
    max_size=3,
)  # fmt: skip
DOCUMENTS = st.dictionaries(
    st.sampled_from(FIELDS),
    JSON | st.sampled_from([NAME, ORDER.uri, "ready", "2026-11-23T12:00:00"]) | TOKENS,
)
EXAMPLES = 10_000 if ALL else 100


@pytest.mark.fault(18, 22, 25)
@settings(max_examples=EXAMPLES)
@given(DOCUMENTS)
def test_whatever_a_document_says_is_read_or_refused_in_words(document: dict[str, object]):
    read(json.dumps(document).encode(), "application/json")
    figures.record("malformed replies", tried=1)


@pytest.mark.fault(17, 18)
@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=60), st.integers(0, 400), st.sampled_from(["", "application/json", "text/plain"]))
def test_whatever_is_done_to_a_document_it_is_read_or_refused_in_words(noise: bytes, at: int, kind: str):
    whole = json.dumps({"certificateName": NAME, "orderUri": ORDER.uri, "status": "pending", "validationTokens": [
        {"tokenName": "x", "tokenValue": "y", "challengeType": "http", "domain": NAME}]}).encode()  # fmt: skip
    read(whole[:at] + noise + whole[at + len(noise) :], kind)
    figures.record("malformed replies", tried=1)


def read(body: bytes, kind: str) -> None:
    """Both readings of it; raises whatever is not ours."""
    data = known(lambda: rcl_wire.decode(body, kind))
    if data is None:
        return
    certificate = known(lambda: rcl_wire.certificate(data, NAME))
    order = known(lambda: rcl_wire.order(data, (NAME,), near=False))
    assert certificate is None or (certificate.order_uri or "").isprintable()
    assert order is None or order.uri.startswith("https://")


def known(reading: Callable[[], Any]) -> Any:
    """What is read; None where it is refused in words."""
    try:
        return reading()
    except ValueError as error:
        words = str(error)
    assert words.isprintable()
    assert len(words) < 700
    return None


@pytest.mark.fault(11, 13, 15, 100)
@settings(max_examples=EXAMPLES)
@given(
    st.integers(201, 599), st.binary(max_size=200) | st.text().map(str.encode), st.text(max_size=40), st.text(max_size=40)
)  # fmt: skip
def test_whatever_a_refusal_says_is_told_in_one_printable_line(
    status: int, body: bytes, date: str, retry_after: str
):
    reply = Reply(status, "text/plain", date, retry_after, body)
    figures.record("malformed replies", tried=1)
    for call in (Call("the order call", "order", 60, costs=True), Call("the certificate call", "api", 60)):
        told = rcl_refusals.refusal(reply, call, NOW, (Secret(KEY),))
        assert told is not None
        assert str(told).isprintable()
        assert len(str(told)) < 600
        if isinstance(told, errors.Temporary) and told.retry_after is not None:
            assert timedelta(0) <= told.retry_after <= timedelta(hours=24)


# The same through the whole engine.


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    yield world
    world.close()


SLOW_HERE = {"drip", "drip-head", "delay", "delay-reply"}  # in real time; tested above
SMALL = {"huge": "huge=2", "gzip": "gzip=2"}
SPOILT = [
    (call, SMALL.get(kind, kind))
    for call in ("order", "finalize", "certificate", "download")
    for kind, fault in KINDS.items()
    if call in fault.calls and kind not in SLOW_HERE
]


@pytest.mark.fault(7, 8, 10, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23)
@pytest.mark.parametrize(("call", "fault"), SPOILT if ALL else SPOILT[::17], ids=str)
def test_no_wrong_answer_makes_a_second_order_or_touches_what_is_live(
    world: World, clock: FakeClock, call: str, fault: str
):
    world.sandbox.seed(NAME, days_left=35)
    context = world.context(NAME)
    passes.run(context, context.loaded.targets)
    before = world.live(NAME)
    world.sandbox.portal.holdings[NAME].validated_at = None
    clock.advance(timedelta(days=10))
    world.sandbox.fault(call, fault)
    outcome = results(passes.run(context, context.loaded.targets))[NAME]
    assert world.calls(NAME, "order") <= 1 + (outcome == "renewed")
    assert (
        world.calls(NAME, "finalize") <= 2
    )  # an answered failure is asked for again, once it is seen to be one
    assert world.sandbox.portal.holdings[NAME].issued <= 1
    assert (world.live(NAME) == before) == (outcome != "renewed")
    for failed in world.told(events.Failed):
        assert "defect" not in f"{failed.message} {failed.remedy}"


@pytest.mark.fault(27, 28)
@pytest.mark.parametrize(
    ("link", "fault"),
    [("certCrtUrl", "swap-mid-download"), ("cabundleCrtUrl", "swap-mid-download"), ("cabundleCrtUrl", "status=500"), ("keyUrl", "cut")],
)  # fmt: skip
def test_what_is_installed_was_downloaded_whole_and_of_one_issue(world: World, link: str, fault: str):
    world.sandbox.seed(NAME, days_left=None)
    world.sandbox.fault(link, fault)
    context = world.context(NAME)
    for _ in range(3):
        if results(passes.run(context, context.loaded.targets))[NAME] == "renewed":
            break
        world.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    live = world.folder / "live" / NAME
    assert matches(load_key((live / "privkey.pem").read_bytes()), world.live(NAME))
    assert world.calls(NAME, "order") == world.calls(NAME, "finalize") == 1


@pytest.mark.fault(6)
@pytest.mark.parametrize(
    ("shakes", "kind"), [(True, errors.Unreachable), (False, errors.ReplyLost)], ids=["in the handshake", "after it"]
)  # fmt: skip
def test_a_connection_that_breaks_early_is_unknown_as_soon_as_a_byte_may_be_out(
    make: Callable[..., Rcl], shakes: bool, kind: type[errors.TargetError]
):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            if not shakes:
                connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        scheme = "https" if shakes else "http"
        with pytest.raises(errors.TargetError) as raised:
            make(f"{scheme}://127.0.0.1:{server.getsockname()[1]}").finalize(TARGET, ORDER)
        thread.join()
    assert type(raised.value) is kind
