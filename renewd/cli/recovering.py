"""recover: what a crash or a power cut left half-switched is completed or undone, before a web server starts."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from renewd import trespass
from renewd.config import sides
from renewd.errors import ConfigurationError

if TYPE_CHECKING:
    from renewd.config.targets import Target
    from renewd.install.installer import Installer


@click.command()
@click.pass_obj
def recover(path: str) -> int:
    """Complete or undo an interrupted install.

    From local files alone: quick, offline, without secrets; for a unit before the web server. Of a wrong
    configuration it takes the state directory and goes on. Where `placeholder` is wanted and nothing is there yet, one
    is put, so that the web server can start.
    """
    from renewd.clock import SystemClock
    from renewd.config import load
    from renewd.install.installer import Installer

    examined = load.examine(path)
    if examined.loaded is None:
        raise ConfigurationError(examined.faults)
    own = examined.loaded.configuration.state_directory
    states = [state for state in (own, sides.beside(own)) if _ours(state)]
    for state in states:
        trespass.insist(state)
    installers = [Installer(state, SystemClock()) for state in states]
    ended = [one for installer in installers for one in installer.recover()]
    for one in ended:
        print(f"{one.name or 'unknown'}: {one.what}", file=sys.stdout if one.ok else sys.stderr)
    put = _placeholders(installers[-1], examined.loaded.targets) if installers else True
    if examined.faults:
        raise ConfigurationError(examined.faults)
    return 0 if put and all(one.ok for one in ended) else 1


def _placeholders(installer: "Installer", targets: Sequence["Target"]) -> bool:
    """Whether each that is wanted is there."""
    from renewd.errors import InstallFailed

    failed = 0
    for target in targets:
        try:
            if installer.placeholder(target):
                print(f"{target.name}: a self-signed certificate was put, so that the web server can start")
        except InstallFailed as error:
            failed += 1
            print(f"{target.name}: {error}", file=sys.stderr)
    return not failed


def _ours(state_directory: str) -> bool:
    """What another user could write there, root must not act upon: that user's daemon sees to it."""
    try:
        return os.stat(state_directory).st_uid == os.geteuid()
    except OSError:
        return not state_directory.endswith(sides.BESIDE)  # what is wrong with it the installer says
