"""Looking at one's own challenge the way a CA does: plain HTTP, redirects followed, certificates not verified."""

import ssl
from collections.abc import Sequence

import httpcore
import httpx

from renewd import deadline
from renewd.certs.order import Token
from renewd.challenges import http01
from renewd.challenges.base import Sight

ONE = 10.0  # seconds for one token, all its redirects included
ALL = 30.0  # seconds for all of them
REDIRECTS = 10
LARGEST = 1 << 16  # bytes of a body
PORTS = {("http", None), ("https", None), ("http", 80), ("https", 443)}  # httpx drops a scheme's own port
_HEADERS = {"User-Agent": "renewd", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}


class _Unlike(Exception):
    """What was seen is not the proof; the message says what it was."""


def look(tokens: Sequence[Token], resolve: deadline.Resolve | None = None) -> tuple[Sight, ...]:
    """What is to be seen of each token; `resolve` says where to connect to instead of (host, port)."""
    whole = deadline.Deadline(ALL)
    return tuple(_sight(token, whole, resolve) for token in tokens)


def _sight(token: Token, whole: deadline.Deadline, resolve: deadline.Resolve | None) -> Sight:
    url = http01.url(token)
    try:
        network = deadline.Deadline(whole.left(ONE), resolve=resolve)
        _compare(_fetch(url, network), token)
    except _Unlike as error:
        return Sight(token, url, ok=False, saw=str(error))
    except httpx.InvalidURL:
        return Sight(token, url, ok=False, saw="a redirect to what is no URL")
    except (
        httpx.HTTPError,
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
    ) as error:
        return Sight(token, url, ok=False, saw=deadline.words(error))
    except (OSError, UnicodeError) as error:
        return Sight(token, url, ok=False, saw=deadline.words(error))
    return Sight(token, url, ok=True, saw="the right answer")


def _fetch(url: str, network: deadline.Deadline) -> bytes:
    """The body that is found at the URL or where it redirects to. Raises _Unlike for any status but 200."""
    transport = deadline.Transport(network, _unverified())
    for _ in range(REDIRECTS + 1):
        request = httpx.Request("GET", url, headers=_HEADERS)
        if (request.url.scheme, request.url.port) not in PORTS:
            raise _Unlike("a redirect to another port than 80 and 443, which a CA does not follow")
        response = transport.handle_request(request)
        try:
            if not response.has_redirect_location:
                return _body(response)
        finally:
            response.close()
        url = str(request.url.join(response.headers["location"]))
    raise _Unlike(f"more than {REDIRECTS} redirects")


def _body(response: httpx.Response) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise _Unlike(f"{response.status_code} {response.reason_phrase}".strip())
    body = b""
    for part in response.iter_raw():
        body += part
        if len(body) > LARGEST:
            raise _Unlike(f"a page of more than {LARGEST >> 10} KiB")
    return body


def _compare(body: bytes, token: Token) -> None:
    found = body.rstrip()  # trailing white space does not count: RFC 8555 §8.3
    if found != token.value.encode():
        start = found[:16].decode("ascii", "backslashreplace")
        raise _Unlike(f"another content: {start!a}, {len(found)} bytes" if found else "an empty page")


def _unverified() -> ssl.SSLContext:
    """A CA follows redirects to HTTPS without a look at the certificate: it is the one that is being renewed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
