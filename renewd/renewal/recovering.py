"""At a start: the switches that a crash interrupted are ended before anything is decided, and what cannot be is told."""

from dataclasses import dataclass
from typing import ClassVar

from renewd.renewal import events
from renewd.renewal.context import Context
from renewd.renewal.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRecovered(Event):
    """An interrupted switch could not be ended: what is live may be torn. The next switch of the target ends it."""

    event: ClassVar[str] = "install.not_recovered"
    level: ClassVar[str] = "error"
    what: str
    remedy: str


def recover(context: Context) -> None:
    """What cannot be ended is looked at closely from now on. Raises InstallFailed if nothing can be known of it."""
    for one in context.installer.recover():
        if one.ok:
            context.emit(events.Recovered(name=one.name, what=one.what))
            continue
        remedy = f"renewd replaces what is broken by itself; at once: renewd renew '{one.name}' --force"
        context.emit(NotRecovered(name=one.name, what=one.what, remedy=remedy))
        context.doubtful |= {each.identity for each in context.loaded.targets if each.name == one.name}
