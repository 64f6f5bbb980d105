"""`why`: one screen on one target: when and why it is renewed, what stopped the last try, what comes next, what to do."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from renewd.certs.facts import show_serial
from renewd.config.targets import HookCommand
from renewd.journal.attempt import ADOPTED, NOTHING, OBTAINING, OWED, PUT_BACK, RENEWED
from renewd.planning import words
from renewd.renewal.survey import Look
from renewd.renewal.wishes import NotAsAsked
from renewd.report import checks, steps, style, times
from renewd.report.history import Entry
from renewd.report.known import Known, differs, doing, wrong

_LABEL_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Subject:
    """What the screen is about; `history` is the target's own, newest first."""

    look: Look
    known: Known
    history: Sequence[Entry] = ()
    together: Sequence[str] = ()  # other targets that share its check and reload
    budget: str = ""  # what is left of the CA's limits, in words
    left: str = ""  # what still stands of challenges, and why


def text(subject: Subject, now: datetime, width: int = style.WIDTH) -> str:
    """The screen; a line for each thing that is known."""
    domains = ", ".join(subject.look.target.domains)
    lines = [style.safe(f"{domains} — {headline(subject, now)}")]
    for label, said in rows(subject, now):
        lines += textwrap.wrap(
            style.safe(said, 2048),
            width,
            initial_indent=f"  {label:<{_LABEL_WIDTH}}",
            subsequent_indent=" " * (2 + _LABEL_WIDTH),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines) + "\n"


def headline(subject: Subject, now: datetime) -> str:
    """How it stands, in a few words."""
    decision, facts = subject.look.decision, subject.look.facts
    if subject.known.under_way is not None:
        return f"{decision.state}, a {subject.known.under_way.kind} is under way"
    if decision.state == "expired" and facts.not_after is not None:
        return f"expired since {words.span(now - facts.not_after)}, not renewed"
    if decision.state == "due" and decision.at is not None and decision.at < now:
        return f"due since {words.span(now - decision.at)}, not renewed"
    return f"{decision.state}{_but(subject.look, subject.known)}"


def _but(look: Look, known: Known) -> str:
    """What the state alone does not say."""
    if known.held:
        return ", but this machine lacks what its renewal needs"
    if known.debt:
        return f", and {', '.join(known.debt.owed)} is owed"
    if differs(look, known):
        return " on disk, but not what is served"
    return ", but the next renewal would fail" if known.blocked else ""


def rows(subject: Subject, now: datetime) -> Iterator[tuple[str, str]]:
    """What is known, each with its label; an empty label goes on with the one before."""
    look, known = subject.look, subject.known
    if known.held:
        yield "held", known.held
    if known.pinned_until is not None:
        yield "held", f"a rollback by hand holds until {times.minute(known.pinned_until)} UTC"
    yield "wanted", _wanted(look, now)
    if look.facts.state == "present" and look.facts.not_after is not None:
        yield "time left", _left(subject, now)
        serial = "" if look.facts.serial is None else f", serial {show_serial(look.facts.serial)}"
        yield "live", f"{look.facts.path}, expires {times.minute(look.facts.not_after)} UTC{serial}"
    if known.served is not None:
        seen = differs(look, known) or known.served.facts.get("serial", "as expected")
        yield "served", f"{seen}, looked at {words.until(known.served.at, now)}"
    yield from _suggestion(look)
    yield from _issuers(subject)
    yield from _tries(subject, now)
    for found in known.findings:
        remedy = f"; {found.remedy}" if found.remedy else ""
        yield "preflight", f"{found.level}: {found.what}{remedy}"
    if subject.left:
        yield "challenge", subject.left
    if then := _then(subject):
        yield "then", then
    yield from _todo(subject)


def _wanted(look: Look, now: datetime) -> str:
    decision = look.decision
    if decision.at is None:
        return f"renewal now: {checks.problem(look)}"
    since = "from" if decision.at > now else "since"
    return f"renewal {since} {times.minute(decision.at)} UTC ({decision.reason.removeprefix('due: ')})"


def _left(subject: Subject, now: datetime) -> str:
    end = subject.look.facts.not_after
    left = "none" if end is None or end <= now else words.span(end - now)
    taken = [
        (attempt.ended_at - attempt.started_at).total_seconds()
        for attempt, _ in subject.history
        if attempt.ended_at is not None and attempt.outcome in (RENEWED, ADOPTED)
    ]
    return (
        f"{left}; a renewal has been taking {words.span(timedelta(seconds=median(taken)))}" if taken else left
    )


def _suggestion(look: Look) -> Iterator[tuple[str, str]]:
    """What the CA says of the certificate that is live; whether that counts, the first line says."""
    found = look.suggestion
    if found is not None and found.window is not None:
        page = f"; see {found.window.page}" if found.window.page else ""
        between = f"between {times.minute(found.window.start)} and {times.minute(found.window.end)} UTC"
        yield "suggested", f"{between}{page}"
    elif found is not None and found.said:
        yield "suggested", f"nothing: {found.said}"


