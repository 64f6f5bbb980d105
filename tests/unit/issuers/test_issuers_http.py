"""The two clients: where the key goes, how long a call may take, and what is heard of it elsewhere."""

import logging
import socket
import ssl
import threading
import traceback
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import pytest
import trustme

from renewd import errors
from renewd.config.model import RclIssuer
from renewd.config.secrets import Secret
from renewd.issuers.http import LARGEST, Call, Reply, Web
from tests.scripted import Seen, Step, answer, scripted
from tests.servers import free_port

READ = Call("the certificate call", "api", 30)
COSTS = Call("the finalize call", "finalize", 30, costs=True)
KEY = Secret("k3y-of-the-tests")
SIGNATURE = "S1GNATURE"


def web(base_url: str, **more: object) -> Web:
    settings = {"type": "rcl", "subscription_id": "s", "api_key": {"env": "X"}, "base_url": base_url, **more}
    return Web(RclIssuer.model_validate(settings))


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def roots(ca: trustme.CA, tmp_path: Path) -> str:
    ca.cert_pem.write_to_path(tmp_path / "roots.pem")
    return str(tmp_path / "roots.pem")


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_an_api_of_a_private_ca_is_reached_with_its_roots(ca: trustme.CA, roots: str):
    with scripted(lambda _: answer(200, "{}"), serving(ca.issue_cert("localhost")), "localhost") as api:
        client = web(api.url, ca_file=roots)
        assert client.api("/x", KEY, READ).body == b"{}"
        assert client.download(f"{api.url}/y", READ).body == b"{}"
        assert [seen.headers.get("authorization") for seen in api.seen] == ["Bearer k3y-of-the-tests", None]


@pytest.mark.fault(3)
@pytest.mark.parametrize("call", [READ, COSTS], ids=["read", "finalize"])
@pytest.mark.parametrize(
    ("name", "until", "told"),
    [
        ("localhost", None, "not trusted"),
        ("other.example", None, "not trusted"),
        ("localhost", timedelta(days=-1), "expired"),
        ("localhost", timedelta(days=900), "not yet valid"),
    ],
    ids=["another CA", "another name", "expired", "not yet valid"],
)
def test_an_api_that_cannot_prove_itself_is_sent_nothing(
    ca: trustme.CA, roots: str, name: str, until: timedelta | None, told: str, call: Call
):
    issuer = trustme.CA() if told == "not trusted" and name == "localhost" else ca
    limits = (
        {}
        if until is None
        else {
            "not_before": datetime.now(UTC) + until - timedelta(days=800),
            "not_after": datetime.now(UTC) + until,
        }
    )
    with scripted(
        lambda _: answer(200, "{}"), serving(issuer.issue_cert(name, **limits)), "localhost"
    ) as api:
        with pytest.raises(errors.Unreachable, match=told) as raised:
            web(api.url, ca_file=roots).api("/x", KEY, call)
        assert api.seen == []
    assert ("clock" in raised.value.remedy) == (told != "not trusted")


@pytest.mark.fault(3)
def test_tls_before_1_2_is_refused(ca: trustme.CA, roots: str):
    old = serving(ca.issue_cert("localhost"))
    with warnings.catch_warnings(action="ignore"):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with (
        scripted(lambda _: answer(200, "{}"), old, "localhost") as api,
        pytest.raises(errors.Unreachable, match="TLS"),
    ):
        web(api.url, ca_file=roots).api("/x", KEY, READ)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_roots_that_cannot_be_read_are_told(tmp_path: Path, content: str | None):
    file = tmp_path / "roots.pem"
    if content is not None:
        file.write_text(content)
    client = web("https://localhost", ca_file=str(file))
    for call in (lambda: client.api("/x", KEY, READ), lambda: client.download("https://localhost/x", READ)):
        with pytest.raises(errors.Unreachable, match=r"roots\.pem"):
            call()


