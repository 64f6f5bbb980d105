"""Accepted versions that are not live: which of them may go live, and what holds them back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509

from renewd.certs import gate
from renewd.config.targets import Target
from renewd.errors import InstallFailed
from renewd.install.installer import Installer
from renewd.planning import window
from renewd.renewal import acceptance
from renewd.renewal.context import Context
from renewd.renewal.survey import Look

PIN_ENDS = timedelta(days=1)  # a rollback by hand holds until the live certificate has less than this


def newest(context: Context, seen: Look, *, even_due: bool = False) -> str | None:
    """The newest accepted version, if it is newer than the live one, may still go live, and is not due itself.

    With `even_due` one that is due itself will do: where nothing runs.
    """
    target, installer, now = seen.target, context.installer, context.clock.now()
    current = installer.current(target)
    for version in installer.versions(target):
        if version.id == current:
            return None
        if version.accepted and not objections(context, target, version.id, context.comparable(seen)):
            if even_due:
                return version.id
            leaf = installer.load(target, version.id).leaf
            rule = target.entry.renew_before
            if now < window.due_at(leaf.not_valid_before_utc, leaf.not_valid_after_utc, rule, 0.0):
                return version.id
    return None


def objections(
    context: Context, target: Target, version: str, live: x509.Certificate | None
) -> Sequence[str]:
    """What speaks against letting a stored version go live now."""
    try:
        bundle = context.installer.load(target, version)
        stored = context.installer.version(target, version)
        issuer = context.issuer_of(target, None if stored is None else stored.issuer)
        wanted = acceptance.wanted(context, target, issuer, live)
        ordered = stored is not None and stored.was_ordered_for(live)
    except InstallFailed as error:
        return (str(error),)
    revoked = context.here.revoked.get(bundle.leaf.serial_number)
    if revoked is not None:
        return (str(revoked),)
    return gate.judge(bundle, replace(wanted, ordered=ordered), context.clock.now())


def pinned_until(context: Context, target: Target) -> datetime | None:
    """Until when a rollback by hand holds; None if none does."""
    live = context.live_leaf(target)
    end = None if live is None else live.not_valid_after_utc
    return holds_until(context.installer, target, end, context.clock.now())


def holds_until(
    installer: Installer, target: Target, not_after: datetime | None, now: datetime
) -> datetime | None:
    """The same, of a live certificate that ends so."""
    if not_after is None or not installer.pinned(target):
        return None
    until = not_after - PIN_ENDS
    return until if now < until else None
