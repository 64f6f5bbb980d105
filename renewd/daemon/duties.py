"""What one configuration gives the daemon to do: passes when they are due, and looks ahead in the ticks between them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.clock import Clock
from renewd.config.load import Loaded
from renewd.config.targets import Target
from renewd.daemon import memory
from renewd.daemon.agenda import Agenda
from renewd.daemon.aside import Aside
from renewd.daemon.lacking import Lacking
from renewd.daemon.preflights import Preflights
from renewd.daemon.suggestions import Suggestions
from renewd.daemon.watch import Watch
from renewd.renewal import events, passes
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome

_SERVED = "what is served"
SOON = timedelta(seconds=1)  # until what is left of a round of looks


@dataclass(frozen=True, slots=True)
class Passed:
    """A pass that is over: what came of it, whether it was over all targets, and then whether all is well."""

    outcomes: list[Outcome]
    whole: bool
    healthy: bool


class Duties:
    """Lasts until another configuration holds; what it knows the journal and the disk would say again."""

    def __init__(
        self, loaded: Loaded, clock: Clock, emit: Callable[[events.Event], None], stop: threading.Event
    ) -> None:
        self.context = Context(loaded, clock=clock, emit=emit, stop=stop)
        self.agenda = Agenda(loaded.configuration.schedule)
        self.lacking = Lacking(self.context)
        self.preflights = Preflights(emit)
        self._suggestions = Suggestions(self.context)
        self._watch = Watch(emit)
        self._aside = Aside(clock, emit)

    def close(self) -> None:
        """Let go of connections and the journal."""
        self._suggestions.close()
        self.context.close()

    def forget(self) -> None:
        """The clock was set, or the network may be used again: all targets are looked at, and all else comes after that."""
        self.agenda.forget()
        self.preflights.forget()
        self._suggestions.forget()
        self._aside.forget()

    def next_tick(self, now: datetime) -> datetime:
        """When there is something to do next."""
        if self._watch.due and not self.context.offline and not self._aside.rests(_SERVED):
            return now + SOON
        return self.agenda.next_tick(now)

    def served(self) -> bool:
        """Whether nothing else was seen to be served than what is live."""
        return not self._watch.wrong(self.context)

    def look(self) -> Passed | None:
        """A pass over all targets if it is due, else over those that asked for an earlier one; None if nobody did."""
        now = self.context.clock.now()
        whole = self.agenda.pass_due(now)
        targets = self.lacking.able() if whole else self._asked(now)
        if not targets and not whole:
            return None
        outcomes = passes.run(self.context, targets)
        self._passed(outcomes, whole=whole)
        healthy = whole and not self.lacking.held and all(outcome.result.well for outcome in outcomes)
        return Passed(
            outcomes, whole, healthy and not self.context.offline and not self.context.stop.is_set()
        )

    def _asked(self, now: datetime) -> list[Target]:
        asked = self.agenda.take(now)
        return [target for target in self.lacking.able() if target.identity in asked] if asked else []

    def _passed(self, outcomes: list[Outcome], *, whole: bool) -> None:
        context, now = self.context, self.context.clock.now()
        if whole:
            self.agenda.asked.clear()
            self.agenda.passed(now, context.clock.jitter(0.5) - 0.5)
            self._watch.passed(context)
        self.agenda.note(outcomes)
        context.doubtful.difference_update(
            outcome.target.identity for outcome in outcomes if outcome.result.well
        )
        self.preflights.passed(now)
        self._suggestions.passed(now, outcomes)
        if outcomes:
            memory.give_back()

    def look_ahead(self) -> None:
        """What quiet ticks are for. What is served wrong is told; what CAs want at once or is broken is renewed with the next tick."""
        if self.context.offline:
            return
        if self._watch.due:
            self._aside.look(_SERVED, lambda: self._watch.run(self.context))
        self._aside.look("what CAs suggest", self._suggest)
        if self.preflights.due(self.context.clock.now()):
            self._aside.look("preflights", self._preflight)
            memory.give_back()

    def _suggest(self) -> None:
        now = self.context.clock.now()
        able = [target for target in self.context.loaded.targets if target.name not in self.lacking.held]
        self.agenda.asked.update((target.identity, now) for target in self._suggestions.run(able, now))

    def _preflight(self) -> None:
        now = self.context.clock.now()
        for target in self.preflights.run(self.context, now):
            self.context.doubtful.add(target.identity)
            self.agenda.asked[target.identity] = now
