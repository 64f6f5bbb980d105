"""After the journal was lost: what the version stores still tell of limits and debts is noted in the new one."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from renewd.config.targets import Target
from renewd.errors import InstallFailed
from renewd.install.installer import Installer
from renewd.journal import Journal
from renewd.journal.rebuilding import Remnant
from renewd.planning import budget

# Which hooks were still to be run nobody knows any more, and to run them twice does no harm; `pre` comes before a switch.
OWED = ("check",)


def rebuild(journal: "Journal", installer: Installer, targets: tuple[Target, ...], now: datetime) -> None:
    """Nothing where this host has tried anything, or where the stores hold nothing of renewd's."""
    if journal.is_blank:
        found = [remnant for target in targets for remnant in _remnants(installer, target, now)]
        if found:
            journal.rebuild(found)


def _remnants(installer: Installer, target: Target, now: datetime) -> Iterator[Remnant]:
    """What counts for the CA's limits, and last what is live; of a target that cannot be looked at nothing."""
    with suppress(InstallFailed, OSError):
        live = installer.current(target)
        known = [version for version in installer.versions(target) if version.accepted]
        for version in sorted(known, key=lambda version: version.id == live):
            if version.id == live or version.created_at > now - budget.WEEK:
                yield Remnant(
                    target.identity,
                    target.name,
                    version.id,
                    version.issuer,
                    version.order_uri,
                    version.created_at,
                    OWED if version.id == live else (),
                )
