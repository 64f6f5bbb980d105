"""status, history, why: what renewd knows, beside what is on the disk."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from renewd.cli import names, output, reading
from renewd.clock import SystemClock
from renewd.config import machine, sides
from renewd.config.load import Loaded
from renewd.config.targets import Target
from renewd.daemon import presence
from renewd.errors import UsageError
from renewd.install.installer import Installer
from renewd.planning import budget
from renewd.renewal import findings, leftovers, served, survey, waiting
from renewd.renewal.survey import Look
from renewd.report import known, times

if TYPE_CHECKING:
    from renewd.journal import Journal
    from renewd.report.history import Entry

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_SHOWN = 20  # attempts that `history` shows without --limit


@click.command()
@click.argument("name", nargs=-1)
@_json
@click.pass_obj
def status(path: str, name: Sequence[str], *, as_json: bool) -> int:
    """What the daemon knows of each certificate.

    Last and next renewal, failures with their reason, orders under way, what is served. Exit code 1 if anything failed, is overdue, or is owed.
    """
    from renewd.report import status as view

    loaded, now = _loaded(path), SystemClock().now()
    daemon = presence.ask(loaded.configuration.state_directory)
    with reading.journal(loaded) as journal:
        wanted = dict.fromkeys(_watched(loaded, journal, each) for each in name)
        rows = _rows(loaded, tuple(wanted) or loaded.targets, journal, now)
        quiet = None if journal is None else journal.quiet_until(now)
    if as_json:
        held = {} if quiet is None else {"nothing_ordered_until": times.rfc3339(quiet)}
        output.document(view.document(rows, daemon) | held)
    else:
        sys.stdout.write(view.text(rows, daemon, now, sys.stdout))
        if quiet is not None:
            print(f"the journal was lost: nothing is ordered until {quiet:%H:%M} UTC, deploying goes on")
    return 0 if view.well(rows, now) and not daemon.suspect else 1


@click.command()
@click.argument("name", required=False)
@_json
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    help=f"How many attempts, newest first.  [default: {_SHOWN}, all with --json]",
)
@click.pass_obj
def history(path: str, name: str | None, *, as_json: bool, limit: int | None) -> int:
    """Every attempt, step by step, newest first.

    Those at a NAME that is no longer watched too, until it is forgotten.
    """
    from renewd.report import history as view

    loaded = _loaded(path)
    with reading.journal(loaded) as journal:
        limit = limit or (None if as_json else _SHOWN)
        entries = _tried(loaded, journal, name, limit)
    if as_json:
        output.document(view.document(entries))
    else:
        sys.stdout.write(view.text(entries, SystemClock().now(), sys.stdout))
    return 0


@click.command()
@click.argument("name")
@click.pass_obj
def why(path: str, name: str) -> int:
    """One screen on one certificate, and what to do.

    When and why it is renewed, what stopped the last try, when the next is, what is left of the CA's limits, who is reloaded.
    """
    from renewd.report import why as view

    loaded, now = _loaded(path), SystemClock().now()
    with reading.journal(loaded) as journal:
        target = _watched(loaded, journal, name)
        ((look, facts),) = _rows(loaded, [target], journal, now)
        entries = [] if journal is None else journal.history(target.identity, _SHOWN)
        left = _left(journal, target, now)
        standing = [] if journal is None else leftovers.standing(journal, target, now)
    whole = loaded.targets if loaded.line is None else loaded.line.targets  # with their hooks
    look.target = target = next(each for each in whole if each.identity == target.identity)
    together = [
        other.name
        for other in whole
        if other is not target and other.hooks.group == target.hooks.group and any(target.hooks.group)
    ]
    subject = view.Subject(look, facts, entries, together, left, "; ".join(standing))
    sys.stdout.write(view.text(subject, now))
    return 0


def _tried(
    loaded: Loaded, journal: "Journal | None", name: str | None, limit: int | None
) -> "Sequence[Entry]":
    """The attempts at all, or at one; by a name that is not watched the journal may know several sets of names."""
    found: list[Entry] = []
    for identity in [None] if name is None else _identities(loaded, journal, name):
        found += [] if journal is None else journal.history(identity, limit)
    return sorted(found, key=lambda entry: -entry[0].id)[:limit]


def _identities(loaded: Loaded, journal: "Journal | None", name: str) -> list[str]:
    """Raises UsageError if the name is neither watched nor known."""
    try:
        return [names.one(loaded, name).identity]
    except UsageError:
        known = _called(journal, name)
        if not known:
            raise
        return known


def _watched(loaded: Loaded, journal: "Journal | None", name: str) -> Target:
    """The target of this name. Raises UsageError if it is not watched, or not any more."""
    try:
        return names.one(loaded, name)
    except UsageError:
        if not _called(journal, name):
            raise
        raise UsageError(
            f"{name!r} is not watched any more",
            remedy=f"what was tried: renewd history '{name}'; to drop that: renewd forget '{name}'",
        ) from None


def _called(journal: "Journal | None", name: str) -> list[str]:
    """The identities that the journal knows by a name."""
    from renewd.renewal import forgetting

    return list(forgetting.called(journal, name))


def _loaded(path: str) -> Loaded:
    """The configuration of this side, whose state this user may look at. Raises StateUnusable."""
    loaded = sides.load(path)
    presence.look_into(loaded.configuration.state_directory)
    return loaded


def _left(journal: "Journal | None", target: Target, now: datetime) -> str:
    """What is left of the CA's limits, at each issuer."""
    said = {}
    for issuer in target.issuers:
        spent = [] if journal is None else journal.spent(target.identity, issuer)
        said[issuer] = budget.left(spent, tuple(sorted(target.domains)), issuer, now)
    return "; ".join(text if len(said) == 1 else f"{issuer}: {text}" for issuer, text in said.items())


def _rows(
    loaded: Loaded, targets: Sequence[Target], journal: "Journal | None", now: datetime
) -> list[tuple[Look, known.Known]]:
    here, state = survey.Here.informed(loaded), loaded.configuration.state_directory
    installer = Installer(state, SystemClock())
    versions = {target.identity: installer.current(target) for target in targets}
    daemon = presence.ask(state)
    held = daemon.held if daemon.running else machine.held(loaded)  # its secrets are not ours to see
    gathered = known.gather(journal, versions, findings.read(state), served.read(state))
    rows = []
    for target in targets:
        look = survey.look_closely(target, here, now)
        pinned = waiting.holds_until(installer, target, look.facts.not_after, now)
        rows.append(
            (
                look,
                replace(gathered[target.identity], held=held.get(target.name, ""), pinned_until=pinned),
            )
        )
    return rows
