"""check: what is on disk, what is due, when the rest will be. No network, no state, no secrets."""

import sys
from collections.abc import Sequence

import click

from renewd.cli import names


@click.command()
@click.argument("name", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; the exit code tells.")
@click.pass_obj
def check(path: str, name: Sequence[str], *, as_json: bool, quiet: bool) -> int:
    """Look at the certificates on disk.

    What is there, what is due, when the rest will be. Changes nothing and needs no network. Exit code 1 if one needs attention.
    """
    from renewd.clock import SystemClock
    from renewd.config import load
    from renewd.renewal import survey
    from renewd.report import checks

    loaded = load.load(path)
    now, here = SystemClock().now(), survey.Here.of(loaded)
    looks = [survey.look_closely(target, here, now) for target in names.chosen(loaded, name)]
    if not quiet:
        sys.stdout.write(checks.document(looks) if as_json else checks.text(looks, now, sys.stdout))
    return 0 if all(look.decision.state == "ok" for look in looks) else 1
