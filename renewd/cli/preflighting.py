"""preflight: everything that can be known before a renewal without costing anything."""

import sys
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import click

from renewd.cli import names, output, work
from renewd.renewal.events import Event

if TYPE_CHECKING:
    from renewd.config.targets import Target
    from renewd.renewal.context import Context
    from renewd.renewal.findings import Finding


@click.command()
@click.argument("name", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def preflight(path: str, name: Sequence[str], *, as_json: bool) -> int:
    """Try all that a renewal needs and that costs nothing.

    The API, the challenge, the disk, the check hook, the clock. Exit code 1 if something would stop a renewal.
    """
    from renewd.renewal import preflight as looking
    from renewd.renewal.findings import Finding

    findings: list[Finding] = []
    with work.at_work(path, _nobody) as context:
        targets, held = work.able(context.loaded, names.chosen(context.loaded, name))
        lacking = [
            (outcome.target, [Finding(outcome.target.name, "blocks", outcome.why)]) for outcome in held
        ]
        for target, found in chain(looking.looks(context, targets), lacking):
            findings += found
            _keep(context, target, found)
            if not as_json:
                _print(target.name, found)
    if as_json:
        output.document({"findings": [_row(finding) for finding in findings]})
    else:
        counts = {
            level: sum(finding.level == level for finding in findings) for level in ("ok", "warns", "blocks")
        }
        print(", ".join(f"{count} {level}" for level, count in counts.items() if count))
    return 1 if looking.blocks(findings) else 0


def _row(finding: "Finding") -> dict[str, str]:
    return {
        "name": finding.name,
        "level": finding.level,
        "what": finding.what,
        "remedy": finding.remedy,
    }


def _keep(context: "Context", target: "Target", found: Sequence["Finding"]) -> None:
    """`status` shows what was found last, by whomever."""
    from renewd.renewal import findings

    if context.stop.is_set():
        return
    state = context.loaded.configuration.state_directory
    newest = findings.of(found, context.clock.now(), findings.read(state).get(target.identity))
    findings.keep(state, {target.identity: newest}, {each.identity for each in context.loaded.targets})


def _nobody(event: Event) -> None:
    """Preflight tells by its findings; an interrupted install that was put right is told by the next `status`."""


def _print(name: str, findings: Sequence["Finding"]) -> None:
    print(name)
    for finding in findings:
        print(f"  {finding.level:<6}  {finding.what}")
        if finding.remedy:
            print(f"          {finding.remedy}")
    sys.stdout.flush()
