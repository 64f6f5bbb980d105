"""Telling people: what is not well at the end of a tick is compared with what was said, and the difference is sent.

What was said is kept in notices.json in the state directory, so that a restart repeats nothing. Sending is done in a
thread of its own: a service that hangs delays nothing.
"""

import json
import os
import threading
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from renewd import whole
from renewd.clock import Clock
from renewd.planning import telling
from renewd.planning.telling import Kind, Notice, Trouble
from renewd.renewal import survey
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.report import delivery
from renewd.report.outbox import NotTold, Outbox, Tries
from renewd.report.troubles import Troubles

FILE = "notices.json"
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


@dataclass(slots=True)
class Notifier:
    """A subscriber to events, told of the end of every tick."""

    clock: Clock
    emit: Callable[[Event], None]
    troubles: Troubles = field(default_factory=Troubles)
    outbox: Outbox = field(init=False)
    _said: dict[str, int] | None = None  # None until the file was read
    _taken: dict[str, int] = field(default_factory=dict)  # of that, what somebody was told for certain
    _kept: str = json.dumps({"said": {}, "known": []})  # what the file says
    _pending: list[Notice] = field(default_factory=list)  # renewals, which are told once
    _by_time: list[Trouble] = field(default_factory=list)
    _looked: tuple[datetime | None, datetime] | None = None  # the pass, and when it was looked
    _held: Tries = field(default_factory=Tries)  # messages, so that what comes up meanwhile goes into one
    _beat: Tries = field(default_factory=Tries)
    _beating: threading.Thread | None = None
    _beaten: datetime | None = None  # the pass that the last sign of life was for

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.clock, self.emit)

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
        if self.outbox.busy:
            return
        if not notices:
            self._said = said
        if (notices or self._pending) and self._held.may(now):
            self.outbox.post(configuration.notify.urls, [*notices, *self._pending])
            self._said, self._pending = said, []
            self._held.went(now, telling.HOLD)
        self._keep(state, known)
        self.outbox.carry(configuration.notify.urls, lambda: self._keep(state, known))

    def _alive(self, address: Any, daemon: Ticking) -> None:
        """The sign of life after a healthy pass; if it cannot be given, as long as no other pass is over."""
        ended = daemon.last_pass if daemon.healthy else None
        beating = self._beating is not None and self._beating.is_alive()
        if (
            address is None
            or ended in (None, self._beaten)
            or beating
            or not self._beat.may(self.clock.now())
        ):
            return

        def carry() -> None:
            try:
                delivery.beat(address)
            except delivery.Undelivered as error:
                if self._beat.failures == 0:
                    self.emit(NotTold(why=str(error), remedy=error.remedy))
                self._beat.failed(self.clock.now())
                return
            self._beaten = ended
            self._beat.went(self.clock.now())

        self._beating = threading.Thread(target=carry, name="beating", daemon=True)
        self._beating.start()

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
            quiet=context.has_journal and context.journal.quiet_until(now) is not None,
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
            self._said = self._taken = {str(key): int(rung) for key, rung in kept["said"].items()}
            known = [Trouble(**{**each, "kind": Kind(each["kind"])}) for each in kept["known"]]
            self.troubles.restore(known)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return

    def _keep(self, state: str, known: list[Trouble]) -> None:
        """What was posted counts as said once somebody was told. A full disk costs a repetition after a restart."""
        if self.outbox.heard:
            self._taken = self._said or {}
        text = json.dumps({"said": self._taken, "known": [asdict(trouble) for trouble in known]})
        if text != self._kept and whole.note(os.path.join(state, FILE), text):
            self._kept = text