@pytest.mark.fault(4)
@pytest.mark.parametrize(
    ("call", "kind"), [(READ, errors.Temporary), (COSTS, errors.ReplyLost)], ids=["read", "finalize"]
)
def test_a_call_that_takes_too_long_is_over(call: Call, kind: type[errors.TargetError]):
    short = Call(call.what, call.stage, 0.2, call.costs)

    def drip(_: Seen) -> list[Step]:
        return [step for byte in answer(200, "x" * 500) for step in (bytes([byte]), 0.05)]

    with scripted(drip) as api, pytest.raises(kind, match="in time") as raised:
        web(api.url).api("/x", KEY, short)
    assert type(raised.value) is kind
    assert raised.value.stage == call.stage


@pytest.mark.parametrize(
    ("call", "kind"), [(READ, errors.Temporary), (COSTS, errors.ReplyLost)], ids=["read", "finalize"]
)
def test_closing_ends_a_call_under_way(call: Call, kind: type[errors.TargetError]):
    asked, failures = threading.Event(), []

    def script(_: Seen) -> list[Step]:
        asked.set()
        return [60.0]

    with scripted(script) as api:
        client = web(api.url)

        def run() -> None:
            try:
                client.api("/x", KEY, call)
            except errors.TargetError as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        assert asked.wait(30)
        client.close()
        thread.join(30)
    assert [type(failure) for failure in failures] == [kind]
    assert "leaving" in str(failures[0])


def test_the_environments_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with scripted(lambda _: answer(200, "{}")) as api:
        assert web(api.url).api("/x", KEY, READ).status == 200


def test_a_configured_proxy_is_used():
    with scripted(lambda _: answer(200, "{}")) as proxy:
        client = web("http://127.0.0.1:9/public", proxy=proxy.url)
        assert client.api("/x", KEY, READ).status == 200
    assert proxy.targets == ["http://127.0.0.1:9/public/x"]


@pytest.mark.fault(2)
def test_a_proxy_that_refuses_has_sent_nothing():
    with scripted(lambda _: answer(407, "")) as proxy, pytest.raises(errors.Unreachable, match="407"):
        web("https://rclapi.invalid", proxy=proxy.url).api("/x", KEY, COSTS)


@pytest.mark.fault(97)
@pytest.mark.parametrize("path", ["@evil.example/x", ":1/x", ".evil.example/x"])
def test_the_key_does_not_leave_the_apis_address(path: str):
    with scripted(lambda _: answer(200, "{}")) as api:
        with pytest.raises(errors.TargetError):
            web("http://localhost").api(path, KEY, READ)
        assert api.seen == []


def test_a_base_url_that_is_none_is_told():
    with pytest.raises(errors.TargetError):
        Web(RclIssuer.model_construct(base_url="http://[::1", **_rest())).api("/x", KEY, READ)


def _rest() -> dict[str, object]:
    good = RclIssuer.model_validate({"type": "rcl", "subscription_id": "s", "api_key": {"env": "X"}})
    return {name: getattr(good, name) for name in RclIssuer.model_fields if name != "base_url"}


@pytest.mark.fault(96)
def test_a_download_from_a_private_address_is_not_made(monkeypatch: pytest.MonkeyPatch):
    def resolver(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with pytest.raises(errors.Unreachable, match=r"10\.0\.0\.7, which is not a public address"):
        web("https://rclapi.invalid").download("https://store.example/x", READ)


@pytest.mark.fault(96)
@pytest.mark.parametrize(
    ("address", "allowed"), [("10.0.0.7", True), ("169.254.169.254", False), ("::1", False)]
)
def test_where_the_api_stands_in_a_network_of_ones_own_the_storage_may_too(
    monkeypatch: pytest.MonkeyPatch, address: str, allowed: bool
):
    client = web("https://rclapi.invalid")
    client._inside = True
    found = {"store.example": address}
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found[host], port))],
    )
    tried: list[str] = []

    def connect(_: object, host: str, *__: object) -> None:
        tried.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with pytest.raises(errors.Unreachable):
        client.download("https://store.example/x", READ)
    assert tried == ([address] if allowed else [])


