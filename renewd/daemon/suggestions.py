"""Asking CAs for suggestions in quiet ticks, a few at a tick; what they want renewed now is looked at with the next one."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from renewd.config.targets import Target
from renewd.renewal import survey
from renewd.renewal.asking import Asker
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome

AFTER = timedelta(minutes=1)  # from the first pass to the first question
ROUND = 4  # times as many at a tick as are asked side by side


class Suggestions:
    """When CAs are asked (`next_at`, None before the first pass), and which moments have come."""

    def __init__(self, context: Context) -> None:
        self.next_at: datetime | None = None
        self._context = context
        self._asker = Asker(context)
        self._renewed: set[str] = set()  # identities
        self._handed: dict[str, datetime] = {}  # by identity: the moment that was handed on

    def passed(self, now: datetime, outcomes: Iterable[Outcome]) -> None:
        """A pass is over: after the first one questions begin, and what was renewed is asked about anew."""
        if self.next_at is None:
            self.next_at = now + AFTER
        self._renewed |= {outcome.target.identity for outcome in outcomes if outcome.result.well}

    def forget(self) -> None:
        """The clock was set: questions begin again after the next pass."""
        self.next_at = None

    def run(self, targets: Sequence[Target], now: datetime) -> list[Target]:
        """Ask about those of them whose turn has come; those whose moment has."""
        if self.next_at is None or now < self.next_at:
            return []
        side_by_side = self._context.loaded.configuration.schedule.concurrency
        due = self._asker.due(targets, now, self._renewed)[: side_by_side * ROUND]
        if due:
            self._asker.ask(due, side_by_side)
            self._renewed -= {target.identity for target in due}
        return [target for target in targets if self._has_come(target, now)]

    def close(self) -> None:
        """Let go of connections."""
        self._asker.close()

    def _has_come(self, target: Target, now: datetime) -> bool:
        """Whether a moment has come that was not handed on before; renewing then has its own back-off."""
        known = self._context.suggestions.known()
        found = known.get(target.identity) if known else None
        if found is None or found.moment is None or found.moment > now:
            return False
        if self._handed.get(target.identity) == found.moment:
            return False
        self._handed[target.identity] = found.moment
        return survey.look(target, self._context.here, now).decision.due
