"""Telling people: what is not well at the end of a tick is compared with what was said, and the difference is sent.

What was said is kept in notices.json in the state directory, so that a restart repeats nothing. Sending is done in a
thread of its own: a service that hangs delays nothing.
"""

import json
import os
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from renewd import whole
from renewd.clock import Clock
from renewd.planning import telling
from renewd.planning.telling import Kind, Notice, Trouble
from renewd.renewal import survey
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.report import delivery, message
from renewd.report.troubles import Troubles

FILE = "notices.json"
_AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
_LOOK_EVERY = timedelta(hours=1)  # at the calendar, between passes


class Ticking(Protocol):
    """The daemon, as far as it is looked at here."""

    @property
    def context(self) -> Context: ...  # noqa: D102
    @property
    def last_pass(self) -> datetime | None: ...  # noqa: D102
    @property
    def healthy(self) -> bool: ...  # noqa: D102
    @property
    def held(self) -> Collection[str]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Event):
    """A message was sent, with so many notices in it."""

    event: ClassVar[str] = "notify.sent"
    notices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTold(Event):
    """A message could not be sent; it is tried again."""

    event: ClassVar[str] = "notify.failed"
    level: ClassVar[str] = "warning"
    why: str
    remedy: str


@dataclass(slots=True)
class _Sending:
    """How carrying out goes: at most one at a time, ever later after failures."""

    failures: int = 0
    not_before: datetime | None = None
    thread: threading.Thread | None = None

    def may(self, now: datetime) -> bool:
        busy = self.thread is not None and self.thread.is_alive()
        return not busy and (self.not_before is None or now >= self.not_before or self._odd(now))

    def _odd(self, now: datetime) -> bool:
        """A clock that was set back makes no wait longer."""
        return self.not_before is not None and self.not_before - now > max(_AGAIN[-1], telling.HOLD)

    def went(self, now: datetime, hold: timedelta) -> None:
        self.failures, self.not_before = 0, now + hold

    def failed(self, now: datetime) -> None:
        self.not_before = now + _AGAIN[min(self.failures, len(_AGAIN) - 1)]
        self.failures += 1


@dataclass(slots=True)
class Notifier:
    """A subscriber to events, told of the end of every tick."""

    clock: Clock
    emit: Callable[[Event], None]
    troubles: Troubles = field(default_factory=Troubles)
    _said: dict[str, int] | None = None  # None until the file was read
    _kept: str = json.dumps({"said": {}, "known": []})  # what the file says
    _pending: list[Notice] = field(default_factory=list)  # renewals, which are told once
    _by_time: list[Trouble] = field(default_factory=list)
    _looked: tuple[datetime | None, datetime] | None = None  # the pass, and when it was looked
    _mail: _Sending = field(default_factory=_Sending)
    _beat: _Sending = field(default_factory=_Sending)
    _beaten: datetime | None = None  # the pass that the last sign of life was for

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        self.troubles(event)

    def ticked(self, daemon: Ticking) -> None:
        """Send what is to be said, if anything."""
        context, configuration = daemon.context, daemon.context.loaded.configuration
        self._alive(configuration.heartbeat or getattr(configuration.notify, "heartbeat", None), daemon)
        renewed = self.troubles.renewed()
        if configuration.notify is None:
            return
        now, state = self.clock.now(), configuration.state_directory
        if self._said is None:
            self._restore(state)
        self._look(daemon, now)
        watched = {target.name for target in context.loaded.targets}
        on = [Kind(word) for word in configuration.notify.on]
        known = self.troubles.now(watched)
        before = self._said or {}
        gone = telling.names(before) - watched - {""}
        notices, said = telling.news(before, [*known, *self._by_time], on, gone)
        if Kind.RENEWED in on:
            self._pending += [Notice(Kind.RENEWED, *each) for each in renewed]
        if not notices and not self._pending:
            self._keep(state, said, known)
        elif self._mail.may(now):
            self._send(configuration.notify.urls, notices, lambda: self._keep(state, said, known))

    def _send(self, urls: Sequence[Any], notices: list[Notice], keep: Callable[[], None]) -> None:
        pending = list(self._pending)
        composed = message.compose([*notices, *pending], os.uname().nodename)

        def carry() -> None:
            try:
                delivery.send(urls, composed)
            except delivery.Undelivered as error:
                self._tell_failure(self._mail, error)
                return
            self._mail.went(self.clock.now(), telling.HOLD)
            del self._pending[: len(pending)]
            keep()
            self.emit(Told(notices=len(notices) + len(pending)))

        self._start(self._mail, carry)

    def _alive(self, address: Any, daemon: Ticking) -> None:
        """The sign of life after a healthy pass; if it cannot be given, as long as no other pass is over."""
        ended = daemon.last_pass if daemon.healthy else None
        if address is None or ended in (None, self._beaten) or not self._beat.may(self.clock.now()):
            return

        def carry() -> None:
            try:
                delivery.beat(address)
            except delivery.Undelivered as error:
                self._tell_failure(self._beat, error)
                return
            self._beaten = ended
            self._beat.went(self.clock.now(), timedelta())

        self._start(self._beat, carry)

    def _start(self, sending: _Sending, carry: Callable[[], None]) -> None:
        sending.thread = threading.Thread(target=carry, name="telling", daemon=True)
        sending.thread.start()

    def _tell_failure(self, sending: _Sending, error: delivery.Undelivered) -> None:
        """Told in the log when it begins, and not each time again."""
        if sending.failures == 0:
            self.emit(NotTold(why=str(error), remedy=error.remedy))
        sending.failed(self.clock.now())

    def _look(self, daemon: Ticking, now: datetime) -> None:
        """What the calendar says: after each pass, and every hour."""
        context, last_pass = daemon.context, daemon.last_pass
        if self._looked is not None:
            since = now - self._looked[1]
            if self._looked[0] == last_pass and timedelta() <= since < _LOOK_EVERY:
                return
        self._looked = (last_pass, now)
        self._by_time = []
        due = list(survey.due(context.loaded.targets, context.here, now, closely=False))
        owed = context.journal.owed() if self.troubles.owes() else {}
        self.troubles.settle(
            {seen.target.name for seen in due},
            {target.name for target in context.loaded.targets if target.identity in owed},
            daemon.held,
        )
        for seen in due:
            begin, end = seen.facts.not_before, seen.facts.not_after
            if begin is not None and end is not None:
                self._by_time += telling.by_time(seen.target.name, seen.decision.at, (begin, end), now)

    def _restore(self, state: str) -> None:
        """What was said and known before; a file that is not whole costs a repetition."""
        self._said = {}
        try:
            with open(os.path.join(state, FILE), encoding="utf-8") as file:
                self._kept = file.read()
            kept = json.loads(self._kept)
            self._said = {str(key): int(rung) for key, rung in kept["said"].items()}
            known = [Trouble(**{**each, "kind": Kind(each["kind"])}) for each in kept["known"]]
            self.troubles.restore(known)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return

    def _keep(self, state: str, said: dict[str, int], known: list[Trouble]) -> None:
        """A full disk costs a repetition after a restart, and nothing else."""
        text = json.dumps({"said": said, "known": [asdict(trouble) for trouble in known]})
        self._said = said
        if text != self._kept and whole.note(os.path.join(state, FILE), text):
            self._kept = text
