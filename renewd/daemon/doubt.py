"""Whether the present is believed, tick by tick; where it is in doubt a service is asked, and nothing else is done.

A wall clock can be set by hand, start in 1970, or come back wrong from a sleep; a certificate is due by it alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from renewd import RELEASED
from renewd.clock import Clock
from renewd.daemon import events as own
from renewd.errors import RenewdError
from renewd.planning import jumps, present, words
from renewd.planning.jumps import Reading
from renewd.renewal import events, skew, survey
from renewd.renewal.context import Context


class Doubt:
    """`why` is what speaks against the present, empty while it is believed; `seen` the newest that was believed."""

    def __init__(
        self, clock: Clock, emit: Callable[[events.Event], None], seen: datetime | None = None
    ) -> None:
        self.seen = seen
        self.why = ""
        self.moved = False  # since the look before, the wall was set, or is believed again
        self._clock = clock
        self._emit = emit
        self._believed: Reading | None = None
        self._last: Reading | None = None
        self._ask_at = 0.0  # monotonic: until then a doubt stands
        self._asked = 0

    def settled(self, context: Context) -> bool:
        """True if the present may be acted upon. Where the network is left alone nobody is asked."""
        now = Reading(self._clock.now(), self._clock.monotonic())
        self.moved = self._last is not None and abs(jumps.jump(self._last, now)) > jumps.STEP
        self._last = now
        if self.why and not self.moved and now.monotonic < self._ask_at:
            return False
        why = jumps.impossible(now.wall, RELEASED, self.seen)
        pause = timedelta()
        if why is None:
            why, pause = self._mass(context, now), jumps.HOLD
        if why is not None and not self._confirmed(context, now, why):
            self._ask_at = now.monotonic + pause.total_seconds()
            return False
        self._believe(now)
        return True

    def _mass(self, context: Context, now: Reading) -> str | None:
        """Why a jump forward is doubted: by itself it makes many certificates due. At first sight nothing is a jump."""
        if self._believed is None or jumps.jump(self._believed, now) <= jumps.STEP:
            return None
        then = jumps.expected(self._believed, now)
        targets, here = context.loaded.targets, context.here
        newly = sum(
            not survey.decide(look.target, look.facts, here, then).due
            for look in survey.due(targets, here, now.wall, closely=False)
        )
        if not jumps.too_many(newly, len(targets)):
            return None
        ahead = words.span(now.wall - then)
        return f"it went forward by {ahead} at one stroke, which makes {newly} of {len(targets)} certificates due"

    def _confirmed(self, context: Context, now: Reading, why: str) -> bool:
        """Whether a service's clock agrees; what it says otherwise is told once."""
        there, said = self._ask(context)
        if there is not None and abs(there) <= present.AGREE:
            return True
        if not self.why:
            said = f"; what the time is could not be asked: {said}" if there is None else ""
            self._emit(
                own.ClockSuspect(
                    here=now.wall,
                    there=None if there is None else now.wall + there,
                    why=f"{why}{said}",
                    remedy=f"{present.REMEDY}; until a service's clock agrees nothing is issued or deployed",
                )
            )
        self.why = why
        return False

    def _ask(self, context: Context) -> tuple[timedelta | None, str]:
        """One target's issuer, each time the next one's: the first may be down."""
        targets = context.loaded.targets
        if not targets or context.offline:
            return None, "no certificate is watched" if not targets else "the network is left alone"
        self._asked += 1
        try:
            return skew.ask(context, targets[self._asked % len(targets)])
        except RenewdError as error:
            return None, str(error)

    def _believe(self, now: Reading) -> None:
        if self.why:
            self._emit(own.ClockTrusted(here=now.wall))
            self.why, self.moved = "", True
        self._believed, self.seen = now, now.wall
