"""`check`: every certificate in a line, what needs somebody last, where the eye is when the output ends."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TextIO

from renewd.certs.facts import show_serial
from renewd.planning import words
from renewd.renewal.survey import Look
from renewd.report import style, times

_ORDER = ("ok", "due", "expired", "missing", "invalid")
_STATE_WIDTH, _WHEN_WIDTH = 9, 20
_encode = json.JSONEncoder(ensure_ascii=False).encode


def document(looks: Sequence[Look]) -> str:
    """The JSON document, a certificate a line."""
    rows = style.safe_json(",\n".join([_encode(row(look)) for look in looks]))
    return (
        f'{{"schema": 1, "certificates": [\n{rows}\n]}}\n' if looks else '{"schema": 1, "certificates": []}\n'
    )


def row(look: Look) -> dict[str, object]:
    """One certificate's facts and decision; absent facts are null."""
    facts, decision = look.facts, look.decision
    return {
        "name": look.target.name,
        "state": decision.state,
        "not_before": times.rfc3339(facts.not_before),
        "not_after": times.rfc3339(facts.not_after),
        "renew_at": times.rfc3339(decision.at),
        "serial": None if facts.serial is None else show_serial(facts.serial),
        "domains": facts.domains,
        "path": facts.path or None,
        "issuer": facts.issuer,
        "problem": look.problem or (decision.reason if decision.state == "invalid" else None),
    }


def text(looks: Sequence[Look], now: datetime, stream: TextIO) -> str:
    """The table and a summary, for `stream`."""
    colour = style.wants_colour(stream)
    ordered = sorted(looks, key=lambda look: _ORDER.index(look.decision.state))
    names = [style.short_name(look.target.name) for look in ordered]
    width, columns = style.column(names) + 2, style.columns(stream)
    at, lines = 2 + width + _STATE_WIDTH, []
    for name, look in zip(names, ordered, strict=True):
        head = f"  {name:<{width - 1}} {style.state(_word(look), _STATE_WIDTH - 1, colour)} "
        taken = at + max(0, len(name) - width + 1)
        lines.append(style.line(head, taken, _rest(look, now, at), at, columns))
    return "\n".join([*lines, style.line("", 0, summary(looks), 0, columns)]) + "\n"


def summary(looks: Sequence[Look]) -> str:
    """`4 watched · 1 ok · 2 due · 1 needs you: renewd why old.example`."""
    count = Counter(look.decision.state for look in looks)
    due = count["due"] + count["missing"] + count["expired"]
    parts = [f"{len(looks)} watched"]
    parts += [f"{number} {what}" for number, what in ((count["ok"], "ok"), (due, "due")) if number]
    if closed := sum(look.facts.closed for look in looks):
        parts.append(f"{closed} cannot be looked at as this user")
    if stuck := [look.target.name for look in looks if _word(look) == "invalid"]:
        needs = "needs" if len(stuck) == 1 else "need"
        parts.append(f"{len(stuck)} {needs} you: renewd why {quoted(stuck[0])}")
    return " · ".join(parts)


def _word(look: Look) -> str:
    """The state; of what this user may not look at nothing is said."""
    return "unknown" if look.facts.closed else look.decision.state


def quoted(name: str) -> str:
    """The name as a shell takes it for one word."""
    import shlex

    return shlex.quote(style.safe(name))


def _rest(look: Look, now: datetime, used: int) -> str:
    """What a line says behind the state; the last words are left out where 80 columns are full."""
    facts, decision = look.facts, look.decision
    if decision.state == "invalid":
        return problem(look)
    if facts.not_after is None:
        return f"{'renews now':<{_WHEN_WIDTH}}{problem(look)}"
    when = f"renews {words.until(decision.at, now)}" if decision.at and not decision.due else "renews now"
    verb = "expired" if decision.state == "expired" else "expires"
    line = f"{when:<{_WHEN_WIDTH}}{verb} {words.date(facts.not_after)}"
    if look.problem:  # such as other names than wanted, or a file that somebody changed
        return f"{line}   {style.safe(look.problem)}"
    more = f"   {words.until(facts.not_after, now)}"
    return line + more if decision.due and used + len(line + more) <= style.WIDTH else line


def problem(look: Look) -> str:
    """What is wrong, with its place unless that is said already."""
    said, path = look.problem or look.decision.reason, look.facts.path
    if look.facts.state == "missing" and said == "there is no such file":
        return style.safe(f"no file at {path}")
    return style.safe(said if not path or path in said else f"{said}   {path}")
