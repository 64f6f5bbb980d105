"""The two ways out: to the API, with the key and to one origin only, and to downloads, without any key.

What an exception of httpx, httpcore, ssl or the sockets means is decided here, once, by two questions: did any of
the request go out, and does the call cost something if it did?
"""

import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import httpcore
import httpx

import renewd
from renewd import deadline
from renewd.config.issuing import RclIssuer, RclV8Issuer
from renewd.config.secrets import Secret
from renewd.errors import BadReply, ReplyLost, TargetError, Temporary, Unreachable
from renewd.issuers import links, ways

LARGEST = 1 << 20  # bytes of an answer; the longest chain that is allowed is an eighth of it
LARGEST_REFUSAL = 1 << 16  # bytes that are read of an error page
HEADERS = {
    "User-Agent": f"renewd/{renewd.__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # 194 KB of gzip can become 200 MB
    "Cache-Control": "no-store",  # order and finalize are GETs that a proxy would believe it may repeat
    "Connection": "close",
}
FOREIGN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
    OSError,  # ssl.SSLError among them
    UnicodeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Call:
    """What a call is called, at which stage of a renewal, how long it may take, and whether it costs budget.

    `public` says that everybody is answered alike, so that what a cache had kept is as good (RFC 9111).
    """

    what: str
    stage: str
    seconds: float
    costs: bool = False
    public: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    kind: str  # the media type, lower-case; empty if there is none
    date: str
    retry_after: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # by lower-case name


class Web:
    """Both ways out of one issuer. Each call has a connection of its own: no cookies, no redirects, no second try."""

    def __init__(self, settings: RclIssuer | RclV8Issuer) -> None:
        self._settings = settings
        self._base = settings.base_url.rstrip("/")
        self._lock = threading.Lock()
        self._running: set[deadline.Deadline] = set()
        self._closed = False
        self._inside = False  # the API itself was found in a network of somebody's own

    def api(self, path: str, key: Secret, call: Call, body: bytes | None = None) -> Reply:
        """GET of a path below the base URL with the key, or POST where there is a body of JSON.

        Raises Unreachable, ReplyLost, Temporary or BadReply.
        """
        network = deadline.Deadline(call.seconds)
        with self._foreign(call, network):
            request = self._request(self._base + path, body)
            request.headers["Authorization"] = f"Bearer {key.reveal()}"
            self._assert_origin(request)
            reply = self._read(network, self._api_context, request, call)
        self._inside = links.is_inside(network.address)
        return reply

    def download(self, url: str, call: Call) -> Reply:
        """GET of a pre-signed link, without the key. Raises Unreachable, Temporary or BadReply."""
        try:
            links.check(url, self._settings.download_hosts, near=self.near)
        except ValueError as error:
            raise BadReply(f"{call.what}: {error}", stage=call.stage) from None
        network = deadline.Deadline(call.seconds, permit=self._permit())
        with self._foreign(call, network):
            return self._read(network, self._download_context, self._request(url), call)

    def close(self) -> None:
        """End the calls under way, and let none begin."""
        with self._lock:
            self._closed = True
            running = tuple(self._running)
        for network in running:
            network.abort()

    @property
    def near(self) -> bool:
        """Whether the API is on a loopback address, as a sandbox is."""
        return links.is_near(self._base)

    @cached_property
    def _api_context(self) -> ssl.SSLContext:
        return ways.context(self._settings.ca_file, instead=True)

    @cached_property
    def _download_context(self) -> ssl.SSLContext:
        return ways.context(self._settings.ca_file, instead=False)  # storage is another party's

    def _permit(self) -> deadline.Permit | None:
        """Which addresses downloads may come from; where there is a proxy it looks names up, and stands anywhere."""
        if self.near or self._settings.proxy is not None:
            return None
        if self._inside:
            return lambda address: links.is_public(address) or links.is_inside(address)
        return links.is_public

    def _request(self, url: str, body: bytes | None = None) -> httpx.Request:
        timeout = {"timeout": {"connect": self._settings.timeout.connect.total_seconds()}}
        if body is None:
            return httpx.Request("GET", url, headers=HEADERS, extensions=timeout)
        headers = {**HEADERS, "Content-Type": "application/json"}
        return httpx.Request("POST", url, content=body, headers=headers, extensions=timeout)

    def _read(
        self, network: deadline.Deadline, context: ssl.SSLContext, request: httpx.Request, call: Call
    ) -> Reply:
        transport = deadline.Transport(network, context, ways.proxy(self._settings.proxy))
        with closing(transport.handle_request(request)) as response:
            return read(response.status_code, dict(response.headers), response.iter_raw(), call)

    def _assert_origin(self, request: httpx.Request) -> None:
        """The key goes to the configured scheme, host and port, and nowhere else."""
        base, url = httpx.URL(self._base), request.url
        if (url.scheme, url.host, url.port, url.userinfo) != (base.scheme, base.host, base.port, b""):
            raise BadReply("the request would have left the API's own address; it was not sent")

    @contextmanager
    def _foreign(self, call: Call, network: deadline.Deadline) -> Iterator[None]:
        """Every exception that is not ours, as one of ours."""
        with self._lock:
            if self._closed:
                raise Unreachable(f"{call.what} was not made: renewd is leaving", stage=call.stage)
            self._running.add(network)
        try:
            yield
        except FOREIGN as error:
            raise mapped(error, call, network) from error
        finally:
            with self._lock:
                self._running.discard(network)


