"""preflight: everything that can be known before a renewal without costing anything."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from renewd.cli import names, output, work
from renewd.renewal.events import Event

if TYPE_CHECKING:
    from renewd.renewal.preflight import Finding


@click.command()
@click.argument("name", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def preflight(path: str, name: Sequence[str], *, as_json: bool) -> int:
    """Try all that a renewal needs and that costs nothing.

    The API, the challenge, the disk, the check hook, the clock. Exit code 1 if something would stop a renewal.
    """
    from renewd.renewal import preflight as looking

    findings: list[looking.Finding] = []
    with work.at_work(path, _nobody) as context:
        targets, held = work.able(context.loaded, names.chosen(context.loaded, name))
        findings += [looking.Finding(outcome.target.name, "blocks", outcome.why) for outcome in held]
        for target in targets:
            found = looking.look(context, target)
            findings += found
            if not as_json:
                _print(target.name, found)
    if as_json:
        output.document({"findings": [asdict(finding) for finding in findings]})
    else:
        for outcome in held:
            _print(outcome.target.name, [f for f in findings if f.name == outcome.target.name])
        counts = {
            level: sum(finding.level == level for finding in findings) for level in ("ok", "warns", "blocks")
        }
        print(", ".join(f"{count} {level}" for level, count in counts.items() if count))
    return 1 if looking.blocks(findings) else 0


def _nobody(event: Event) -> None:
    """Preflight tells by its findings; an interrupted install that was put right is told by the next `status`."""


def _print(name: str, findings: Sequence["Finding"]) -> None:
    print(name)
    for finding in findings:
        print(f"  {finding.level:<6}  {finding.what}")
        if finding.remedy:
            print(f"          {finding.remedy}")
    sys.stdout.flush()
