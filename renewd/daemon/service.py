"""The daemon: a tick that looks and does, in one thread; signals in the main one."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from renewd import trespass, whole
from renewd.clock import Clock, SystemClock
from renewd.config import sides
from renewd.config.load import Loaded
from renewd.config.model import Configuration
from renewd.daemon import events as own
from renewd.daemon import health, presence, signals, starts
from renewd.daemon.agenda import TICK, Agenda
from renewd.daemon.doubt import Doubt
from renewd.daemon.duties import Duties, Passed
from renewd.daemon.newer import Newer
from renewd.daemon.reloading import Reloading
from renewd.daemon.systemd import Supervisor
from renewd.errors import StateAway
from renewd.hooks import descendants
from renewd.renewal import events, recovering
from renewd.renewal.context import Context, unharmed

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
        self._lock: presence.Lock | None = None  # while it runs
        self._door: health.Door | None = None  # likewise
        self._reloading = Reloading(path, self.emit)
        self._take(sides.load(path))
        self.state_directory = (
            self.context.loaded.configuration.state_directory
        )  # which a reload does not move
        self.doubt = Doubt(self.clock, self.emit, presence.ask(self.state_directory).believed)
        self.starts = starts.Starts(self.state_directory, self.clock)
        self.last_pass: datetime | None = None  # when the last whole one ended
        self._well = False  # whether all went well in it

    @property
    def context(self) -> Context:
        """The configuration that holds, at work."""
        return self.duties.context

    @property
    def agenda(self) -> Agenda:
        """When it comes back to what."""
        return self.duties.agenda

    @property
    def held(self) -> Mapping[str, str]:
        """What this machine lacks for targets, by their names."""
        return self.duties.lacking.held

    @property
    def healthy(self) -> bool:
        """Whether all went well in the last whole pass, and what is live is served as far as it was looked at since."""
        return self._well and self.duties.served()

    def run(self, inbox: signals.Inbox) -> None:
        """Live until SIGTERM or SIGINT comes. Raises AlreadyRunning, StateUnusable, ConfigurationError before anything else."""

        def unasked(why: str) -> None:
            self.emit(own.NobodyAsks(why=why))

        trespass.insist(self.state_directory)
        with (
            presence.hold(self.state_directory) as self._lock,
            health.answering(self.state_directory, self.supervisor.stuck, unasked) as self._door,
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

    def _begin(self) -> None:
        """What an earlier process left half done is completed or undone before anything is decided."""
        whole.sweep(self.state_directory, self.clock.now())
        if often := self.starts.begin():
            self.emit(
                own.CrashLoop(
                    starts=often,
                    quiet_for=starts.QUIET,
                    remedy="see what the log says before each start; renewd goes on by itself",
                )
            )
        recovering.recover(self.context)

    def reload(self) -> bool:
        """Read the file again; a wrong one is told and changes nothing. True if the new one is taken."""
        self.supervisor.reloading()
        taken = self._reloading.read(self.context.loaded)
        if not taken:
            self.newer.refused()
        return taken

    def next_tick(self, now: datetime) -> datetime:
        """When to tick next: at once for a new configuration."""
        if self._reloading.waiting:
            return now
        return now + TICK if self.doubt.why else self.duties.next_tick(now)

    def tick(self) -> None:
        """Look at everything when a pass is due, else at what asked for an earlier look; safe to repeat at any time."""
        self._idle.clear()
        self.supervisor.began()
        try:
            self._work()
            self.supervisor.ended()
        except StateAway as error:  # a new process could do no more
            self._failed(error)
            self.supervisor.ended()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next tick tries again
            self._failed(error)
            self.supervisor.failed()
        finally:
            self._idle.set()
        presence.tell(
            self.state_directory,
            last_pass=self.last_pass,
            next_pass=self.agenda.next_pass,
            last_tick=self.clock.now(),
            believed=self.doubt.seen,
            suspect=self.doubt.why,
            watched=self._watched,
            held=self.held,
        )
        try:
            self.newer.look()
            self._ticked(self)
        except Exception as error:  # noqa: BLE001 - who only watches stops nothing
            self._failed(error)

    def _work(self) -> None:
        """Nothing is done beside another daemon, or decided by a present that is in doubt."""
        if self._lock is not None:
            self._lock.insist()
        if self._door is not None:
            self._door.insist()
        fresh = self._reloading.take()
        if fresh is not None:
            before = self.duties
            self._take(fresh)
            before.close()
        duties = self.duties
        duties.context.offline = self.starts.quiet()
        settled = self.doubt.settled(duties.context)
        if self.doubt.moved or self.starts.over():
            duties.forget()
        if not settled:
            return
        passed = duties.look()
        if passed is not None:
            self._passed(passed)
        if passed is None or not passed.outcomes:
            duties.look_ahead()

    def _take(self, loaded: Loaded) -> None:
        self.duties = Duties(loaded, self.clock, self.emit, self.stop)
        self._watched = presence.mark(target.name for target in loaded.targets)
        self.newer = Newer(self.path, loaded.files, self.emit)
        self._taken(loaded.configuration)

    def _passed(self, passed: Passed) -> None:
        if passed.whole:
            self.last_pass, self._well = self.clock.now(), False
            if not self.context.offline and not self.stop.is_set():
                self.starts.healthy()
        if passed.whole or passed.outcomes:
            self.supervisor.looked(self.context, passed.outcomes, whole=passed.whole)
        self._well |= passed.healthy

    def _failed(self, error: Exception) -> None:
        self.emit(own.TickFailed.of(error))
        self.agenda.postpone(self.clock.now())
