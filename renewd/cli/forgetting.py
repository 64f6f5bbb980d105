"""forget: what is known of a certificate that is not watched any more is dropped."""

from typing import TYPE_CHECKING

import click

from renewd.cli import output, reading, work
from renewd.config import sides
from renewd.daemon import presence
from renewd.errors import UsageError

if TYPE_CHECKING:
    from renewd.config.load import Loaded
    from renewd.renewal.forgetting import Remains

_FAILED = 1


@click.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say what would be dropped; change nothing.")
@click.pass_obj
def forget(path: str, name: str, *, dry_run: bool) -> int:
    """Drop what is known of a certificate that is no longer watched.

    Attempts, debts, stored versions of fixed paths, stored keys, what was refused. Live files stay as they are, a folder
    of install.directory with all its versions among them. What was spent of a CA's limits counts on.
    """
    from renewd.renewal import forgetting

    loaded = sides.load(path)
    if dry_run:
        with reading.journal(loaded) as journal:
            found = forgetting.find(loaded, journal, name)
    else:
        _warn_of_an_older_list(loaded)
        with work.at_work(path, lambda _: None, loaded=loaded) as context:
            found = forgetting.forget(context, name)
    if found is None:
        raise UsageError(f"nothing is known of {name!r}, which is not watched{_meant(loaded, name)}")
    return _tell(found, loaded, dry_run=dry_run)


def _meant(loaded: "Loaded", name: str) -> str:
    """The nearest name that could be forgotten, as a question."""
    from renewd.config import near

    with reading.journal(loaded) as journal:
        known = {} if journal is None else journal.known()
    watched = {target.identity for target in loaded.targets}
    meant = near.nearest(name, {one for each, names in known.items() if each not in watched for one in names})
    return f"; did you mean {meant}?" if meant else ""


def _warn_of_an_older_list(loaded: "Loaded") -> None:
    """A daemon that was not told of the new file goes on with the old one, and begins to know the name anew."""
    daemon = presence.ask(loaded.configuration.state_directory)
    mark = presence.mark(target.name for target in loaded.targets)
    if daemon.running and daemon.watched not in ("", mark):
        output.say(
            f"the daemon (pid {daemon.pid}) still watches what an older configuration says: "
            "systemctl reload renewd, or send it SIGHUP"
        )


def _tell(found: "Remains", loaded: "Loaded", *, dry_run: bool) -> int:
    """Each thing in a line; 1 if there was nothing here to forget."""
    if found.attempts or found.files:
        print(f"{found.name} {'would be' if dry_run else 'is'} forgotten:")
        if found.attempts:
            print(f"  {found.attempts} attempt{'' if found.attempts == 1 else 's'}")
        for file in found.files:
            print(f"  {file}")
        if loaded.line is not None:
            print("  what the side that installs knows of it")
        print("Live files stay as they are.")
    if found.counts_until is not None:
        print(f"What was spent of the CA's limits counts until {found.counts_until:%Y-%m-%d %H:%M} UTC.")
    if found.elsewhere:
        print(
            f"{found.elsewhere} attempts of other hosts are theirs to forget: renewd forget, on each of them."
        )
    return 0 if found.attempts or found.files else _FAILED
