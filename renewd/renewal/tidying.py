"""Keeping the state directory small: once a day, when something was done, what nobody asks for any more goes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from renewd.errors import InstallFailed, StateUnusable
from renewd.renewal.context import Context
from renewd.renewal.events import Event

EVERY = timedelta(days=1)
KEPT_FOR = timedelta(days=400)  # of history: longer than a certificate may live


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTidied(Event):
    """Nothing was lost and nothing stopped by it; it is tried again a day later."""

    event: ClassVar[str] = "state.not_tidied"
    level: ClassVar[str] = "warning"
    why: str


def tidy(context: Context) -> None:
    """Drop old attempts, and what was refused more than a week ago, of targets that are not watched any more too.

    What depends on the present is for the daemon, which does nothing while that is in doubt.
    """
    now = context.clock.monotonic()
    lately = context.tidied is not None and now - context.tidied < EVERY.total_seconds()
    if lately or context.stop.is_set() or not context.has_journal:
        return
    context.tidied = now
    try:
        context.journal.sweep(None if context.by_hand else context.clock.now() - KEPT_FOR)
        context.installer.sweep()
    except (StateUnusable, InstallFailed) as error:
        context.emit(NotTidied(why=str(error)))
