"""The YAML parser's complaints in words that need no knowledge of YAML's grammar, and never quote the file."""

import yaml
from yaml.reader import ReaderError

from renewd.config.spots import Path

DEEPEST = 32  # our own models are 7 deep
TOO_DEEP = (f"it is nested more than {DEEPEST} deep", "write it flatter")
_SAID = {  # what libyaml calls a problem: what is wrong, what would be right
    "mapping values are not allowed in this context": (
        "a colon stands where no key can be",
        "look at the indentation, and quote a text that holds ': '",
    ),
    "block sequence entries are not allowed in this context": (
        "a list begins in the middle of a line",
        "begin each item, - …, on a line of its own",
    ),
    "did not find expected key": (
        "this line belongs to nothing above it",
        "indent it like the keys beside it, and close every quote",
    ),
    "did not find expected '-' indicator": (
        "this line is no item of the list above it",
        "begin it with -, or indent it as part of the item",
    ),
    "could not find expected ':'": ("a key has no colon", "write key: value"),
    "found unknown escape character": (
        "a backslash in double quotes begins nothing that YAML knows",
        "write it twice, or use single quotes",
    ),
    "found invalid Unicode character escape code": (
        "an escape in double quotes is no character",
        "correct it",
    ),
    "did not find expected node content": (
        "a bracket or comma stands where a value belongs",
        "write the value",
    ),
    "exceeded maximum nesting depth": TOO_DEEP,  # libyaml's own limit, from 0.2.6 on
    "did not find expected comment or line break": ("text stands after | or >", "begin it on the next line"),
}
_OPENED = {  # what was being read when the text ended or went wrong: (what is wrong, what would be right)
    "while scanning a quoted scalar": ("a quote is opened here and never closed", "close it"),
    "while parsing a flow sequence": (
        "a list is opened here with [ and not closed",
        "separate with commas and write ]",
    ),
    "while parsing a flow mapping": (
        "a mapping is opened here with { and not closed",
        "separate with commas and write }",
    ),
}
_RESERVED = {
    "\t": ("a tab is used to indent", "use spaces"),
    "@": ("a text begins with @", "write it in quotes"),
    "`": ("a text begins with `", "write it in quotes"),
    "%": ("a text begins with %", "write it in quotes"),
}
_PLAIN = ("this is not YAML", "look at its indentation, quotes and brackets")


def say(error: yaml.YAMLError, text: str) -> tuple[int, Path, str, str]:
    """Line, path (the file as a whole), what is wrong, and what would be right."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return line, (), "a control character is in the text", "remove it"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return 1, (), *_PLAIN
    opened = _OPENED.get(error.context or "")
    if opened is not None and error.context_mark is not None and error.problem not in _SAID:
        return error.context_mark.line + 1, (), *opened
    mark = error.problem_mark
    if error.problem == "did not find expected node content" and mark.index >= len(text.rstrip()):
        return (
            text.rstrip().count("\n") + 1,
            (),
            "the text ends before a bracket is closed",
            "close it with ] or }",
        )
    if error.problem == "found character that cannot start any token":
        return mark.line + 1, (), *_RESERVED.get(text[mark.index : mark.index + 1], _PLAIN)
    return mark.line + 1, (), *_SAID.get(error.problem or "", _PLAIN)