def unusable(call: Call, why: str) -> TargetError:
    """An answer of 200 that cannot be used: what it stands for may well have been done, so costly calls are lost ones."""
    if call.costs:
        return ReplyLost(f"{call.what} was answered, but not usably: {why}", stage=call.stage)
    return BadReply(f"{call.what} was answered, but not usably: {why}", stage=call.stage)


def mapped(
    error: Exception, call: Call, network: deadline.Deadline, setting: str = "base_url"
) -> TargetError:
    """One of ours for an exception of the network's, by what went out before it and what the call costs.

    `setting` is the one that says where the service is.
    """
    why = "ended, because renewd is leaving" if network.aborted else deadline.words(error)
    if not network.sent:
        what = "could not be asked for" if call.public else "was not sent"
        return Unreachable(f"{call.what} {what}: {why}", stage=call.stage, remedy=_remedy(why, setting))
    if call.costs:
        return ReplyLost(f"{call.what} was sent, its answer is lost: {why}", stage=call.stage)
    return Temporary(f"{call.what} failed: {why}", stage=call.stage)


def _remedy(why: str, setting: str) -> str:
    if "expired" in why or "not yet valid" in why:
        return "Check this machine's clock first, then the server's certificate."
    if "not trusted" in why or "TLS" in why:
        return f"Check {setting}, and ca_file where the server's certificate is of a private CA."
    return f"Check {setting}, the name service, the firewall and the proxy."


def read(status: int, headers: Mapping[str, str], parts: Iterable[bytes], call: Call) -> Reply:
    """The whole answer, as far as it is as large and as plain as it may be; `headers` by lower-case name.

    A redirect is an answer like others. Raises what `unusable` gives.
    """
    whole = httpx.codes.is_success(status)
    encoded = headers.get("content-encoding", "identity").strip().lower() != "identity"
    if whole and encoded:
        raise unusable(call, "it is compressed, which was not asked for")
    if whole and not call.public and headers.get("age", "0").strip() != "0":
        raise unusable(call, "it is an old one, which a proxy had kept")
    return Reply(
        status=status,
        kind=headers.get("content-type", "").partition(";")[0].strip().lower(),
        date=headers.get("date", ""),
        retry_after=headers.get("retry-after", ""),
        body=b"" if encoded else _body(parts, call, whole=whole),
        headers=headers,
    )


def _body(parts: Iterable[bytes], call: Call, *, whole: bool) -> bytes:
    body = bytearray()
    for part in parts:
        body += part
        if whole and len(body) > LARGEST:
            raise unusable(call, f"it is larger than {LARGEST >> 20} MiB")
        if not whole and len(body) >= LARGEST_REFUSAL:
            break
    return bytes(body)
