"""What an ACME CA, or what stands before it, may answer any call with instead of what it should."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.faults.hostile.replies import BOMB
from tests.scripted import RESET, Seen, answer, answer_json


def json(data: Any, **headers: str) -> Callable[[Seen], bytes]:
    return lambda _: answer_json(data, replay_nonce="bm9uY2U", **headers)


def drip(_: Seen) -> Iterator[bytes | float]:
    yield b"HTTP/1.1 200 Fine\r\ncontent-length: 1000\r\n\r\n"
    for _ in range(50):
        yield b"x"
        yield 0.1


WRONG: dict[str, Callable[[Seen], Any]] = {
    "nothing": lambda _: answer(200, b"", replay_nonce="bm9uY2U"),
    "HTML": lambda _: answer(200, "<html>Welcome", content_type="text/html"),
    "half of JSON": lambda _: answer(200, b'{"status": "pen', content_type="application/json"),
    "a list": json([]),
    "nulls": json(dict.fromkeys(("status", "newNonce", "finalize", "identifiers", "challenges"))),
    "numbers": json(dict.fromkeys(("status", "newNonce", "finalize", "identifiers", "challenges"), 7)),
    "no names": json({"status": "pending", "identifiers": [], "authorizations": [], "finalize": "x"}),
    "an unknown status": json({"status": "\x1b[2Jsplendid", "identifiers": [], "authorizations": []}),
    "deep nesting": lambda _: answer(200, b"[" * 100_000, content_type="application/json"),
    "bytes": lambda _: answer(200, bytes(range(256)), content_type="application/json"),
    "2 MB": lambda _: answer(200, b" " * (2 << 20), content_type="application/json"),
    "compressed": lambda _: answer(200, BOMB, content_type="application/json", content_encoding="gzip"),
    "a redirect": lambda seen: answer(308, b"", location=f"http://127.0.0.1:1{seen.target}"),
    "a redirect elsewhere": lambda _: answer(302, b"", location="https://elsewhere.example/"),
    "a login page": lambda _: answer(401, "<html>Who are you?", content_type="text/html"),
    "not there": lambda _: answer(404, b""),
    "a broken gateway": lambda _: answer(502, "<html>Bad gateway", content_type="text/html"),
    "a slow gateway": lambda _: answer(504, b""),
    "busy": lambda _: answer(429, b"", retry_after="120"),
    "busy for ever": lambda _: answer(503, b"", retry_after="9" * 400),
    "a refusal of no sense": lambda _: answer_json({"type": 7, "detail": {"a": "\x00"}, "subproblems": 3}, 400),
    "control signs": lambda _: answer_json({"type": "x", "detail": "\x1b]0;owned\x07\r\n"}, 403),
    "closed at once": lambda _: [],
    "reset": lambda _: [RESET],
    "cut in the head": lambda _: [b"HTTP/1.1 200 Fi"],
    "cut in the body": lambda _: [b"HTTP/1.1 200 Fine\r\ncontent-length: 99\r\n\r\n{"],
    "no HTTP": lambda _: [b"SSH-2.0-OpenSSH_9.2\r\n"],
    "drip": drip,
}  # fmt: skip
