"""recover: what a crash or a power cut left half-switched is completed or undone, before a web server starts."""

import sys

import click

from renewd.errors import ConfigurationError


@click.command()
@click.pass_obj
def recover(path: str) -> int:
    """Complete or undo an interrupted install.

    From local files alone: quick, offline, without secrets; for a unit before the web server. Of a wrong
    configuration it takes the state directory and goes on.
    """
    from renewd.clock import SystemClock
    from renewd.config import load
    from renewd.install.installer import Installer

    examined = load.examine(path)
    if examined.loaded is None:
        raise ConfigurationError(examined.faults)
    ended = Installer(examined.loaded.configuration.state_directory, SystemClock()).recover()
    for one in ended:
        print(f"{one.name or 'unknown'}: {one.what}", file=sys.stdout if one.ok else sys.stderr)
    if examined.faults:
        raise ConfigurationError(examined.faults)
    return 0 if all(one.ok for one in ended) else 1
