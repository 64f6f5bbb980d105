"""A service's own words, made fit for people and logs: no control characters, no tags, no secrets, not for ever."""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from renewd.config.secrets import Secret

LONGEST = 512  # characters; longer than any reason that a CA gives
_FIELDS = ("message", "detail", "title", "error", "error_description")  # where gateways put their reason
_UNSEEN = re.compile(r"(?i)<(?:(script|style|head)\b|!--)")  # where something begins that nobody sees
_ENDS = {name: re.compile(rf"(?i)</{name}\s*>") for name in ("script", "style", "head")}
_COMMENT_END = re.compile("-->")
_TAG = re.compile(r"<[^<>]*>")
_QUERY = re.compile(r"(?i)(\bhttps?://[^\s?#\"'<>]*)[?#][^\s\"'<>]*")  # pre-signed: the query is the secret


def said(body: bytes, kind: str = "", secrets: Iterable[Secret] = ()) -> str:
    """What an error page says, as one line; `kind` is its media type. Empty if it says nothing."""
    text = body.decode("utf-8", "replace")
    if "html" in kind or text.lstrip()[:1] == "<":
        text = _TAG.sub(" ", _seen(text))
    elif text.lstrip()[:1] == "{":
        text = _reason(text)
    for secret in secrets:
        for form in _spellings(secret):
            text = text.replace(form, "***")
    return clean(text)


def _spellings(secret: Secret) -> set[str]:
    """The secret as it is, and as it stands in addresses and forms."""
    text = secret.reveal()
    return {text, quote(text), quote(text, safe=""), quote_plus(text)} - {""}


def clean(text: str) -> str:
    """The text as one printable line, without the queries of URLs, cut to LONGEST characters."""
    line = _QUERY.sub(r"\1?…", " ".join(text[: 8 * LONGEST].split()))
    shown = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in line
    )
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _seen(page: str) -> str:
    """The page without scripts, styles, its head and comments; what has no end hides all the rest.

    Every search goes on where the last one ended: one expression for beginning and end takes seconds for a hostile page.
    """
    parts, at = [], 0
    while begin := _UNSEEN.search(page, at):
        parts.append(page[at : begin.start()])
        end = _ENDS.get((begin[1] or "").lower(), _COMMENT_END).search(page, begin.end())
        if end is None:
            return " ".join(parts)
        at = end.end()
    return " ".join([*parts, page[at:]])


def _reason(text: str) -> str:
    """The reason in a JSON error body; the text itself if there is none to be found."""
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(data, dict) and isinstance(data.get("error"), dict):
        data = data["error"]
    if isinstance(data, dict):
        lower = {str(key).lower(): value for key, value in data.items()}
        for field in _FIELDS:
            if isinstance(lower.get(field), str):
                return str(lower[field])
    return text
