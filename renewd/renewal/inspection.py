"""Looks at the live files before they are replaced and after the hooks: what somebody changed is told, never lost silently."""

from dataclasses import dataclass
from typing import ClassVar

from cryptography import x509

from renewd.config.targets import Target
from renewd.errors import InstallFailed
from renewd.renewal import survey
from renewd.renewal.context import Context
from renewd.renewal.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered(Event):
    """Live files are not what renewd put there."""

    event: ClassVar[str] = "install.altered"
    level: ClassVar[str] = "warning"
    what: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTidied(Event):
    """The certificate is live and well, but old versions could not be looked at or taken away."""

    event: ClassVar[str] = "install.not_tidied"
    level: ClassVar[str] = "warning"
    why: str


def refuse_earlier(context: Context, target: Target, version: str, leaf: x509.Certificate) -> None:
    """Raises InstallFailed if what is live for the same names, whoever put it there, ends later than the version's leaf.

    What was ordered in the place of that very certificate may go live all the same.
    """
    live = survey.look_closely(target, context.here, context.clock.now()).facts
    if live.state != "present" or set(live.domains or ()) != set(target.domains):
        return
    stored = context.installer.version(target, version)
    if stored is not None and stored.was_ordered_for(context.live_leaf(target)):
        return
    ends, running = leaf.not_valid_after_utc, live.not_after
    if running is not None and ends < running:
        raise InstallFailed(
            f"what is to go live ends at {ends:%Y-%m-%d %H:%M} UTC, before the live certificate, which ends at {running:%Y-%m-%d %H:%M}",
            remedy="nothing was changed; if it is to go live all the same: renewd rollback NAME --to VERSION",
        )


def before_switch(context: Context, target: Target) -> None:
    """Tell what was changed by hand; the switch keeps it as a version. Raises InstallFailed."""
    for what in context.installer.altered(target):
        then = "it is kept as a version whose name ends in -taken before anything replaces it"
        context.emit(Altered(name=target.name, what=what, then=then))


def after_hooks(context: Context, target: Target) -> None:
    """Tell what the hooks, or somebody meanwhile, changed; then take away old versions. All went well: nothing is raised."""
    try:
        for what in context.installer.altered(target):
            then = "see which hook writes there; renewd leaves it as it is until the next certificate"
            context.emit(Altered(name=target.name, what=what, then=then))
        context.installer.prune(target)
    except InstallFailed as error:
        context.emit(NotTidied(name=target.name, why=f"{error}; {error.remedy}".removesuffix("; ")))
