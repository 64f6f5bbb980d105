"""import: a configuration made of what another program is set up with."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from renewd.importers.writing import Imported


@click.group("import", short_help="Print a configuration made of certbot's.")
def command() -> None:
    """Print a configuration that takes over from another program."""


@command.command()
@click.argument("folder", metavar="[DIR]", default="/etc/letsencrypt")
def certbot(folder: str) -> None:
    """Take over from certbot, whose folder is DIR (/etc/letsencrypt).

    Such as: renewd import certbot > /etc/renewd/config.yaml

    Nothing is changed, and no secret is printed. What needs a person is told, and stands in the file as a comment.
    """
    from renewd.importers import certbot as importer

    _show(importer.read(folder))


@command.command()
@click.argument("folder", metavar="DIR")
def lego(folder: str) -> None:
    """Take over from lego, whose folder is DIR (often ~/.lego).

    lego keeps neither how it proves control of the names nor its hooks: both have to be written.
    """
    from renewd.importers import lego as importer

    _show(importer.read(folder))


def _show(imported: "Imported") -> None:
    for finding in imported.findings:
        print(f"renewd: {finding}", file=sys.stderr)
    print(imported.text, end="")