def _issuers(subject: Subject) -> Iterator[tuple[str, str]]:
    """Where there are several: in which order they are tried, and why it was not the first."""
    first, *others = subject.look.target.issuers
    fell = subject.known.fallback
    if fell is not None:
        snapshot = fell.snapshot
        yield "issuer", f"{fell.issuer} instead of {snapshot['instead_of']}: {snapshot.get('because', '')}"
    elif others:
        yield "issuer", f"{first}; where that says no or will be too late, {', then '.join(others)}"


def _tries(subject: Subject, now: datetime) -> Iterator[tuple[str, str]]:
    known = subject.known
    tried = wrong(subject.look, known) or known.last
    if tried is not None and tried.failure is not None:
        when = words.until(tried.ended_at or tried.changed_at, now)
        issuer = tried.issuer if len(subject.look.target.issuers) > 1 else None
        verb = "put down, at the" if tried.under_way else "failed at the"
        when += f", {issuer}" if issuer else ""
        yield "last try", f"{when}, {verb} {steps.called(tried.failure.stage)}: {tried.failure.message}"
    elif known.last is not None and known.last.ended_at is not None and known.last.outcome is not None:
        yield "last try", f"{words.until(known.last.ended_at, now)}, {known.last.outcome.replace('_', ' ')}"
    for step in subject.history[0][1] if subject.history else ():
        if step.event == NotAsAsked.event:
            yield "noted", str(step.facts.get("why", ""))
    if known.under_way is not None and known.under_way.order_uri:
        yield "order", f"{known.under_way.order_uri}, {doing(known.under_way.state)}"
    if known.next_try_at is not None:
        when = words.until(known.next_try_at, now) if known.next_try_at > now else "with the next pass"
        count = f" (try {_failures(subject) + 1})" if _failures(subject) else ""
        yield "next try", f"{when}{count}" + (f"; {subject.budget}" if subject.budget else "")
    elif subject.budget:
        yield "budget", subject.budget


def _failures(subject: Subject) -> int:
    """How many tries in a row have obtained nothing at the issuer that was asked last."""
    count = 0
    failed = wrong(subject.look, subject.known)
    issuer = failed.issuer if failed is not None else None
    for attempt, _ in subject.history:
        if attempt.kind in OBTAINING and attempt.outcome is not None:
            if attempt.outcome not in NOTHING:
                break
            # what a person finalized by hand is none of renewd's tries
            count += attempt.kind == "renewal" and issuer in (None, attempt.issuer)
    return count


def _then(subject: Subject) -> str:
    """Who is told of the new certificate."""
    target = subject.look.target
    hooks, confirm = target.hooks, target.entry.confirm
    parts = [
        f"{verb} {_lines(commands)}"
        for verb, commands in (("check", hooks.check), ("reload", hooks.reload))
        if commands
    ]
    said = ", ".join(parts)
    if parts and subject.together:
        said += f" together with {_some(subject.together)}"
    if confirm is not None:
        said += f"{'; ' if said else ''}confirm {', '.join(confirm.connect)}"
    return said


def _lines(commands: Sequence[HookCommand]) -> str:
    return ", ".join(f"`{command.line}`" for command in commands)


def _some(names: Sequence[str]) -> str:
    """The first few, and how many more."""
    shown = ", ".join(map(style.short_name, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown  # noqa: PLR2004 - a few


def _todo(subject: Subject) -> Iterator[tuple[str, str]]:
    """The command has a line of its own, to be copied. Whatever is in trouble has something to be done."""
    look, known = subject.look, subject.known
    failed, blocking = (
        wrong(look, known),
        next((one for one in known.findings if one.level == "blocks"), None),
    )
    owes = known.debt is not None or (failed is not None and failed.outcome in (OWED, PUT_BACK))
    said, verb = "nothing", ""
    if look.facts.closed:
        said = "type it as root"
    elif known.held:
        said, verb = "put that right, then:", "validate"
    elif known.pinned_until is not None:
        said, verb = "to have the newest version live again:", "deploy"
    elif failed is not None and failed.failure is not None and failed.failure.remedy:
        said, verb = _first(failed.failure.remedy), "deploy" if owes else "renew"
    elif failed is not None or owes or look.decision.due:
        said, verb = "wait for renewd, or at once:", "deploy" if owes else "renew"
    elif differs(look, known):
        said, verb = f"{_see(look)}, then:", "deploy"
    elif blocking is not None:
        said, verb = _first(blocking.remedy or "put that right"), "preflight"
    yield "do", said
    if verb:
        yield "", f"renewd {verb}" if known.held else f"renewd {verb} {checks.quoted(look.target.name)}"


def _first(remedy: str) -> str:
    """What is to be done before the command, which has a line of its own."""
    return f"{remedy.partition('; then: renewd ')[0].rstrip('. ')}, then:"


def _see(look: Look) -> str:
    confirm = look.target.entry.confirm
    return f"see what listens at {', '.join(confirm.connect if confirm else ())}"
