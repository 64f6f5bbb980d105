"""What each fault does to an answer: a table for the wire, one for the documents."""

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from http.client import responses
from typing import Any

from renewd.sandbox.faults import Armed
from renewd.sandbox.material import LINKS
from renewd.sandbox.wire import Reply, json_reply, text_reply

Document = dict[str, Any]
_PAGE = """<!DOCTYPE html><html><head><title>{0}</title></head>
<body><h1>{0}</h1><hr><center>Microsoft-Azure-Application-Gateway/v2</center></body></html>
"""
_MEGABYTE = 1 << 20
_BUSY = "Rate limit is exceeded. Try again in {} seconds."


def page(status: int) -> Reply:
    """An error page of the gateway."""
    text = _PAGE.format(f"{status} {responses.get(status, 'Unknown')}")
    return Reply(status, text.encode(), {"Content-Type": "text/html"})


def gateway(status: int, message: str) -> Reply:
    """An error of the gateway as JSON."""
    return json_reply({"statusCode": status, "message": message}, status)


def answered(value: str) -> Reply:
    """What `status=VALUE` answers: 500, 502-html, 429+30."""
    code, plus, later = value.partition("+")
    number, _, form = code.partition("-")
    status = int(number)
    if form == "html":
        reply = page(status)
    elif status in (400, 401, 403):
        reply = text_reply(status, "Access denied." if status != 400 else "Bad request.")  # noqa: PLR2004
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        reply = gateway(status, _BUSY.format(later or "30"))
    else:
        reply = gateway(status, responses.get(status, "Unknown"))
    return replace(reply, headers={**reply.headers, "Retry-After": later}) if plus else reply


def _redirect(to: str) -> Reply:
    return Reply(302, b"", {"Location": to})


def _cut(reply: Reply, _value: str) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2], promised=len(reply.body))


def _wrapped(reply: Reply) -> Reply:
    """Every value of a document in a list; a refusal in plain words holds no values."""
    if reply.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        return reply
    return replace(
        reply, body=json.dumps({key: [value] for key, value in json.loads(reply.body).items()}).encode()
    )


def _huge(reply: Reply, value: str) -> Reply:
    size = int(float(value) * _MEGABYTE)
    return replace(reply, body=b'{"id": "' + b"x" * size + b'"}')


def _gzip(reply: Reply, value: str) -> Reply:
    padded = reply.body + b" " * int(float(value) * _MEGABYTE)
    return replace(reply, body=gzip.compress(padded), headers={**reply.headers, "Content-Encoding": "gzip"})


BEFORE: dict[str, Callable[[str], Reply]] = {
    "reset-before": lambda _: Reply(reset=True),
    "status": answered,
    "text-400": lambda value: text_reply(400, value),
    "redirect": _redirect,
    "body": lambda value: replace(json_reply(None), body=value.encode()),
    "links-403": lambda _: text_reply(403, "Signature not valid in the specified time frame."),
}

AFTER: dict[str, Callable[[Reply, str], Reply]] = {
    "delay-reply": lambda reply, value: replace(reply, wait=reply.wait + float(value)),
    "lose-reply": lambda reply, _: replace(reply, silent=True),
    "reset-after": lambda reply, _: replace(reply, reset=True),
    "status-after": lambda _, value: answered(value),
    "drip": lambda reply, value: replace(reply, drip=float(value)),
    "drip-head": lambda reply, value: replace(reply, slow_head=float(value)),
    "html-200": lambda _, __: replace(page(503), status=200),
    "empty-200": lambda reply, _: replace(reply, status=200, body=b""),
    "truncated-json": lambda reply, _: replace(reply, body=reply.body[: len(reply.body) // 2]),
    "cut": _cut,
    "wrong-type": lambda reply, _: _wrapped(reply),
    "huge": _huge,
    "gzip": _gzip,
    "skew": lambda reply, value: replace(reply, skew=float(value)),
}


def before(faults: Iterable[Armed]) -> Reply | None:
    """The answer that takes the call's place, if one of the faults gives one."""
    for fault in faults:
        if fault.kind in BEFORE:
            return BEFORE[fault.kind](fault.value)
    return None


def after(reply: Reply, faults: Iterable[Armed]) -> Reply:
    """The answer with every fault that spoils it on its way."""
    for fault in faults:
        if fault.kind in AFTER:
            reply = AFTER[fault.kind](reply, fault.value)
    return reply


def _only(*links: str) -> Callable[[Document, str], Document]:
    def edit(document: Document, _value: str) -> Document:
        named = document["certificateDownloadUrl"] or {}
        kept = {link: named.get(link) if link in links else None for link in LINKS}
        return {**document, "certificateDownloadUrl": kept, "pfxString": None}

    return edit


def _other_uri(document: Document, value: str) -> Document:
    return {**document, "orderUri": value or "https://acme.sandbox.test/acme/order/40961/1"}


def _with_tokens(document: Document, **fields: str) -> Document:
    """The document with these fields in each of its tokens, which V8 calls otherwise than V7."""
    lists = {key: document[key] for key in ("validationTokens", "tokens") if key in document}
    return {
        **document,
        **{key: [{**token, **fields} for token in tokens or []] for key, tokens in lists.items()},
    }


def _other_name(document: Document, _value: str) -> Document:
    other = "somebody-else.example"
    names = dict.fromkeys(("certificateName", "rootDomain"), other)
    named = {**document, **names} if "certificateName" in document else document
    return _with_tokens(named, domain=other)


EDITS: dict[str, Callable[[Document, str], Document]] = {
    "null-links": lambda document, _: {
        **document,
        "certificateDownloadUrl": None,
        "pfxString": None,
        "password": None,
    },
    "only-pfx": _only("pfxUrl"),
    "only-pfx-string": lambda document, _: {**document, "certificateDownloadUrl": None},
    "only-pem": _only("pemUrl"),
    "only-fullchain": _only("fullchainCrtUrl", "keyUrl"),
    "missing-chain": _only("certCrtUrl", "keyUrl"),
    "other-order-uri": _other_uri,
    "other-name": _other_name,
    "hostile-token": lambda document, value: _with_tokens(document, tokenName=value),
}


def edited(document: Document, faults: Iterable[Armed]) -> Document:
    """The document with every fault that changes what it says."""
    for fault in faults:
        if fault.kind in EDITS:
            document = EDITS[fault.kind](document, fault.value)
    return document
