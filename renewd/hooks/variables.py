"""What hooks are told, as environment variables: renewd's own, and certbot's, so that its deploy hooks run as they are.

A variable of several targets (one reload for many) holds a line for each, in the same order in every variable;
within a line a space separates.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from renewd.certs import facts

LONGEST = 120 * 1024  # bytes; Linux refuses to start a program with one of 128 KiB (MAX_ARG_STRLEN)
ALTOGETHER = 1024 * 1024  # and with more than a quarter of the stack's limit in all, usually 2 MiB
LEFT_OUT = "RENEWD_LEFT_OUT"  # names the variables that would have been too long


@dataclass(frozen=True, slots=True)
class Told:
    """One target as its hooks hear of it: a folder, or the path of each kind of file."""

    name: str
    domains: Sequence[str]
    serial: int
    not_after: datetime
    directory: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)  # kind → path


def _lineage(told: Told) -> str:
    """Certbot's word for the folder with fullchain.pem and privkey.pem in it."""
    return told.directory or next((os.path.dirname(path) for path in told.files.values()), "")


def _file(kind: str) -> Callable[[Told], str]:
    return lambda told: told.files.get(kind, "")


VARIABLES: dict[str, Callable[[Told], str]] = {
    "RENEWD_NAME": lambda told: told.name,
    "RENEWD_DOMAINS": lambda told: " ".join(told.domains),
    "RENEWD_SERIAL": lambda told: facts.show_serial(told.serial),
    "RENEWD_NOT_AFTER": lambda told: told.not_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "RENEWD_DIRECTORY": lambda told: told.directory or "",
    "RENEWD_FULLCHAIN": _file("fullchain"),
    "RENEWD_KEY": _file("key"),
    "RENEWD_CERT": _file("cert"),
    "RENEWD_CHAIN": _file("chain"),
    "RENEWD_COMBINED": _file("combined"),
    "RENEWD_PFX": _file("pfx"),
    "RENEWED_LINEAGE": _lineage,
    "RENEWED_DOMAINS": lambda told: " ".join(told.domains),
}


def variables(told: Sequence[Told]) -> dict[str, str]:
    """The variables for these targets; one that is empty for all of them is absent.

    What Linux would not hand to any program is left out, and LEFT_OUT names it: a reload that runs without the list
    of ten thousand names is better than none.
    """
    found = {name: "\n".join(value(each) for each in told) for name, value in VARIABLES.items()}
    kept = {name: value for name, value in found.items() if value.strip("\n")}
    left_out = []
    for name, size in sorted(_sizes(kept).items(), key=lambda item: -item[1]):
        if size > LONGEST or sum(_sizes(kept).values()) > ALTOGETHER:
            del kept[name]
            left_out.append(name)
    return {**kept, LEFT_OUT: " ".join(sorted(left_out))} if left_out else kept


def _sizes(found: Mapping[str, str]) -> dict[str, int]:
    return {name: len(os.fsencode(value)) for name, value in found.items()}
