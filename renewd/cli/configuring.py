"""validate, init, completion: the configuration before anything is done with it."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from renewd.fault import Fault

if TYPE_CHECKING:
    from renewd.config.load import Loaded


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file instead, for editors.")
@click.pass_obj
def validate(path: str, *, schema: bool) -> int:
    """Tell every fault in the configuration.

    Each with file, line and key, and what would be right.
    """
    if schema:
        from renewd.config.schema import json_schema

        print(json.dumps(json_schema(), indent=2))
        return 0
    from renewd.config import load, machine

    faults, warnings = machine.examine(path)
    for warning in warnings:
        print(f"{warning} (a warning)", file=sys.stderr)
    loaded = load.examine(path).loaded
    faults += () if loaded is None else _unusable(loaded)
    if faults or loaded is None:
        return _told(faults)
    count = len(loaded.targets)
    print(f"{path}: {count} certificate{'' if count == 1 else 's'} watched, no faults")
    return 0


def _unusable(loaded: "Loaded") -> tuple[Fault, ...]:
    """Addresses in `notify` that no service takes; those that cannot be read are told already."""
    from renewd.report import delivery

    notify, document = loaded.configuration.notify, loaded.document
    if notify is None or document is None:
        return ()
    try:
        numbers = delivery.unusable(notify.urls)
    except delivery.Undelivered:
        return ()
    told = (
        "Apprise knows no such address",
        "write it as its documentation says: https://appriseit.com/services/",
    )
    return tuple(document.fault(("notify", "urls", number), *told) for number in numbers)


def _told(faults: Sequence[Fault]) -> int:
    for fault in faults:
        print(fault, file=sys.stderr)
    count = len(faults)
    print(
        f"{count} fault{'' if count == 1 else 's'}. Nothing was changed; a running daemon keeps the configuration it has.",
        file=sys.stderr,
    )
    return 2


@click.command()
def init() -> None:
    """Print a commented configuration to start from."""
    from renewd.config.template import starting_configuration

    print(starting_configuration(), end="")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    Such as: source <(renewd completion bash)
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        print(kind(ctx.find_root().command, {}, "renewd", "_RENEWD_COMPLETE").source())
