"""What YAML 1.1 makes of a text without quotes."""

from dataclasses import dataclass
from typing import Any

from yaml.resolver import Resolver

_RESOLVERS = Resolver.yaml_implicit_resolvers  # by first character: (tag, pattern) pairs
_TRUE = frozenset({"yes", "true", "on"})


@dataclass(frozen=True, slots=True)
class Odd:
    """A number, time or date in a form that no key takes, such as 22:30: neither a text nor a plain number."""

    text: str

    def __repr__(self) -> str:
        return self.text


def read(text: str) -> Any:
    """The value of a scalar without quotes; the very same text where it is one."""
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return _value(tag.rpartition(":")[2], text)
    return text


def _value(kind: str, text: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in _TRUE
    if kind in ("merge", "value"):
        return text
    if kind == "int" and len(text) < 20 and (text.isdigit() or text[1:].isdigit()):  # noqa: PLR2004 - 64 bits
        return int(text)
    return Odd(text)


def kind(text: str) -> str:
    """What a scalar without quotes is to YAML, in words."""
    value = read(text)
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a date" if text.count("-") == 2 and text[:4].isdigit() else "a number"  # noqa: PLR2004 - year-month-day
