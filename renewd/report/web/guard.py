"""Who may ask, and how every answer is fenced in: methods, Host, token, and the headers that keep a browser careful.

Without a token the page answers to this machine's own names only, so that no foreign web page can have its visitors'
browsers read it under a name that it makes resolve to 127.0.0.1.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, MutableMapping
from email.utils import format_datetime
from typing import Any

from renewd.clock import Clock
from renewd.config import addresses
from renewd.config.secrets import Secret

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Any]
Refusal = tuple[int, str]
Headers = list[tuple[bytes, bytes]]

METHODS = ("GET", "HEAD")
LONGEST = 2048  # characters of path and query together
LARGEST = 16_384  # characters of all headers
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_BODY = (b"content-length", b"transfer-encoding")
_CHALLENGE = 'Basic realm="renewd", charset="UTF-8"'


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, clock: Clock, token: Secret | None) -> None:
        self._app = app
        self._clock = clock
        self._token = token

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Answer, or refuse in a line of text."""

        async def fenced(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers(message)]
            await send(message)

        if scope["type"] != "http":  # there is no other conversation here
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, fenced)
            return
        status, why = refusal
        headers = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(why) + 1)}
        headers |= {"www-authenticate": _CHALLENGE} if status == 401 else {}  # noqa: PLR2004 - RFC 9110 §11.6.1
        headers |= {"allow": ", ".join(METHODS)} if status == 405 else {}  # noqa: PLR2004 - RFC 9110 §10.2.1
        await fenced({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
        body = b"" if scope["method"] == "HEAD" else f"{why}\n".encode()
        await fenced({"type": "http.response.body", "body": body})

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        given = {name for name, _ in message["headers"]}
        own = {
            **HEADERS,
            "cache-control": "no-store",
            "date": format_datetime(self._clock.now(), usegmt=True),
        }
        return [(name, value) for name, value in _encoded(own) if name not in given]

    def _refusal(self, scope: Message) -> Refusal | None:
        if scope["method"] not in METHODS:
            return 405, "renewd's page is read only: GET and HEAD are all it takes"
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST:
            return 414, "this address is too long"
        refusal = _odd(scope["headers"])
        if refusal is None and scope["http_version"] not in ("1.0", "1.1"):
            refusal = 400, "this page speaks HTTP/1.1"
        if refusal is not None or (scope["server"] is not None and scope["server"][1] is None):
            return refusal  # at a Unix socket who may use the file may ask
        return self._stranger(dict(scope["headers"]))

    def _stranger(self, headers: dict[bytes, bytes]) -> Refusal | None:
        """What speaks against somebody who comes by TCP."""
        if self._token is not None:
            right = shown(headers.get(b"authorization", b""), self._token)
            return None if right else (401, "the token is missing or not the right one")
        if not local(headers.get(b"host", b"")):
            return 421, "this name is not this machine's: ask for 127.0.0.1, or through the Unix socket"
        return None


def _odd(headers: Headers) -> Refusal | None:
    """What no reader of a page sends."""
    if sum(len(name) + len(value) for name, value in headers) > LARGEST:
        return 431, "these headers are too large"
    for wanted in (b"host", b"authorization"):
        if sum(name == wanted for name, _ in headers) > 1:
            return 400, f"several {wanted.decode()} headers"
    bodies = [name for name, value in headers if name in _BODY and value.strip() != b"0"]
    return (400, "nothing is taken here but an address") if bodies else None


def local(host: bytes) -> bool:
    """Whether a Host header names this machine by its own names, with a port or without."""
    text = host.decode("ascii", "replace")
    name = text if text.endswith("]") or ":" not in text else text.rpartition(":")[0]
    return addresses.is_loopback(name.removeprefix("[").removesuffix("]").lower())


def shown(authorization: bytes, token: Secret) -> bool:
    """Whether the header shows the token: as it is after Bearer, or as any user's password after Basic."""
    scheme, _, said = authorization.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            said = base64.b64decode(said.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
    elif scheme.lower() != b"bearer":
        return False
    return hmac.compare_digest(said.strip(), token.reveal().encode())


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
