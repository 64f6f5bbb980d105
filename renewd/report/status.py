"""`status`: what the daemon knows; what needs somebody last."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TextIO

from renewd.certs.facts import show_serial
from renewd.planning import words
from renewd.renewal.survey import Look
from renewd.report import checks, style, times
from renewd.report.known import Daemon, Known, differs, doing, wrong

Row = tuple[Look, Known]

OVERDUE = 10  # a tenth of the lifetime after it was wanted, a renewal should have happened


def document(rows: Sequence[Row], daemon: Daemon) -> dict[str, Any]:
    """The JSON document's value."""
    return {
        "schema": 1,
        "daemon": {
            "running": daemon.running,
            "pid": daemon.pid,
            "last_pass": times.rfc3339(daemon.last_pass),
            "next_pass": times.rfc3339(daemon.next_pass),
            "clock": daemon.suspect or None,
        },
        "certificates": [_row(look, known) for look, known in rows],
    }


def well(rows: Sequence[Row], now: datetime) -> bool:
    """Whether nothing has failed, is overdue, owed or blocked; what is due and not yet tried is no trouble."""
    return not any(troubled(row, now) for row in rows)


def text(rows: Sequence[Row], daemon: Daemon, now: datetime, stream: TextIO) -> str:
    """A line on the daemon, one a certificate, below it what is wrong, and a summary."""
    colour = style.wants_colour(stream)
    ordered = sorted(rows, key=lambda row: troubled(row, now))
    names = [style.short_name(look.target.name) for look, _ in ordered]
    width, columns = style.column(names), style.columns(stream)
    at, lines = 2 + width + 2 + 7 + 2, [style.line("", 0, _daemon_line(daemon, now), 0, columns)]
    if daemon.suspect:
        said = f"it waits, for it does not believe this machine's clock: {daemon.suspect}"
        lines.append(style.line("  ", 2, style.safe(said, 2048), 2, columns))
    for name, (look, known) in zip(names, ordered, strict=True):
        head = f"  {name:<{width}}  {style.state(look.decision.state, 7, colour)}  "
        taken = at + max(0, len(name) - width)
        lines.append(style.line(head, taken, when(look, known, now), at, columns))
        lines += [style.line(" " * 6, 6, line, 8, columns) for line in details(look, known, now)]
    return "\n".join([*lines, style.line("", 0, _summary(rows, now), 0, columns)]) + "\n"


def _row(look: Look, known: Known) -> dict[str, Any]:
    facts, order, served = look.facts, known.under_way, known.served
    live = None
    if facts.state == "present":
        serial = None if facts.serial is None else show_serial(facts.serial)
        live = {"version": known.version, "serial": serial, "not_after": times.rfc3339(facts.not_after)}
    return {
        "name": look.target.name,
        "state": look.decision.state,
        "renew_at": times.rfc3339(look.decision.at),
        "next_try_at": times.rfc3339(known.next_try_at),
        "owed": list(known.debt.owed) if known.debt else [],
        "failure": _failure(look, known),
        "fallback": _fallback(known),
        "suggestion": _suggestion(look),
        "order": {"uri": order.order_uri, "state": order.state.value} if order and order.order_uri else None,
        "live": live,
        "served": None
        if served is None
        else {
            "serial": served.facts.get("serial"),
            "checked_at": times.rfc3339(served.at),
            "problem": differs(look, known) or None,
        },
        "preflight": _preflight(known),
        "held": known.held or None,
        "rolled_back_until": times.rfc3339(known.pinned_until),
    }


def _fallback(known: Known) -> dict[str, Any] | None:
    """Who was asked instead of the first issuer."""
    asked = known.fallback
    if asked is None:
        return None
    first, why = asked.snapshot["instead_of"], asked.snapshot.get("because")
    return {"issuer": asked.issuer, "instead_of": first, "why": why}


def _suggestion(look: Look) -> dict[str, Any] | None:
    """What the CA suggests for the certificate that is live."""
    found = look.suggestion
    if found is None or found.window is None:
        return None
    return {
        "start": times.rfc3339(found.window.start),
        "end": times.rfc3339(found.window.end),
        "renew_at": times.rfc3339(found.moment),
        "incident": found.incident,
        "page": found.window.page or None,
    }


def _preflight(known: Known) -> dict[str, Any] | None:
    if known.preflight is None:
        return None
    found = [
        {"level": each.level, "what": each.what, "remedy": each.remedy or None} for each in known.findings
    ]
    return {"at": times.rfc3339(known.preflight.at), "findings": found}


