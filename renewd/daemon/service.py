"""The daemon: a tick that looks and does, in one thread; signals in the main one."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from renewd.clock import Clock, SystemClock
from renewd.config import machine, sides
from renewd.config.load import Loaded
from renewd.config.model import Configuration
from renewd.config.targets import Target
from renewd.daemon import events as own
from renewd.daemon import health, lacking, memory, presence, signals, starts
from renewd.daemon.agenda import TICK, Agenda
from renewd.daemon.doubt import Doubt
from renewd.daemon.preflights import Preflights
from renewd.daemon.suggestions import Suggestions
from renewd.daemon.systemd import Supervisor
from renewd.daemon.watch import Watch
from renewd.errors import ConfigurationError, RenewdError
from renewd.hooks import descendants
from renewd.renewal import events, passes
from renewd.renewal.context import Context, unharmed
from renewd.renewal.outcome import DEFECT

SOON = timedelta(seconds=1)  # until what is left of a round of looks
LEAVE_WITHIN = 7.0  # seconds; a container's stop kills after ten


class Daemon:
    """One configuration file, watched until a signal says to leave."""

    def __init__(
        self,
        path: str,
        emit: Callable[[events.Event], None],
        clock: Clock | None = None,
        taken: Callable[[Configuration], None] = lambda _: None,
        ticked: Callable[["Daemon"], None] = lambda _: None,
        supervisor: Supervisor | None = None,
    ) -> None:
        """`taken` is told of each configuration from when on it holds, `ticked` of the end of every tick."""
        self.path = path
        self._taken = taken
        self._ticked = ticked
        self.emit = unharmed(emit)
        self.clock = clock or SystemClock()
        self.supervisor = supervisor or Supervisor(self.clock)
        self.stop = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._fresh: Loaded | None = None  # a configuration that the next tick takes
        self._take(sides.load(path))
        self.doubt = Doubt(self.clock, self.emit, presence.ask(self.state_directory).believed)
        self.starts = starts.Starts(self.state_directory, self.clock)
        self.last_pass: datetime | None = None  # when the last one ended

    def run(self, inbox: signals.Inbox) -> None:
        """Live until SIGTERM or SIGINT comes. Raises AlreadyRunning, StateUnusable, ConfigurationError before anything else."""

        def unasked(why: str) -> None:
            self.emit(own.NobodyAsks(why=why))

        with (
            presence.hold(self.state_directory),
            health.answering(self.state_directory, self.supervisor.stuck, unasked),
        ):
            try:
                left = self._live(inbox)
            except KeyboardInterrupt:  # asked twice
                left = False
            if not left:  # something hangs in a thread; the journal says how far it came
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
        self.context.close()

    def _live(self, inbox: signals.Inbox) -> bool:
        """Whether everything had ended in time when a signal said to leave."""
        from renewd.daemon import scheduler

        self._begin()
        self.supervisor.ready()
        number = inbox.next(0.0)  # some change their mind at once
        if number in (signal.SIGTERM, signal.SIGINT):
            return self._leave(number)
        running = scheduler.start(self.tick, lambda: self.next_tick(self.clock.now()))
        wait = self.supervisor.patience(TICK.total_seconds())
        while (number := inbox.next(wait)) in (None, signal.SIGHUP):
            descendants.reap()  # hooks may leave orphans, as process 1 nobody else does it, and a pass may take long
            self.supervisor.feed()
            if number is None:
                scheduler.hasten(running, self.clock.now())
            elif self.reload():
                scheduler.fire(running, self.clock.now())
        running.shutdown(wait=False)
        return self._leave(number)

    def _leave(self, number: signal.Signals | None) -> bool:
        self.starts.healthy()
        self.emit(own.Leaving(signal=number.name if number else ""))
        self.stop.set()
        return self._idle.wait(LEAVE_WITHIN)

    def tick(self) -> None:
        """Look at everything when a pass is due, else at what asked for an earlier look; safe to repeat at any time."""
        self._idle.clear()
        self.supervisor.began()
        try:
            if self._fresh is not None:
                self.suggestions.close()
                self.context.close()
                self._take(self._fresh)
            self._act()
            self.supervisor.ended()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next tick tries again
            self._failed(error)
        finally:
            self._idle.set()
        presence.tell(
            self.state_directory,
            last_pass=self.last_pass,
            next_pass=self.agenda.next_pass,
            last_tick=self.clock.now(),
            believed=self.doubt.seen,
            suspect=self.doubt.why,
        )
        try:
            self._ticked(self)
        except Exception as error:  # noqa: BLE001 - who only watches stops nothing
            self._failed(error)

    def next_tick(self, now: datetime) -> datetime:
        """When to tick next: at once for a new configuration."""
        if self._fresh is not None:
            return now
        if self.doubt.why:
            return now + TICK
        if self.watch.due and not self.context.offline:
            return now + SOON
        return self.agenda.next_tick(now)

    def reload(self) -> bool:
        """Read the file again; a wrong one is told and changes nothing. True if the new one is taken."""
        self.supervisor.reloading()
        try:
            fresh = sides.load(self.path)
            machine.insist(fresh)
            if fresh.configuration.state_directory != self.state_directory:
                self.emit(own.NotReloaded(why="state_directory changed: that needs a restart"))
                return False
        except ConfigurationError as error:
            self.emit(own.NotReloaded(why=str(error)))
            return False
        self._fresh = fresh
        self.emit(own.Reloaded(watched=len(fresh.targets)))
        return True

    def _take(self, loaded: Loaded) -> None:
        self._fresh = None
        self.state_directory = loaded.configuration.state_directory  # which a reload does not move
        self.context = Context(loaded, clock=self.clock, emit=self.emit, stop=self.stop)
        self.agenda = Agenda(loaded.configuration.schedule)
        self.preflights = Preflights(self.emit)
        self.suggestions = Suggestions(self.context)
        self.watch = Watch(self.emit)
        self._taken(loaded.configuration)

    def _begin(self) -> None:
        """What an earlier process left half done is completed or undone before anything is decided."""
        if often := self.starts.begin():
            self.emit(
                own.CrashLoop(
                    starts=often,
                    quiet_for=starts.QUIET,
                    remedy="see what the log says before each start; renewd goes on by itself",
                )
            )
        for recovered in self.context.installer.recover():
            self.emit(events.Recovered(name=recovered.name, what=recovered.what))

    def _act(self) -> None:
        """Nothing is decided by a present that is in doubt."""
        self.context.offline = self.starts.quiet()
        settled = self.doubt.settled(self.context)
        if self.doubt.moved or self.starts.over():
            self.agenda.forget()
            self.preflights.forget()
            self.suggestions.forget()
        if settled and not self._look(self.clock.now()):
            if self.watch.due and not self.context.offline:
                self.watch.run(self.context)
            self._look_ahead(self.clock.now())

    def _look_ahead(self, now: datetime) -> None:
        """Questions and preflights are for quiet ticks; what CAs want at once or is broken is renewed with the next tick."""
        if self.context.offline:
            return
        self.agenda.asked.update((target.identity, now) for target in self.suggestions.run(now))
        if not self.preflights.due(now):
            return
        for target in self.preflights.run(self.context, now):
            self.context.doubtful.add(target.identity)
            self.agenda.asked[target.identity] = now
        memory.give_back()

    def _look(self, now: datetime) -> bool:
        """Whether there was something to do."""
        whole = self.agenda.pass_due(now)
        targets: list[Target] = lacking.able(self.context) if whole else []
        if not whole:
            asked = self.agenda.take(now)
            targets = (
                [target for target in lacking.able(self.context) if target.identity in asked] if asked else []
            )
            if not targets:
                return False
        outcomes = passes.run(self.context, targets)
        if whole:
            self.agenda.asked.clear()
            self.last_pass = self.clock.now()
            self.agenda.passed(self.last_pass, self.clock.jitter(0.5) - 0.5)
            self.watch.passed(self.context)
            if not self.context.offline and not self.stop.is_set():
                self.starts.healthy()
        self.agenda.note(outcomes)
        if whole or outcomes:
            self.supervisor.looked(self.context, outcomes)
        if outcomes:
            memory.give_back()
        self.context.doubtful.difference_update(
            outcome.target.identity for outcome in outcomes if outcome.result.well
        )
        self.preflights.passed(self.clock.now())
        self.suggestions.passed(self.clock.now(), outcomes)
        return bool(outcomes)

    def _failed(self, error: Exception) -> None:
        known = isinstance(error, RenewdError)
        message = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        self.emit(
            own.TickFailed(message=message, remedy=error.remedy if isinstance(error, RenewdError) else DEFECT)
        )
        self.agenda.postpone(self.clock.now())
