"""What an attempt works with: clock, journal, issuers, installer, and whom to tell."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509

from renewd.certs.facts import PLACEHOLDER_SERIAL
from renewd.challenges.base import Challenge
from renewd.clock import Clock, SystemClock
from renewd.config.load import Loaded
from renewd.config.targets import Target
from renewd.errors import StateUnusable
from renewd.install.installer import Installer
from renewd.issuers.base import Issuer
from renewd.renewal import survey
from renewd.renewal.events import Event, JournalBegunAnew
from renewd.renewal.suggestions import Kept
from renewd.renewal.survey import Here, Look
from renewd.renewal.timed import timed

if TYPE_CHECKING:
    from renewd.journal import Journal

PATIENCE = timedelta(
    seconds=60
)  # waits between tries that are sat out; longer ones are parked in the journal


def unharmed(emit: Callable[[Event], None]) -> Callable[[Event], None]:
    """The same, but that what goes wrong with who listens, such as a closed pipe, stops no renewal."""

    def tell(event: Event) -> None:
        with suppress(Exception):
            emit(event)

    return tell


@dataclass
class Context:
    """One configuration at work. The journal and the issuers are opened when first needed: an idle daemon needs neither."""

    loaded: Loaded
    clock: Clock = field(default_factory=SystemClock)
    emit: Callable[[Event], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    patience: timedelta = PATIENCE
    by_hand: bool = False  # a person asked: own back-off is not waited for
    offline: bool = False  # nothing is obtained: only what was accepted before goes live, and debts are paid
    tidied: float | None = None  # when the state directory was, by the monotonic clock
    left_alone_until: float = 0.0  # by the same: challenges that could not be taken away a while ago
    doubtful: set[str] = field(default_factory=set)  # identities of targets whose live files looked broken
    _issuers: dict[str, Issuer] = field(default_factory=dict, repr=False)
    _journal: "Journal | None" = field(default=None, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _closed: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        self.began = self.clock.now()
        self.installer = Installer(self.loaded.configuration.state_directory, self.clock)
        self.suggestions = Kept(self.loaded.configuration.state_directory)
        self.emit = unharmed(self.emit)

    @property
    def here(self) -> Here:
        """Where the looking is done, with what CAs suggested at last."""
        return Here.informed(self.loaded, self.suggestions)

    @property
    def journal(self) -> "Journal":
        """The journal, opened when first asked for. Raises StateUnusable if it cannot be."""
        from renewd.journal import Journal
        from renewd.renewal import rebuilding

        with self._open():
            lost = self._journal.lost if self._journal is not None else ""
            if self._journal is None or lost:
                configuration = self.loaded.configuration
                opened = Journal.open(
                    configuration.state_directory,
                    self.clock,
                    state=configuration.state,
                    stop=self.stop,
                    lost=lost,
                )
                told = opened.recovered or (f"the journal was opened anew: {lost}" if lost else None)
                rebuilding.rebuild(opened, self.installer, self.loaded.targets, self.clock.now())
                if self._journal is not None:
                    self._journal.close()
                self._journal = opened
                if told is not None:
                    self.emit(JournalBegunAnew(what=told))
            return self._journal

    @property
    def has_journal(self) -> bool:
        """Whether anything was ever journaled here; asking does not open it."""
        from renewd import journal

        configuration = self.loaded.configuration
        return self._journal is not None or journal.exists(configuration.state_directory, configuration.state)

    def issuer(self, name: str) -> Issuer:
        """The issuer that the configuration calls so; one client for all targets that share it. Raises StateUnusable when closed."""
        from renewd import issuers

        with self._open():
            if name not in self._issuers:
                configuration = self.loaded.configuration
                settings = configuration.issuers[name]
                made = issuers.make(name, settings, self.clock, configuration.state_directory)
                self._issuers[name] = timed(made, self.clock, self.emit)
            return self._issuers[name]

    @contextmanager
    def _open(self) -> Iterator[None]:
        """Nobody else opens or closes anything meanwhile. A thread that hung until now opens nothing that nobody would close."""
        with self._lock:
            if self._closed:
                raise StateUnusable(
                    "another configuration holds since this was begun",
                    remedy="the next pass finds out how far it came, and goes on with it",
                )
            yield

    def issuer_of(self, target: Target, name: str | None) -> str:
        """`name`, where the configuration still has an issuer that is called so; else the first of the target's."""
        return name if name is not None and name in self.loaded.configuration.issuers else target.issuer

    def look(self, target: Target) -> Look:
        """What is on disk; a person who asks is looked at closely for, the key too, and so is what was found broken."""
        closely = self.by_hand or target.identity in self.doubtful
        return (survey.look_closely if closely else survey.look)(target, self.here, self.clock.now())

    def live_leaf(self, target: Target) -> x509.Certificate | None:
        """The certificate that runs now; a placeholder is none."""
        leaf = self.installer.live_leaf(target)
        return None if leaf is None or leaf.serial_number == PLACEHOLDER_SERIAL else leaf

    def comparable(self, seen: Look) -> x509.Certificate | None:
        """What a new certificate has to be newer than; what is invalid is nothing of the kind."""
        return self.live_leaf(seen.target) if seen.facts.state == "present" else None

    def challenge(self, target: Target) -> Challenge | None:
        """How the target proves control; None where it does not say."""
        from renewd import challenges
        from renewd.hooks import command as hooks

        means = challenges.Means(hooks.run, stop=self.stop)
        return None if target.challenge is None else challenges.make(target.challenge, means)

    def close(self) -> None:
        """Let go of connections and the journal for good; calls under way fail soon after."""
        with self._lock:
            self._closed = True
            for issuer in self._issuers.values():
                issuer.close()
            self._issuers.clear()
            if self._journal is not None:
                self._journal.close()
                self._journal = None