def _failure(look: Look, known: Known) -> dict[str, Any] | None:
    attempt = wrong(look, known)
    if attempt is None or attempt.failure is None:
        return None
    failure = attempt.failure
    return {
        "at": times.rfc3339(attempt.ended_at or attempt.changed_at),
        "issuer": attempt.issuer,
        "stage": failure.stage,
        "message": failure.message,
        "remedy": failure.remedy or None,
    }


def troubled(row: Row, now: datetime) -> bool:
    """Whether somebody should look: it failed, is overdue, owed, blocked, held, unusable or not served."""
    look, known = row
    unusable = look.decision.state in ("expired", "missing", "invalid")
    owes = wrong(look, known) is not None or known.debt is not None
    stands = known.blocked or bool(known.held or differs(look, known))
    return unusable or owes or stands or overdue(look, now) is not None


def overdue(look: Look, now: datetime) -> timedelta | None:
    """For how long renewal has been wanted, once that is longer than it should take; else None."""
    facts, at = look.facts, look.decision.at
    if not look.decision.due or at is None or facts.not_before is None or facts.not_after is None:
        return None
    return now - at if now - at > (facts.not_after - facts.not_before) / OVERDUE else None


def _daemon_line(daemon: Daemon, now: datetime) -> str:
    if not daemon.running:
        last = f"; its last pass was {words.until(daemon.last_pass, now)}" if daemon.last_pass else ""
        return f"no daemon is running{last}"
    parts = [f"the daemon runs (pid {daemon.pid})"]
    if daemon.last_pass:
        parts.append(f"last pass {words.until(daemon.last_pass, now)}")
    if daemon.next_pass:
        parts.append(f"next {words.until(daemon.next_pass, now)}")
    return " · ".join(parts)


def when(look: Look, known: Known, now: datetime) -> str:
    """What is going on, or when renewd comes back to it."""
    decision, facts = look.decision, look.facts
    if known.under_way is not None and wrong(look, known) is not known.under_way:
        return (
            f"{doing(known.under_way.state)}, under way since {words.span(now - known.under_way.started_at)}"
        )
    if known.held and decision.due:
        return "not renewed here"
    if known.pinned_until is not None and decision.due:
        return "rolled back by hand"
    if known.next_try_at is not None:
        return (
            f"next try {words.until(known.next_try_at, now)}"
            if known.next_try_at > now
            else "next try with the next pass"
        )
    when = (
        f"renews {words.until(decision.at, now)}"
        if decision.at and not decision.due
        else "renews at next pass"
    )
    return when if facts.not_after is None else f"{when:<20}  expires {words.date(facts.not_after)}"


def details(look: Look, known: Known, now: datetime) -> list[str]:
    """What is wrong, each in a line of its own."""
    lines = [style.safe(f"held: {known.held}")] if known.held else []
    attempt = wrong(look, known)
    if attempt is not None and attempt.failure is not None:
        ago = words.until(attempt.ended_at or attempt.changed_at, now)
        at = f" at {attempt.issuer}" if attempt.issuer and len(look.target.issuers) > 1 else ""
        lines.append(style.safe(f"{attempt.failure.stage}{at}, {ago}: {attempt.failure.message}"))
        if attempt.failure.remedy:
            lines.append(style.safe(f"do: {attempt.failure.remedy}"))
    elif look.problem:
        lines.append(checks.problem(look))
    elif known.pinned_until is not None:
        lines.append(
            f"a rollback by hand holds until {times.minute(known.pinned_until)} UTC; to end it: "
            f"renewd deploy {checks.quoted(look.target.name)}"
        )
    elif late := overdue(look, now):
        lines.append(f"overdue: wanted since {words.span(late)}, and nothing was tried")
    lines += [style.safe(said) for said in _notable(look, known)]
    if known.debt is not None:
        lines.append(f"owed: {', '.join(known.debt.owed)}")
    if other := differs(look, known):
        lines.append(style.safe(f"served: {other}"))
    for found in known.findings:
        lines.append(style.safe(f"preflight {found.level}: {found.what}"))
        if found.remedy:
            lines.append(style.safe(f"do: {found.remedy}"))
    return lines


def _notable(look: Look, known: Known) -> Iterator[str]:
    """What is no trouble of renewd's, and somebody should know."""
    if look.suggestion is not None and look.suggestion.incident:
        yield look.decision.reason.removeprefix("due: ")
    if fell := _fallback(known):
        yield f"{fell['issuer']} instead of {fell['instead_of']}: {fell['why']}"


def _summary(rows: Sequence[Row], now: datetime) -> str:
    stuck = [row for row in rows if troubled(row, now)]
    parts = [f"{len(rows)} watched"]
    if not stuck:
        return f"{parts[0]} · all well" if rows else parts[0]
    return f"{parts[0]} · {len(stuck)} in trouble: renewd why {checks.quoted(stuck[0][0].target.name)}"
