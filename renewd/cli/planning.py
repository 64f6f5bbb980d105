"""plan: the calendar ahead."""

import sys
from datetime import timedelta

import click

MOST_DAYS = 3650


@click.command()
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=365, show_default=True, help="How far to look."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def plan(path: str, *, days: int, as_json: bool) -> int:
    """Show the calendar ahead.

    Which renewal falls when, week by week, and where it would meet a limit of the CA. From the disk alone: nothing is asked for.
    """
    from renewd.cli import output
    from renewd.clock import SystemClock
    from renewd.config import sides
    from renewd.daemon import presence
    from renewd.planning import ahead
    from renewd.renewal import calendar, survey
    from renewd.report import plan as view

    loaded, now = sides.load(path), SystemClock().now()
    presence.look_into(loaded.configuration.state_directory)
    here, until = survey.Here.informed(loaded), now + timedelta(days=days)
    coming = ahead.renewals(calendar.watched(loaded.targets, here, now), until)
    weeks = ahead.weeks(coming, now, until)
    if as_json:
        output.document(view.document(coming, weeks))
    else:
        sys.stdout.write(view.text(weeks, now, sys.stdout))
    return 0
