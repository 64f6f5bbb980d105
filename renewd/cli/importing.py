"""import: a configuration made of what another program is set up with."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from renewd.importers.writing import Imported


@click.group("import", short_help="Print a configuration made of certbot's, lego's or RCL's.")
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


@command.command()
@click.argument("file", metavar="FILE")
@click.option(
    "--key-to",
    metavar="PATH",
    help="Put the API key there, for its owner alone; a file that is there stays as it is.",
)
def rcl(file: str, key_to: str | None) -> int:
    """Take over from RCL's own daemon, whose appsettings.json is FILE.

    Such as: renewd import rcl appsettings.json --key-to /etc/renewd/rcl-api-key > /etc/renewd/config.yaml

    The same folders, with the same names of files. The API key is never printed.
    """
    import os

    from renewd.importers import rcl as importer

    taken = importer.read(file, os.path.abspath(key_to) if key_to else importer.KEY_FILE)
    if key_to is not None and taken.api_key is not None:
        try:
            descriptor = os.open(key_to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            print(
                f"renewd: the API key was not put into {key_to}: {os.strerror(error.errno or 0).lower()}",
                file=sys.stderr,
            )
            return 1
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(taken.api_key.reveal() + "\n")
    _show(taken.imported)
    return 0


def _show(imported: "Imported") -> None:
    for finding in imported.findings:
        print(f"renewd: {finding}", file=sys.stderr)
    print(imported.text, end="")
