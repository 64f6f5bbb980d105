"""pydantic's errors in our own sentences: what is wrong, what would be right, and never a secret."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from renewd.config import near, scalars
from renewd.config.findings import Findings
from renewd.config.spots import Path

Said = tuple[
    Path, str, str, Path
]  # where, what is wrong, what would be right, and which other place that explains

_MANY = 10  # known keys that are listed; more would hide what matters


def say(error: ErrorDetails, path: Path, findings: Findings) -> Said:
    """The error, which is at the path, in words."""
    kind = error["type"]
    if kind == "extra_forbidden" or error["loc"][-1:] == ("[key]",):
        return _unknown_key(error, path, findings)
    return _wrong_value(error, path, findings)


def _wrong_value(error: ErrorDetails, path: Path, findings: Findings) -> Said:
    kind = error["type"]
    if kind.startswith("union_tag_") and isinstance(error["input"], dict):
        return _unknown_kind(error["input"], path, findings)
    if kind == "missing":
        return path, "it is missing", _example(path, findings), ()
    if kind == "value_error" and error["input"] is not None:
        return path, *_own(error), ()
    if findings.known.is_secret(path):
        return path, *_secret(error, path, findings), ()
    if error["input"] is None:
        return (
            path,
            "nothing is written here",
            _example(path, findings) or "write a value, or leave it out",
            (),
        )
    return path, *_WORDS.get(kind, _other)(error, path, findings), ()


def _secret(error: ErrorDetails, path: Path, findings: Findings) -> tuple[str, str]:
    """What is wrong with a secret's source or inside one; nothing that stands there is repeated."""
    if error["type"] == "value_error":  # of our own, which is for something that is written
        return "nothing is written here", _own(error)[1]
    return "this is not right here", _example(path[:1], findings) or "write a text"


def _own(error: ErrorDetails) -> tuple[str, str]:
    """A sentence of our own validators: wrong, semicolon, right."""
    wrong, _, right = str(error["ctx"]["error"]).partition("; ")
    return wrong, right


def _unknown_key(error: ErrorDetails, path: Path, findings: Findings) -> Said:
    _, kind = findings.document.at((*path[:-1], "type"))
    known = findings.known.keys(path[:-1], kind)
    meant = near.nearest(str(path[-1]), known)
    if meant is not None:
        return path, "unknown key", f"did you mean {meant}?", (*path[:-1], meant)
    if findings.known.is_secret(path):  # the key may be the secret itself, in braces
        return path[:-1], "an unknown key is in it", f"known here: {_list(known)}", ()
    if error["type"] == "value_error":
        return path, *_own(error), ()
    return path, "unknown key", f"known here: {_list(known)}" if known else "", ()


def _unknown_kind(given: dict[Any, Any], path: Path, findings: Findings) -> Said:
    """A mapping whose `type` says no kind that is known."""
    path = (*path, "type")
    known = findings.known.words(path)
    kind = given.get("type")
    if kind is None:
        wrong = "nothing is written here" if "type" in given else "it is missing"
        return path, wrong, f"write {_list(known, 'or')}", ()
    meant = near.nearest(kind, known) if isinstance(kind, str) else None
    said = repr(kind) if isinstance(kind, str) else findings.document.written(path) or _kind(kind)
    right = f"did you mean {meant}?" if meant else f"write {_list(known, 'or')}"
    return path, f"{said} is not known here", right, ()


def _text(error: ErrorDetails, path: Path, findings: Findings) -> tuple[str, str]:
    bare = findings.document.written(path)
    if bare is None:
        return f"a text is wanted here, not {_kind(error['input'])}", _example(path, findings)
    return f"without quotes, {bare} is {scalars.kind(bare)} to YAML", f'write it quoted: "{bare}"'


def _choice(error: ErrorDetails, path: Path, findings: Findings) -> tuple[str, str]:
    known = findings.known.words(path)
    given = findings.document.written(path) or error["input"]
    if given is not error["input"]:
        return f"{given} is not known here", f"write {_list(known, 'or')}"
    if not isinstance(given, str):
        return f"a word is wanted here, not {_kind(given)}", f"write {_list(known, 'or')}"
    meant = near.nearest(given, known)
    return (
        f"{given!r} is not known here",
        f"did you mean {meant}?" if meant else f"write {_list(known, 'or')}",
    )


def _many(error: ErrorDetails, path: Path, findings: Findings) -> tuple[str, str]:
    given = error["input"]
    bare = given if isinstance(given, str) else findings.document.written(path)
    example = f"{path[-1]}: [{bare}]" if bare and path else ""
    return f"a list is wanted here, not {_kind(given)}", f"write {example}" if example else _example(
        path, findings
    )


def _mapping(error: ErrorDetails, path: Path, findings: Findings) -> tuple[str, str]:
    if findings.known.takes_text(path) and findings.document.written(path) is not None:
        return _text(error, path, findings)
    known = findings.known.keys(path)
    right = f"write keys under it: {_list(known)}" if known else _example(path, findings)
    return f"a mapping of keys is wanted here, not {_kind(error['input'])}", right


def _switch(error: ErrorDetails, _: Path, __: Findings) -> tuple[str, str]:
    return f"a yes or no is wanted here, not {_kind(error['input'])}", "write true or false"


def _number(error: ErrorDetails, _: Path, __: Findings) -> tuple[str, str]:
    bounds = {"ge": "or more", "le": "or less"}
    right = [
        f"write {value} {bounds[bound]}" for bound, value in error.get("ctx", {}).items() if bound in bounds
    ]
    return "this is not a number that is possible here", right[0] if right else "write a whole number"


def _empty(_: ErrorDetails, path: Path, findings: Findings) -> tuple[str, str]:
    return "the text is empty", _example(path, findings)


def _other(_: ErrorDetails, path: Path, findings: Findings) -> tuple[str, str]:
    return "this is not right here", _example(path, findings)


_WORDS: dict[str, Callable[[ErrorDetails, Path, Findings], tuple[str, str]]] = {
    "string_type": _text,
    "string_too_short": _empty,
    "literal_error": _choice,
    "tuple_type": _many,
    "dict_type": _mapping,
    "model_type": _mapping,
    "union_tag_not_found": _mapping,
    "union_tag_invalid": _mapping,
    "model_attributes_type": _mapping,
    "bool_type": _switch,
    "int_type": _number,
    "greater_than_equal": _number,
    "less_than_equal": _number,
}


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds: dict[type, str] = {
        dict: "a mapping",
        list: "a list",
        str: "a text",
        int: "a number",
        tuple: "a list",
    }
    return kinds.get(type(value), "a number or time")


def _example(path: Path, findings: Findings) -> str:
    example = findings.known.example(path)
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    return "" if example is None else f"write it like {key}: {_flow(example)}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(words: Sequence[str], last: str = "and") -> str:
    if len(words) > _MANY:
        return ", ".join([*words[:_MANY], "…"])
    return f" {last} ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
