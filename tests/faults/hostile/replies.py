"""Answers of the API that are not what it promises, and what each is to a read, to an order and to a finalize."""

import gzip
import zlib
from collections.abc import Callable

from renewd import errors
from tests.scripted import Seen, answer, answer_json

BOMB = gzip.compress(bytes(64 << 20))  # 64 KB that become 64 MB


def _json(data: object) -> Callable[[Seen], bytes]:
    return lambda _: answer_json(data)


def _text(
    body: str | bytes, kind: str = "application/json", status: int = 200, **headers: str
) -> Callable[[Seen], bytes]:
    return lambda _: answer(status, body, content_type=kind, **headers)


LOST, BAD, LATER = errors.ReplyLost, errors.BadReply, errors.Temporary
WRONG = {  # situation: the answer; what it is to a read, to an order, to a finalize
    "a page with 200": (_text("<html>hello</html>", "text/html"), BAD, LOST, LOST),
    "nothing with 200": (_text(""), BAD, LOST, LOST),
    "half of the JSON": (_text('{"certificateName": "contoso.com", "ord'), BAD, LOST, LOST),
    "a list": (_json([1, 2]), BAD, LOST, LOST),
    "null": (_json(None), BAD, LOST, LOST),
    "a number": (_json(7), BAD, LOST, LOST),
    "not a number": (_text('{"certificateName": NaN}'), BAD, LOST, LOST),
    "a field twice": (_text('{"orderUri": "a", "orderUri": "b"}'), BAD, LOST, LOST),
    "endless nesting": (_text('{"a":' * 100_000), BAD, LOST, LOST),
    "not UTF-8": (_text(b'{"certificateName": "\xff"}'), BAD, LOST, LOST),
    "UTF-16": (_text('{"orderUri": null}'.encode("utf-16")), BAD, LOST, LOST),
    "an empty object": (_json({}), BAD, BAD, LOST),
    "another object": (_json({"message": "ok"}), BAD, BAD, LOST),
    "wrong types": (_json({"status": [], "certificateName": 5, "orderUri": {}}), BAD, BAD, LOST),
    "another name": (_json({"certificateName": "evil.com", "status": "x"}), BAD, BAD, LOST),
    "two megabytes": (_text("{" + " " * (2 << 20) + "}"), BAD, LOST, LOST),
    "compressed": (_text(b"\x1f\x8b", content_encoding="gzip"), BAD, LOST, LOST),
    "compressed twice": (_text(b"\x1f\x8b", content_encoding="br, gzip"), BAD, LOST, LOST),
    "from a cache": (_text("{}", age="30"), BAD, LOST, LOST),
    "no content": (_text("", status=204), BAD, LOST, LOST),
    "accepted": (_json({}), BAD, BAD, LOST),
    "a redirect": (_text("", status=302, location="https://evil.example/"), BAD, BAD, BAD),
    "a redirect for ever": (_text("", status=308, location="/"), BAD, BAD, BAD),
    "300": (_text("", status=300), BAD, BAD, BAD),
    "304": (lambda _: b"HTTP/1.1 304 Not Modified\r\n\r\n", BAD, BAD, BAD),
    "500 with a page": (_text("<h1>oops</h1>", "text/html", 500), LATER, LATER, LATER),
    "502 with a page": (_text("<h1>Bad Gateway</h1>", "text/html", 502), LATER, LATER, LATER),
    "503": (_text("", status=503, retry_after="x"), errors.Throttled, LATER, LATER),
    "504": (_text("", status=504), LATER, LOST, LOST),
    "429": (_text('{"message": "Rate limit"}', status=429), errors.Throttled, errors.Throttled, errors.Throttled),
    "401": (_text("", status=401), errors.KeyRejected, errors.KeyRejected, errors.KeyRejected),
    "403": (_text("", status=403), errors.KeyRejected, errors.KeyRejected, errors.KeyRejected),
    "404": (_text("", status=404), errors.NotInSubscription, errors.NotInSubscription, errors.NotInSubscription),
    "410": (_text("", status=410), errors.NotInSubscription, errors.NotInSubscription, errors.NotInSubscription),
    "400 without words": (_text("", status=400), errors.NotFinal, errors.NotFinal, errors.NotFinal),
    "a status of 999": (_text("", status=999), BAD, BAD, BAD),
    "no answer": (lambda _: [], LATER, LOST, LOST),
    "a reset": (lambda _: ["reset"], LATER, LOST, LOST),
    "a reset in the head": (lambda _: [b"HTTP/1.1 200 O", "reset"], LATER, LOST, LOST),
    "a reset in the body": (lambda _: [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "reset"], LATER, LOST, LOST),
    "a body that is too short": (lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", LATER, LOST, LOST),
    "a short body of no said length": (lambda _: b'HTTP/1.1 200 OK\r\n\r\n{"orderUri"', BAD, LOST, LOST),
    "a chunk that is cut off": (lambda _: b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{}", LATER, LOST, LOST),
    "a chunk of no size": (lambda _: b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}", LATER, LOST, LOST),
    "two lengths": (lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}", LATER, LOST, LOST),
    "a negative length": (lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}", LATER, LOST, LOST),
    "not HTTP": (lambda _: b"SSH-2.0-OpenSSH_9.2\r\n", LATER, LOST, LOST),
    "HTTP/2 in the clear": (lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", LATER, LOST, LOST),
    "a megabyte of head": (lambda _: [b"HTTP/1.1 200 OK\r\nx: ", b"y" * (1 << 20)], LATER, LOST, LOST),
    "JSON that is not to be read": (_text('{"certificateName": "contoso.com"}', "application/xml"), BAD, LOST, LOST),
    "a picture": (_text(b"\x89PNG\r\n\x1a\n", "image/png"), BAD, LOST, LOST),
    "infinity": (_text('{"id": -Infinity, "certificateName": "contoso.com"}'), BAD, LOST, LOST),
    "a number of ten thousand digits": (_text('{"certificateName": "contoso.com", "id": ' + "9" * 10_000 + "}"), BAD, LOST, LOST),
    "endless nesting of lists": (_text("[" * 200_000), BAD, LOST, LOST),
    "deep nesting that ends": (_text('{"a":' * 100_000 + "1" + "}" * 100_000), BAD, LOST, LOST),
    "a comma too much": (_text('{"certificateName": "contoso.com",}'), BAD, LOST, LOST),
    "two documents": (_text('{"certificateName": "contoso.com"}{"orderUri": "x"}'), BAD, LOST, LOST),
    "JSON with comments": (_text('{/* */"certificateName": "contoso.com"}'), BAD, LOST, LOST),
    "single quotes": (_text("{'certificateName': 'contoso.com'}"), BAD, LOST, LOST),
    "half a surrogate pair": (_text('{"certificateName": "\\ud800", "orderUri": "\\ud800", "status": "ready"}'), BAD, BAD, LOST),
    "NULs in a field": (_json({"certificateName": "contoso.com\0", "orderUri": "https://a.example/\0", "status": "ready"}), BAD, BAD, LOST),
    "line ends in an address": (_json({"orderUri": "https://a.example/\r\nX: y", "status": "ready"}), BAD, BAD, LOST),
    "a terminal's commands in a status": (_json({"status": "\x1b[2J", "certificateName": "\x1b[2J"}), BAD, BAD, LOST),
    "a name in other letters": (_json({"certificateName": "contoso.c\u043em", "status": "ready"}), BAD, BAD, LOST),
    "links that are a list": (_json({"certificateDownloadUrl": ["https://a.example"], "status": "ready"}), BAD, BAD, LOST),
    "a link that is a number": (_json({"certificateDownloadUrl": {"keyUrl": 5}, "status": 5}), BAD, BAD, LOST),
    "a secret that is an object": (_json({"pfxString": {}, "status": {}}), BAD, BAD, LOST),
    "truth instead of words": (_json({"orderUri": True, "status": True}), BAD, BAD, LOST),
    "all null": (_json(dict.fromkeys(("certificateName", "orderUri", "pfxString", "status"))), BAD, BAD, LOST),
    "compressed with deflate": (_text(zlib.compress(b"{}"), content_encoding="deflate"), BAD, LOST, LOST),
    "a bomb of gzip": (_text(BOMB, content_encoding="gzip"), BAD, LOST, LOST),
    "a bomb of gzip that is called something else": (_text(BOMB, content_encoding="x-gzip"), BAD, LOST, LOST),
    "a bomb that is not called compressed": (_text(BOMB), BAD, LOST, LOST),
    "compressed in the transfer": (lambda _: b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", LATER, LOST, LOST),
    "an age that is none": (_text("{}", age="soon"), BAD, LOST, LOST),
    "an age below zero": (_text("{}", age="-1"), BAD, LOST, LOST),
    "part of it": (_text("{}", status=206, content_range="bytes 0-1/9"), BAD, LOST, LOST),
    "reset content": (_text("", status=205), BAD, LOST, LOST),
    "a redirect to another port": (_text("", status=301, location="http://127.0.0.1:1/"), BAD, BAD, BAD),
    "a redirect to a file": (_text("", status=303, location="file:///etc/shadow"), BAD, BAD, BAD),
    "a redirect to the metadata service": (_text("", status=307, location="http://169.254.169.254/latest"), BAD, BAD, BAD),
    "a redirect to nowhere": (_text("", status=302), BAD, BAD, BAD),
    "401 with a challenge": (_text("", status=401, www_authenticate="Negotiate"), errors.KeyRejected, errors.KeyRejected, errors.KeyRejected),
    "407": (_text("", status=407, proxy_authenticate="Basic"), errors.NotFinal, errors.NotFinal, errors.NotFinal),
    "408": (_text("", status=408), LATER, LATER, LATER),
    "418": (_text("I am a teapot", status=418), errors.NotFinal, errors.NotFinal, errors.NotFinal),
    "429 for ten years": (_text("", status=429, retry_after="315360000"), errors.Throttled, errors.Throttled, errors.Throttled),
    "429 until yesterday": (_text("", status=429, retry_after="Sun, 01 Nov 2026 00:00:00 GMT"), errors.Throttled, errors.Throttled, errors.Throttled),
    "501": (_text("", status=501), LATER, LATER, LATER),
    "511": (_text("<html>Log in to the hotel", "text/html", 511), LATER, LATER, LATER),
    "an error page that never ends its scripts": (_text("<script>" * 8192, "text/html", 500), LATER, LATER, LATER),
    "an error page of comments": (_text("<!--" * 16384, "text/html", 502), LATER, LATER, LATER),
    "an error without a last line": (lambda _: b"HTTP/1.1 500 No\r\n", LATER, LOST, LOST),
    "a continuation for ever": (lambda _: [b"HTTP/1.1 100 Continue\r\n\r\n"] * 50, LATER, LOST, LOST),
    "another protocol at once": (lambda _: b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n", LATER, LOST, LOST),
    "ten thousand headers": (lambda _: [b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 40_000, b"\r\n{}"], LATER, LOST, LOST),
    "a folded header": (lambda _: b"HTTP/1.1 200 OK\r\nx: y\r\n age: 5\r\n\r\n{}", BAD, BAD, LOST),
    "HTTP of version 0.9": (lambda _: b"{}\r\n\r\n", LATER, LOST, LOST),
    "HTTP of version 3": (lambda _: b"HTTP/3.0 200 OK\r\n\r\n{}", BAD, BAD, LOST),
    "a TLS alert": (lambda _: b"\x15\x03\x01\x00\x02\x02\x28", LATER, LOST, LOST),
    "a head with NULs": (lambda _: b"HTTP/1.1 200 OK\r\nx\0: y\r\n\r\n{}", LATER, LOST, LOST),
}  # fmt: skip
