"""Paths as the file writes them: absolute, plain, and comparable as texts."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_LONGEST = 4000  # PATH_MAX is 4096, and names of our own are added
_BRACES = re.compile(r"\$?\{[^}]*\}?")


def absolute(text: str) -> str:
    """The path without doubled slashes. Raises ValueError if it is relative, climbs, or holds what is not filled in."""
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is not an absolute path; write it from the root on, beginning with /")
    if not text.isprintable():
        raise ValueError(f"{text!r} holds a character that cannot be seen; write the path without it")
    if len(text) > _LONGEST:
        raise ValueError(f"the path has {len(text)} characters; {_LONGEST} at most")
    if "{" in text:
        _known(text)
    if ".." in text and ".." in text.split("/"):
        raise ValueError(f"{text!r} climbs with ..; write the path that is meant")
    plain = posixpath.normpath(text) if "//" in text or "/." in text or text.endswith("/") else text
    plain = "/" + plain.lstrip("/")
    if plain == "/":
        raise ValueError("/ is the root of everything; write a folder or file of its own")
    return plain


def _known(text: str) -> None:
    for braces in _BRACES.findall(text):
        if braces != "{name}":
            raise ValueError(f"{braces} is not filled in, only {{name}} is; write the path out")


AbsolutePath = Annotated[
    str,
    AfterValidator(absolute),
    WithJsonSchema({"type": "string", "pattern": "^/[^/]", "maxLength": _LONGEST}),
]
