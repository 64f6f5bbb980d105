"""renew, deploy, rollback, finalize: what acts, with its progress shown."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import click

from renewd.cli import names, output, work
from renewd.config import units
from renewd.errors import UsageError
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome


def _duration(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    try:
        return units.duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


_quiet = click.option("-q", "--quiet", is_flag=True, help="Print nothing but failures.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the outcomes as one JSON document.")
_wait = click.option(
    "--wait",
    metavar="DURATION",
    callback=_duration,
    default="60s",
    show_default=True,
    help="Sit out waits between tries up to this much in all; what needs longer is parked.",
)


@click.command()
@click.argument("name", nargs=-1)
@click.option("--force", is_flag=True, help="Renew the named ones even if they are not due.")
@click.option(
    "--dry-run", is_flag=True, help="Say what would be done; call nothing that costs, change nothing."
)
@_wait
@_quiet
@_json
@click.pass_obj
def renew(  # noqa: PLR0913 - one parameter an option, named by click
    path: str, name: Sequence[str], *, force: bool, dry_run: bool, wait: timedelta, quiet: bool, as_json: bool
) -> int:
    """Renew what is due, now.

    Names limit it to those. A failed target never stops the others; the exit code is 1 if any failed or waits.
    """
    if force and not name:
        raise UsageError("--force wants names: renewing everything at once is what rate limits are for")
    if dry_run:
        from renewd.cli import planned

        return planned.show(path, name, force=force, as_json=as_json)

    def act(context: Context) -> list[Outcome]:
        from renewd.renewal import asking, passes

        work.refuse_a_wrong_clock(context.clock.now())
        targets, held = work.able(context.loaded, names.chosen(context.loaded, name))
        asking.ask_once(context, targets)
        forced = [target.name for target in targets] if force else []
        return passes.run(context, targets, forced=forced) + held

    return _act(path, act, patience=wait, quiet=quiet, as_json=as_json)


@click.command()
@click.argument("name", nargs=-1)
@_quiet
@_json
@click.pass_obj
def deploy(path: str, name: Sequence[str], *, quiet: bool, as_json: bool) -> int:
    """Make the newest accepted version live; pay owed hooks.

    Then check, reload and confirm once more; never orders. Pays hooks that are owed, and tries hooks out before the day they matter.
    """

    def act(context: Context) -> list[Outcome]:
        from renewd.renewal import by_hand

        targets, held = work.able(context.loaded, names.chosen(context.loaded, name))
        return by_hand.deploy(context, targets) + held

    return _act(path, act, quiet=quiet, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--to", metavar="VERSION", help="This version instead of the one before the live one.")
@_quiet
@_json
@click.pass_obj
def rollback(path: str, name: str, *, to: str | None, quiet: bool, as_json: bool) -> int:
    """Put the previous version back and run the hooks.

    It stays until `renewd deploy NAME`, or until it has less than a day left.
    """

    def act(context: Context) -> list[Outcome]:
        from renewd.renewal import by_hand

        return by_hand.rollback(context, names.one(context.loaded, name), to)

    return _act(path, act, quiet=quiet, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--order-uri", metavar="URI", required=True, help="The order, validated elsewhere.")
@_wait
@_quiet
@_json
@click.pass_obj
def finalize(path: str, name: str, *, order_uri: str, wait: timedelta, quiet: bool, as_json: bool) -> int:
    """Finalize an order that was validated elsewhere.

    Then install and deploy as ever.
    """
    if not order_uri.strip():  # one that the service makes by itself has none: that would be a renewal
        raise UsageError("--order-uri is empty: no order is meant")

    def act(context: Context) -> list[Outcome]:
        from renewd.renewal import by_hand

        work.refuse_a_wrong_clock(context.clock.now())
        able, held = work.able(context.loaded, [names.one(context.loaded, name)])
        return held or by_hand.finalize(context, able[0], order_uri)

    return _act(path, act, patience=wait, quiet=quiet, as_json=as_json)


def _act(
    path: str,
    act: Callable[[Context], list[Outcome]],
    *,
    patience: timedelta = timedelta(seconds=60),
    quiet: bool,
    as_json: bool,
) -> int:
    from renewd.report.progress import Progress

    with Progress(sys.stderr if as_json else sys.stdout, quiet=quiet or as_json) as progress:
        with work.at_work(path, progress, patience) as context:
            outcomes = act(context)
            now, upcoming = context.clock.now(), _upcoming(context)
        with suppress(BrokenPipeError):  # who reads us has enough; the exit code still tells
            progress.summary(outcomes, now, upcoming)
    if as_json:
        output.document({"outcomes": [_row(outcome) for outcome in outcomes]})
    return work.code(outcomes)


def _upcoming(context: Context) -> tuple[str, datetime] | None:
    """The next renewal of what is well now."""
    looks = [context.look(target) for target in context.loaded.targets]
    times = [
        (look.decision.at, look.target.name) for look in looks if look.decision.at and not look.decision.due
    ]
    return min(((name, at) for at, name in times), key=lambda pair: pair[1], default=None)


def _row(outcome: Outcome) -> dict[str, object]:
    return {
        "name": outcome.target.name,
        "result": str(outcome.result),
        "why": outcome.why or None,
        "next_try_at": outcome.next_try_at,
    }
