"""`renewd sandbox` and `renewd demo`: trying renewd out with nothing but this machine."""

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from renewd.errors import RenewdError, UsageError

if TYPE_CHECKING:
    from renewd.sandbox.sandbox import Sandbox

_NAME = "shopeneur.example"
_KEY_TYPES = click.Choice(["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"])
_URL = click.option("--url", required=True, help="The sandbox's address, as it said at its start.")
_COLUMN = 46  # where the demo's results begin, so that they end by column 80


@click.group(invoke_without_command=True)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where the API listens; 0: a free port."
)
@click.option("--directory", type=click.Path(file_okay=False), help="Keep key, root and config.yaml here.")
@click.option(
    "--http-port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where the CA fetches challenges instead of port 80; 0: a free port.",
)
@click.option(
    "--resolver",
    metavar="HOST:PORT",
    help="The name server that the CA asks for TXT records; without one it finds none.",
)
@click.option("--name", "names", multiple=True, help=f"A certificate of the portal; default: {_NAME}.")
@click.option("--days-left", type=float, default=3.0, show_default=True, help="Until these expire.")
@click.option("--key-type", type=_KEY_TYPES, default="ecdsa-p256", show_default=True)
@click.option("--ready", is_flag=True, help="They were validated recently: orders are born ready.")
@click.option("--v8", is_flag=True, help="The configuration speaks the V8 API.")
@click.option("--slow", type=float, help="Seconds that every call takes.")
@click.option("--fault", "faults", multiple=True, help="CALL:FAULT[:TIMES], such as finalize:lose-reply:1.")
def sandbox(**wishes: Any) -> None:
    """A local RCL API with a throwaway CA, to try things on.

    Prints a working configuration and runs until it is stopped.
    """
    if click.get_current_context().invoked_subcommand is None:
        _run(wishes)


def _run(wishes: dict[str, Any]) -> None:
    from renewd.config import addresses
    from renewd.sandbox import configuration
    from renewd.sandbox.sandbox import Sandbox

    try:
        resolver = wishes["resolver"] and addresses.host_port(wishes["resolver"])
        running = Sandbox(
            wishes["directory"], port=wishes["port"], http_port=wishes["http_port"], resolver=resolver
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise RenewdError(
            f"the sandbox cannot start: {error}", remedy="choose another port or folder"
        ) from error
    with running:
        names = wishes["names"] or (_NAME,)
        _furnish(running, names, wishes)
        text = running.configuration(
            *names, issuers={"sandbox": configuration.issuer(running, v8=wishes["v8"])}
        )
        path = running.write_configuration(text)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        click.echo(text, nl=False)
        _introduce(running, path)
        stop.wait()


def _furnish(running: "Sandbox", names: Sequence[str], wishes: dict[str, Any]) -> None:
    """Certificates and faults, as asked for. Raises UsageError for a wish that makes no sense."""
    from renewd.sandbox import faults

    for name in names:
        try:
            running.seed(
                name,
                days_left=wishes["days_left"],
                key_type=wishes["key_type"],
                validated=wishes["ready"],
            )
        except ValueError as error:
            raise UsageError(f"{name!r} cannot be in the portal: {error}") from error
    for fault in wishes["faults"]:
        running.fault(*faults.parse(fault))
    if wishes["slow"]:
        for call in ("certificate", "order", "finalize", "schedule"):
            running.fault(call, f"delay={wishes['slow']}", None)


def _introduce(running: "Sandbox", path: str) -> None:
    for line in (
        f"The sandbox listens on {running.origin}; its CA fetches challenges from port {running.http_port}.",
        f"  V7 API     {running.base_url}",
        f"  V8 API     {running.base_url_v8}",
        f"The configuration above is also {path}",
        f"  renew      renewd --config {path} renew",
        f"  seed       renewd sandbox seed --url {running.origin} another.example",
        f"  faults     renewd sandbox fault --url {running.origin} finalize:lose-reply:1",
        f"  look       renewd sandbox state --url {running.origin}",
        "Ctrl-C stops it.",
    ):
        click.echo(line, err=True)


@sandbox.command()
@_URL
@click.argument("names", nargs=-1, required=True)
@click.option("--days-left", type=float, default=3.0, show_default=True, help="Until it expires.")
@click.option("--lifetime-days", type=float, default=90.0, show_default=True)
@click.option("--key-type", type=_KEY_TYPES, default="ecdsa-p256", show_default=True)
@click.option("--ready", "validated", is_flag=True, help="Validated recently: orders are born ready.")
def seed(url: str, names: Sequence[str], **wishes: Any) -> None:
    """Put certificates into the portal of a running sandbox, or others in their place."""
    from renewd.sandbox import remote

    for name in names:
        held = remote.tell(url, "POST", "certificates", {"name": name, **wishes})
        click.echo(f"{held['name']}  expires {held['not_after']}  {held['serials'][-1]}")


@sandbox.command()
@_URL
@click.argument("faults", nargs=-1)
@click.option("--clear", is_flag=True, help="All is well again.")
def fault(url: str, faults: Sequence[str], *, clear: bool) -> None:
    """Arm faults, each CALL:FAULT[:TIMES]; without one, list what is armed and what there is."""
    from renewd.sandbox import faults as switchboard
    from renewd.sandbox import remote

    if clear:
        remote.tell(url, "DELETE", "faults")
    for wish in faults:
        call, kind, times = switchboard.parse(wish)
        remote.tell(url, "POST", "faults", {"call": call, "fault": kind, "times": times})
    state = remote.tell(url, "GET", "faults")
    for armed in state["armed"]:
        value = f"={armed['value']}" if armed["value"] else ""
        click.echo(f"armed  {armed['call']}:{armed['kind']}{value}:{armed['times'] or 'always'}")
    if not (faults or clear):
        for name, kind in state["known"].items():
            click.echo(f"{name:18} {kind['says']}")


@sandbox.command()
@_URL
def state(url: str) -> None:
    """What a running sandbox was asked for and what it issued, as JSON."""
    from renewd.sandbox import remote

    click.echo(json.dumps(remote.tell(url, "GET", "state"), indent=2))


@click.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False),
    help="An empty folder to use, instead of a temporary one.",
)
@click.option("--clean", is_flag=True, help="Remove the folder at the end.")
def demo(directory: str | None, *, clean: bool) -> None:
    """The whole job on the sandbox, step by step.

    In a temporary folder; needs no configuration, no root, no network.
    """
    from renewd.sandbox.demo import Demo

    folder = tempfile.mkdtemp(prefix="renewd-demo-") if directory is None else os.path.abspath(directory)
    if os.path.isdir(folder) and os.listdir(folder):
        raise UsageError(f"{folder} is not empty; the demo wants a folder of its own")
    playing = Demo(folder)
    click.echo("renewd demo: a certificate that is about to expire, renewed while it is served.")
    click.echo("Everything lives in one folder.")
    try:
        for number, step in enumerate(playing.play(), 1):
            click.echo(f" {number}  {step.what:{_COLUMN}} {_shown(step.result)}")
    finally:
        if clean:
            shutil.rmtree(folder, ignore_errors=True)
    click.echo("Now: renewd init > config.yaml")
    if not clean:
        click.echo(f"This demo's own configuration and files: {folder}")


def _shown(result: str) -> str:
    """Green where the output is for eyes that see it (https://no-color.org)."""
    plain = os.environ.get("NO_COLOR") or not sys.stdout.isatty()
    return result if plain else click.style(result, fg="green")
