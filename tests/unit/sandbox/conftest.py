"""A running sandbox, a customer that calls it over real HTTP, and a web server for the challenges."""

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from renewd.sandbox import Sandbox
from tests.clocks import FakeClock

ACME = "/.well-known/acme-challenge/"


class Customer:
    """Calls the API as a client of the vendor's does; nothing is retried, followed or believed."""

    def __init__(self, sandbox: Sandbox, client: httpx.Client) -> None:
        self.sandbox = sandbox
        self.client = client
        self.headers = {"Authorization": f"Bearer {sandbox.api_key}"}

    def url(self, name: str, call: str = "certificate") -> str:
        tail = "" if call == "certificate" else f"/{call}"
        encoded = quote(name, safe="")
        return f"{self.sandbox.base_url}/v1/subscription/{self.sandbox.subscription_id}/core/certificate/{encoded}{tail}"

    def ask(self, name: str, call: str = "certificate", **query: str) -> httpx.Response:
        return self.client.get(self.url(name, call), params=query, headers=self.headers)

    def finalize(self, name: str, uri: str) -> httpx.Response:
        return self.ask(name, "finalize", orderuri=uri)

    def ask_v8(self, name: str) -> httpx.Response:
        what = f"get/certificatename/{quote(name, safe='')}"
        return self.client.get(self.url_v8(what), headers=self.headers)

    def post_v8(self, what: str, document: Any) -> httpx.Response:
        return self.client.post(self.url_v8(what), json=document, headers=self.headers)

    def url_v8(self, what: str) -> str:
        return (
            f"{self.sandbox.base_url_v8}/ssl/certificate/subscription/{self.sandbox.subscription_id}/{what}"
        )

    def download(self, url: str, **headers: str) -> httpx.Response:
        return self.client.get(url, headers=headers)

    def control(self, method: str, what: str, document: Any = None) -> httpx.Response:
        return self.client.request(method, f"{self.sandbox.origin}/sandbox/{what}", json=document)

    def renewed(self, name: str) -> dict[str, Any]:
        """A certificate issued for an order that was born ready."""
        order = self.ask(name, "order").json()
        assert order["status"] == "ready"
        return dict(self.finalize(name, order["orderUri"]).json())


class Site:
    """What the world sees of the names: `answers` maps a path to a status, or a status with Location, or a body."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str]] = {}
        self.seen: list[tuple[str, str]] = []  # Host and path

    def prove(self, order: dict[str, Any]) -> None:
        for token in order["validationTokens"]:
            self.answers[ACME + token["tokenName"]] = (200, token["tokenValue"])


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def customer(sandbox: Sandbox) -> Iterator[Customer]:
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield Customer(sandbox, client)


@pytest.fixture
def site(sandbox: Sandbox) -> Iterator[Site]:
    """A web server at the port where the sandbox's CA looks."""
    shown = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.seen.append((self.headers["Host"], self.path))
            status, what = shown.answers.get(self.path, (404, "not here"))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", what)
            self.end_headers()
            self.wfile.write(what.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", sandbox.http_port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield shown
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def seeded(sandbox: Sandbox) -> Callable[..., str]:
    """A name in the portal."""

    def seed(name: str = "shopeneur.example", **wishes: Any) -> str:
        sandbox.seed(name, **wishes)
        return name

    return seed
