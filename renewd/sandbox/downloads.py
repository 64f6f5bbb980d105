"""The blob store: pre-signed links that expire, on an origin where the API's bearer has no business."""

import base64
import hashlib
import hmac
import secrets
import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from renewd.errors import UsageError
from renewd.sandbox import documents, mischief
from renewd.sandbox.faults import Faults
from renewd.sandbox.material import LINKS, Generation
from renewd.sandbox.portal import Portal
from renewd.sandbox.records import Holding
from renewd.sandbox.wire import Ask, Reply

LINK_LIFE = timedelta(hours=1)
_FOLDER = "certificates"
_VERSION = "2022-11-02"
_LINK_OF = {file: link for link, file in LINKS.items()}


class Downloads:
    """Signs links and answers them; `bearer_seen` counts requests that brought an Authorization header."""

    def __init__(self, portal: Portal, faults: Faults) -> None:
        self.origin = ""  # known once the server listens
        self.link_life = LINK_LIFE
        self._portal = portal
        self._faults = faults
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Nothing was asked for yet."""
        self.bearer_seen = 0
        self.served: Counter[str] = Counter()  # by link, such as keyUrl
        self.refused = 0

    def links(self, generation: Generation) -> dict[str, str]:
        """Every download link of a certificate, signed until `link_life` from now."""
        until = (self._portal.now() + self.link_life).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            link: self._signed(f"/{_FOLDER}/{generation.number}/{file}", until)
            for link, file in LINKS.items()
        }

    def certificate(self, holding: Holding, *, stale: bool = False) -> dict[str, Any]:
        """The Certificate document with its links; `stale`: of the one held before."""
        generation = holding.generations[-2] if stale and len(holding.generations) > 1 else holding.held
        return documents.certificate(holding, generation, self.links(generation) if generation else {})

    def answer(self, ask: Ask) -> Reply:
        """One download, with whatever is armed for it."""
        file = ask.path.rpartition("/")[2]
        met = self._faults.take("download", _LINK_OF.get(file, ""))
        with self._lock:
            self.bearer_seen += "authorization" in ask.headers
        reply = mischief.before(met) or self._real(ask)
        if any(fault.kind == "swap-mid-download" for fault in met) and reply.status == 200:  # noqa: PLR2004
            self._portal.reissue(_number(ask.path))
        return mischief.after(reply, met)

    def _real(self, ask: Ask) -> Reply:
        problem = self._problem(ask)
        if problem is not None:
            with self._lock:
                self.refused += 1
            return problem
        file = ask.path.rpartition("/")[2]
        content = self._portal.blob(_number(ask.path), file)
        if content is None:
            return _error(404, "BlobNotFound", "The specified blob does not exist.")
        with self._lock:
            self.served[_LINK_OF[file]] += 1
        tag = f'"0x{hashlib.sha256(content).hexdigest()[:15].upper()}"'
        headers = {"Content-Type": "application/octet-stream", "ETag": tag, "x-ms-blob-type": "BlockBlob"}
        return Reply(200, content, {**headers, "x-ms-version": _VERSION})

    def _problem(self, ask: Ask) -> Reply | None:
        """Why this request gets nothing, as the store says it."""
        if ask.method not in ("GET", "HEAD"):
            return _error(405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")
        if "authorization" in ask.headers:
            return _error(403, "AuthenticationFailed", "A signed link takes no Authorization header.")
        query = {key: values[0] for key, values in parse_qs(ask.query).items()}
        until, signature = query.get("se", ""), query.get("sig", "")
        if not hmac.compare_digest(signature.encode(), self._signature(ask.path, until).encode()):
            return _error(403, "AuthenticationFailed", "Signature did not match.")
        if self._portal.now() >= datetime.fromisoformat(until):
            return _error(403, "AuthenticationFailed", "Signature not valid in the specified time frame.")
        return None

    def _signed(self, path: str, until: str) -> str:
        signature = self._signature(path, until)
        query = urlencode({"sv": _VERSION, "se": until, "sr": "b", "sp": "r", "sig": signature})
        return f"{self.origin}{quote(path)}?{query}"

    def _signature(self, path: str, until: str) -> str:
        digest = hmac.digest(self._secret, f"{path}\n{until}".encode(), "sha256")
        return base64.b64encode(digest).decode()


def _number(path: str) -> int:
    """The generation a path names. Raises UsageError if none."""
    parts = path.split("/")
    if len(parts) != 4 or not parts[2].isdigit():  # noqa: PLR2004 - "", folder, number, file
        raise UsageError(f"{path} is no download of the sandbox")
    return int(parts[2])


def _error(status: int, code: str, message: str) -> Reply:
    body = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Reply(status, body.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code})
