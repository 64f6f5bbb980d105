"""All that is known of every certificate at one moment, taken beside the tick and read by the page and the metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from renewd.config import machine
from renewd.config.load import Loaded
from renewd.planning import budget
from renewd.planning.budget import Spent, What
from renewd.renewal import findings, served, waiting
from renewd.renewal.survey import Look
from renewd.report import known, status
from renewd.report.known import Known

if TYPE_CHECKING:
    from renewd.renewal.context import Context

UNUSABLE = ("expired", "missing", "invalid")


@dataclass(frozen=True, slots=True)
class Row:
    """One certificate. `spent` counts this week's."""

    look: Look
    known: Known
    spent: int = 0

    @property
    def name(self) -> str:
        """As the configuration writes it."""
        return self.look.target.name

    @property
    def state(self) -> str:
        """What planning says of it."""
        return self.look.decision.state

    @property
    def overdue_at(self) -> datetime | None:
        """When its slack is used up: from then on the renewal should have happened. None where no time tells."""
        facts, at = self.look.facts, self.look.decision.at
        if at is None or facts.not_before is None or facts.not_after is None:
            return None
        return min(at + (facts.not_after - facts.not_before) / status.OVERDUE, facts.not_after)

    @property
    def watched(self) -> bool:
        """Whether somebody looks at what is served."""
        return self.look.target.entry.confirm is not None

    @property
    def differs(self) -> str:
        """How what is served differs from what is on disk, as far as that was looked at; empty if it does not."""
        return known.differs(self.look, self.known)

    @property
    def served_until(self) -> datetime | None:
        """When what was last seen to be served ends, whatever it is; None where that was not seen."""
        seen = self.known.served
        if not self.watched or seen is None:
            return None
        if end := seen.facts.get("not_after"):
            return datetime.fromisoformat(end)
        return None if self.differs else self.look.facts.not_after

    def unhealthy(self, now: datetime) -> str:
        """Why nobody should call this healthy, in words; empty if there is no reason."""
        if self.state in UNUSABLE:
            return self.state
        late = self.overdue_at
        return "overdue" if self.look.decision.due and late is not None and late <= now else ""

    def troubled(self, now: datetime) -> bool:
        """Whether somebody should look at it."""
        return status.troubled((self.look, self.known), now)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was known at `at`; `quiet_until`: nothing is ordered until then, for the journal was lost."""

    at: datetime
    rows: tuple[Row, ...]
    loaded: Loaded = field(repr=False)
    by_slug: Mapping[str, Row] = field(repr=False)
    quiet_until: datetime | None = None
    problem: str = ""  # why the journal could not be read


def take(context: "Context") -> Snapshot:
    """Look at every certificate and ask the journal, if there is one, by a few queries for all of them."""
    loaded, now = context.loaded, context.clock.now()
    gathered, problem = _gathered(context)
    spent, quiet = ({}, None) if problem else _spent(context, now)
    held = machine.held(loaded)
    rows = tuple(
        Row(
            context.look(target),
            replace(
                gathered[target.identity],
                held=held.get(target.name, ""),
                pinned_until=waiting.pinned_until(context, target),
            ),
            spent.get(tuple(sorted(target.domains)), 0),
        )
        for target in loaded.targets
    )
    return Snapshot(now, rows, loaded, {row.look.target.slug: row for row in rows}, quiet, problem)


def _gathered(context: "Context") -> tuple[dict[str, Known], str]:
    """What is known by identity, and why the journal could not be read, if it could not."""
    from renewd.errors import RenewdError

    versions = {target.identity: context.installer.current(target) for target in context.loaded.targets}
    state = context.loaded.configuration.state_directory
    found, looks = findings.read(state), served.read(state)
    try:
        journal = context.journal if context.has_journal else None
        return known.gather(journal, versions, found, looks), ""
    except RenewdError as error:
        return known.gather(None, versions, found, looks), str(error)


def _spent(context: "Context", now: datetime) -> tuple[dict[tuple[str, ...], int], datetime | None]:
    """Certificates of this week by set of names, and until when nothing is ordered."""
    if not context.has_journal:
        return {}, None
    journal = context.journal
    return certificates(journal.spent_by_all(), now), journal.quiet_until(now)


def certificates(spent: list[Spent], now: datetime) -> dict[tuple[str, ...], int]:
    """How many certificates of the last week each set of names took."""
    return Counter(
        one.domains for one in spent if one.what is What.CERTIFICATE and one.at > now - timedelta(days=7)
    )


def budget_left(row: Row) -> int:
    """How many certificates renewd may still take by itself this week."""
    return max(budget.CERTIFICATES - row.spent, 0)
