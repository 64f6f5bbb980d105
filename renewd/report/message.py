"""Notices as one message: a title that says the most on a telephone, and a body that says the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from renewd.planning.telling import GONE, Kind, Notice
from renewd.report import style

MOST = 20  # notices that are told in full; a list that nobody reads to its end helps nobody
_WORDS = {
    Kind.FAILED: "failed",
    Kind.OVERDUE: "overdue",
    Kind.EXPIRING: "expiring",
    Kind.RECOVERED: "well again",
    Kind.RENEWED: "renewed",
}
_GOOD = frozenset({Kind.RECOVERED, Kind.RENEWED})


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent; `kind` is Apprise's word for how bad it is."""

    title: str
    body: str
    kind: Literal["failure", "warning", "success"]


def compose(notices: Sequence[Notice], host: str) -> Message:
    """One message of all of them, the bad ones first."""
    ordered = sorted(notices, key=lambda notice: notice.kind in _GOOD)
    lines = [_line(notice) for notice in ordered[:MOST]]
    if len(ordered) > MOST:
        lines.append(f"and {len(ordered) - MOST} more: renewd status")
    bad = [notice for notice in ordered if notice.kind not in _GOOD]
    if not bad:
        return Message(_title(ordered, host), "\n".join(lines), "success")
    worst = any(notice.kind in (Kind.FAILED, Kind.EXPIRING) for notice in bad)
    return Message(_title(bad, host), "\n".join(lines), "failure" if worst else "warning")


def _word(notice: Notice) -> str:
    return "not watched any more" if notice.what == GONE else _WORDS[notice.kind]


def _title(notices: Sequence[Notice], host: str) -> str:
    first = notices[0]
    if len(notices) == 1:
        return style.safe(f"{first.name or 'renewd'}: {_word(first)} ({host})")
    kinds = " and ".join(dict.fromkeys(_word(notice) for notice in notices))
    return style.safe(f"{len(notices)} certificates: {kinds} ({host})")


def _line(notice: Notice) -> str:
    said = f"{notice.name or 'renewd'}: {_word(notice)}: {notice.what}"
    return style.safe(f"{said}. {notice.remedy}" if notice.remedy else said)