@pytest.mark.fault(96)
def test_what_is_connected_to_is_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch):
    """A name service that gives another answer the second time is not asked a second time."""
    answers = iter(["93.184.216.34", "10.0.0.7"])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 443))],
    )
    tried: list[str] = []

    def connect(_: object, host: str, *__: object) -> None:
        tried.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with pytest.raises(errors.Unreachable):
        web("https://rclapi.invalid").download("https://store.example/x", READ)
    assert tried == ["93.184.216.34"]


@pytest.mark.fault(19)
@pytest.mark.parametrize("size", [LARGEST, LARGEST + 1])
def test_an_answer_of_a_megabyte_is_the_largest(size: int):
    with scripted(lambda _: answer(200, b"x" * size)) as api:
        client = web(api.url)
        if size == LARGEST:
            assert len(client.api("/x", KEY, READ).body) == size
        else:
            with pytest.raises(errors.BadReply, match="1 MiB"):
                client.api("/x", KEY, READ)


@pytest.mark.fault(19)
def test_an_endless_answer_is_cut_off_when_it_is_too_large():
    sent = []

    def endless(_: Seen):
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        for _ in range(1 << 14):
            sent.append(1 << 16)
            yield b"x" * (1 << 16)

    with scripted(endless) as api, pytest.raises(errors.ReplyLost):
        web(api.url).api("/x", KEY, COSTS)
    assert sum(sent) < 1 << 26  # what the sockets hold, and no gigabyte


@pytest.mark.fault(19)
def test_an_endless_error_page_is_read_as_far_as_it_matters():
    with scripted(lambda _: [b"HTTP/1.1 500 No\r\n\r\n", *[b"x" * (1 << 16)] * 64]) as api:
        assert web(api.url).api("/x", KEY, READ).status == 500


def test_the_headers_that_matter_are_kept():
    with scripted(
        lambda _: answer(429, "no", retry_after="7", date="D", content_type="Text/Plain; charset=x")
    ) as api:
        reply = web(api.url).api("/x", KEY, READ)
    assert reply == Reply(429, "text/plain", "D", "7", b"no", reply.headers)
    assert reply.headers["content-type"] == "Text/Plain; charset=x"
    assert "no" not in repr(reply)


def test_calls_run_side_by_side():
    both = threading.Barrier(2, timeout=30)

    def together(_: Seen) -> bytes:
        both.wait()
        return answer(200, "{}")

    with scripted(together) as api:
        client = web(api.url)
        threads = [threading.Thread(target=client.api, args=("/x", KEY, READ)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(api.seen) == 2


BROKEN: dict[str, Callable[[Seen], object]] = {
    "no answer": lambda _: [],
    "a reset": lambda _: ["reset"],
    "no HTTP": lambda _: b"\x00\x01\r\n\r\n",
    "a redirect with a secret": lambda _: answer(302, "", location=f"https://x.example/?sig={SIGNATURE}"),
    "two megabytes": lambda _: answer(200, b"x" * (2 << 20)),
    "compressed": lambda _: answer(200, b"x", content_encoding="gzip"),
}


@pytest.mark.fault(98)
@pytest.mark.parametrize("way", BROKEN)
def test_no_error_and_no_log_shows_a_secret(way: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with scripted(BROKEN[way]) as api:
        client = web(api.url)
        for call in (
            lambda: client.api("/x", KEY, READ),
            lambda: client.api("/x", KEY, COSTS),
            lambda: client.download(f"{api.url}/x?sig={SIGNATURE}", READ),
        ):
            try:
                shown = repr(call())
            except errors.TargetError as error:
                shown = "".join(traceback.format_exception(error)) + repr(error) + error.remedy
            assert KEY.reveal() not in shown
            assert SIGNATURE not in shown
    assert KEY.reveal() not in caplog.text
    assert SIGNATURE not in caplog.text
