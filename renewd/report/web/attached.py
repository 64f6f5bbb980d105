"""The page of a daemon whose configuration asks for one, or comes to do so; nothing of it is imported before."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from renewd.clock import Clock
from renewd.config.reporting import GET_SERVER, NO_SERVER
from renewd.renewal import events
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.report.web.events import PageFailed

if TYPE_CHECKING:
    from renewd.report.web.page import Page


class Agenda(Protocol):
    """When the daemon comes back."""

    next_pass: datetime | None


class Doubt(Protocol):
    """Whether the present is believed."""

    why: str


class Daemon(Protocol):
    """What is asked of a daemon; renewd.daemon.service.Daemon is one."""

    @property
    def context(self) -> Context: ...  # noqa: D102
    @property
    def last_pass(self) -> datetime | None: ...  # noqa: D102
    @property
    def healthy(self) -> bool: ...  # noqa: D102
    @property
    def agenda(self) -> Agenda: ...  # noqa: D102
    @property
    def doubt(self) -> Doubt: ...  # noqa: D102


class Attached:
    """Subscribes to a daemon's events, and is told of its ticks."""

    def __init__(
        self, emit: Callable[[Event], None], clock: Clock, tidy: Callable[[], None] = lambda: None
    ) -> None:
        """`tidy` gives back memory after a look at everything."""
        self._tidy = tidy
        self.daemon: Daemon | None = None
        self._emit = emit
        self._clock = clock
        self._page: Page | None = None
        self._told = False

    def heard(self, event: Event) -> None:
        """One of the daemon's events. The page begins with the first pass, when this daemon is sure to be the only one."""
        if isinstance(event, events.PassStarted):
            self._begin()
        if self._page is not None:
            self._page.heard(event)

    def ticked(self, daemon: Daemon) -> None:
        """A tick is over."""
        self.daemon = daemon
        self._begin()
        if self._page is not None:
            self._page.ticked()

    def _begin(self) -> None:
        daemon = self.daemon
        if self._page is not None or daemon is None or daemon.context.loaded.configuration.web is None:
            return
        try:
            from renewd.report.web.page import Page
        except ImportError:
            if not self._told:
                self._told = True
                self._emit(PageFailed(why=NO_SERVER, remedy=GET_SERVER))
            return
        self._page = Page(daemon, self._emit, self._clock, self._tidy)
