"""status, history, why: what renewd knows, beside what is on the disk."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from renewd import journal as journals
from renewd.cli import names, output
from renewd.clock import SystemClock
from renewd.config import machine, sides
from renewd.config.load import Loaded
from renewd.config.targets import Target
from renewd.daemon import presence
from renewd.install.installer import Installer
from renewd.planning import budget
from renewd.renewal import findings, served, survey
from renewd.renewal.survey import Look
from renewd.report import known, times

if TYPE_CHECKING:
    from renewd.journal import Journal

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
    with _journal(loaded) as journal:
        rows = _rows(loaded, names.chosen(loaded, name), journal, now)
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
    """Every attempt, step by step, newest first."""
    from renewd.report import history as view

    loaded = _loaded(path)
    identity = None if name is None else names.one(loaded, name).identity
    with _journal(loaded) as journal:
        limit = limit or (None if as_json else _SHOWN)
        entries = [] if journal is None else journal.history(identity, limit)
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
    target = names.one(loaded, name)
    with _journal(loaded) as journal:
        ((look, facts),) = _rows(loaded, [target], journal, now)
        entries = [] if journal is None else journal.history(target.identity, _SHOWN)
        left = _left(journal, target, now)
    whole = loaded.targets if loaded.line is None else loaded.line.targets  # with their hooks
    look.target = target = next(each for each in whole if each.identity == target.identity)
    together = [
        other.name
        for other in whole
        if other is not target and other.hooks.group == target.hooks.group and any(target.hooks.group)
    ]
    sys.stdout.write(view.text(view.Subject(look, facts, entries, together, left), now))
    return 0


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
    return [
        (
            survey.look_closely(target, here, now),
            replace(gathered[target.identity], held=held.get(target.name, "")),
        )
        for target in targets
    ]


@contextmanager
def _journal(loaded: Loaded) -> "Iterator[Journal | None]":
    """The journal to read from; None where nothing was ever journaled: asking makes no files and no tables."""
    configuration = loaded.configuration
    if not journals.exists(configuration.state_directory, configuration.state):
        yield None
        return
    from renewd.journal import Journal

    journal = Journal.look(configuration.state_directory, SystemClock(), state=configuration.state)
    try:
        yield journal
    finally:
        if journal is not None:
            journal.close()
