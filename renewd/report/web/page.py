"""The page beside a daemon: begins, follows the configuration, ends; what goes wrong with it stops no renewal."""

import threading
from collections.abc import Callable, Sequence

from renewd.clock import Clock
from renewd.config import secrets
from renewd.config.reporting import SHORTEST_TOKEN, Web
from renewd.config.sources import SecretSource
from renewd.config.targets import Target
from renewd.errors import RenewdError, SecretUnusable
from renewd.renewal import events
from renewd.renewal.events import Event
from renewd.report.heard import LEAVING
from renewd.report.history import Entry
from renewd.report.web.app import Pages
from renewd.report.web.attached import Daemon
from renewd.report.web.board import Board, Pulse
from renewd.report.web.events import PageFailed, PageServed
from renewd.report.web.guard import Guard
from renewd.report.web.looking import Looking
from renewd.report.web.server import Serving, bind

SHOWN = 20  # attempts of one certificate


class Page:
    """Subscribes to the daemon's events, and is told of its ticks."""

    def __init__(
        self, daemon: Daemon, emit: Callable[[Event], None], clock: Clock, tidy: Callable[[], None]
    ) -> None:
        self._tidy = tidy
        self.board = Board(clock)
        self._daemon = daemon
        self._emit = emit
        self._clock = clock
        self._looking: Looking | None = None
        self._serving: Serving | None = None
        self._settings: Web | None = None  # of what is served
        self._told = ""
        self._lock = threading.RLock()

    def heard(self, event: Event) -> None:
        """One of the daemon's events; a pass begins with the configuration that holds then."""
        self.board.heard(event)
        self.board.counting(event)
        if isinstance(event, events.PassStarted):
            self._follow()
        elif event.event == LEAVING:
            self.close()

    def ticked(self) -> None:
        """A tick is over."""
        daemon = self._daemon
        self.board.heard.beat = self._clock.monotonic()
        self.board.heard.in_pass = False
        self.board.heard.suspect = daemon.doubt.why
        if daemon.healthy:
            self.board.heard.healthy_pass = daemon.last_pass
        self.board.pulse = Pulse.of(
            self._clock.now(), daemon.last_pass, daemon.agenda.next_pass, daemon.doubt.why
        )
        self._follow()
        if self._looking is not None:
            self._looking.ticked()

    def close(self) -> None:
        """Serve no more."""
        with self._lock:
            if self._serving is not None:
                self._serving.close()
            if self._looking is not None:
                self._looking.close()
            self._serving = self._looking = None
            self._settings = None

    def _follow(self) -> None:
        """Serve what the configuration says now."""
        wanted = self._daemon.context.loaded.configuration.web
        with self._lock:
            if wanted is None:
                self.close()
            elif wanted != self._settings or self._serving is None or not self._serving.alive:
                self.close()
                self._begin(wanted)

    def _begin(self, wanted: Web) -> None:
        try:
            token = None if wanted.token is None else _token(wanted.token)
            sockets = bind(wanted)
        except (RenewdError, OSError) as error:
            self._fail(wanted, error)
            return
        self._looking = Looking(self.board, lambda: self._daemon.context, self._look_failed, self._tidy)
        self._looking.want()
        pages = Pages(self.board, self._history, self._looking.asked)
        self._serving = Serving(Guard(pages.app(), self._clock, token), sockets)
        self._settings, self._told = wanted, ""
        self._emit(PageServed(at=_places(wanted)))

    def _history(self, target: Target) -> Sequence[Entry]:
        context = self._daemon.context
        return context.journal.history(target.identity, SHOWN) if context.has_journal else ()

    def _fail(self, wanted: Web, error: Exception) -> None:
        """Told once for each reason."""
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        said = f"the page cannot be served at {_places(wanted)}: {why.lower()}"
        if said != self._told:
            self._told = said
            remedy = error.remedy if isinstance(error, RenewdError) else "free the address, or write another"
            self._emit(PageFailed(why=said, remedy=remedy))

    def _look_failed(self, error: Exception) -> None:
        said = f"what the page shows could not be looked at: {type(error).__name__}: {error}"
        if said != self._told:
            self._told = said
            self._emit(PageFailed(why=said, remedy="it is tried again"))


def _token(wanted: SecretSource) -> secrets.Secret:
    """Raises SecretUnusable if it cannot be read, or is too short to keep anybody out."""
    token = secrets.resolve(wanted)
    if len(token.reveal()) < SHORTEST_TOKEN:
        raise SecretUnusable(
            f"the token of the page is shorter than {SHORTEST_TOKEN} characters",
            remedy="make one: openssl rand -hex 32",
        )
    return token


def _places(web: Web) -> str:
    places = [f"http://{web.address}/" if web.address else "", web.socket or ""]
    return " and ".join(place for place in places if place)
