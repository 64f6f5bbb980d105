"""What the journal knows of every target, gathered by a few queries, for `status` and `why`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from renewd.certs.facts import show_serial
from renewd.journal import Attempt, State, Step
from renewd.journal.attempt import ADOPTED, FAILED, RENEWED
from renewd.renewal.findings import Finding, Newest
from renewd.renewal.survey import Look


class Daemon(Protocol):
    """What is known of the daemon; renewd.daemon.presence.Presence is one."""

    @property
    def running(self) -> bool: ...  # noqa: D102
    @property
    def pid(self) -> int | None: ...  # noqa: D102
    @property
    def last_pass(self) -> datetime | None: ...  # noqa: D102
    @property
    def next_pass(self) -> datetime | None: ...  # noqa: D102
    @property
    def suspect(self) -> str: ...  # noqa: D102


class Journal(Protocol):
    """The questions that are asked of the journal here."""

    def latest(self) -> dict[str, Attempt]: ...  # noqa: D102
    def under_way(self) -> list[Attempt]: ...  # noqa: D102
    def owed(self) -> dict[str, Attempt]: ...  # noqa: D102
    def served(self) -> dict[str, Step]: ...  # noqa: D102


_DOING = {
    State.ORDER_INTENT: "ordering",
    State.FINALIZE_INTENT: "finalizing",
    State.ACTIVATE_INTENT: "going live",
    State.RECONCILE: "finding out what became of it",
}


def doing(state: State) -> str:
    """The state in the words of a person who watches."""
    return _DOING.get(state, state.value.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one target beside what is on disk; all of it may be nothing."""

    last: Attempt | None = None  # the newest attempt
    under_way: Attempt | None = None
    debt: Attempt | None = None  # the newest one that leaves something owed
    served: Step | None = None  # when it was last seen to be served
    version: str | None = None  # the live one
    preflight: Newest | None = None  # the last one
    held: str = ""  # what this machine lacks for it
    pinned_until: datetime | None = None  # a rollback by hand holds until then

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the last preflight found amiss; nothing if a renewal went well since."""
        if self.preflight is None:
            return ()
        done = self.last is not None and self.last.outcome in (RENEWED, ADOPTED)
        since = self.last.ended_at if done and self.last is not None else None
        return () if since is not None and since > self.preflight.at else self.preflight.findings

    @property
    def blocked(self) -> bool:
        """Whether any of it would stop the next renewal."""
        return any(finding.level == "blocks" for finding in self.findings)

    @property
    def fallback(self) -> Attempt | None:
        """The attempt under way, or the last one, if it asked another issuer than the first."""
        newest = self.under_way or self.last
        return newest if newest is not None and newest.snapshot.get("instead_of") else None

    @property
    def next_try_at(self) -> datetime | None:
        """When renewd comes back to what failed, waits or is owed."""
        times = [
            attempt.next_try_at
            for attempt in (self.under_way, self.last, self.debt)
            if attempt is not None and attempt.next_try_at is not None
        ]
        return min(times, default=None)


NOTHING = Known()


def wrong(look: Look, known: Known) -> Attempt | None:
    """The attempt that says what is wrong now: the one that waits, else the last one, else what is owed.

    What a person tried in vain while nothing was due is history.
    """
    last = known.last
    if last is not None and last.outcome == FAILED and last.kind != "renewal" and not look.decision.due:
        last = None
    for attempt in (known.under_way, last, known.debt):
        if attempt is not None and attempt.failure is not None:
            return attempt
    return None


def differs(look: Look, known: Known) -> str:
    """How what is served differs from what is on disk, as far as somebody looks; empty if it does not."""
    if look.target.entry.confirm is None or known.served is None:
        return ""
    seen, live = known.served.facts.get("serial"), look.facts.serial
    other = seen != ("" if live is None else show_serial(live))
    return str(known.served.facts.get("why", "")) or (f"another one: {seen}" if other else "")


def gather(
    journal: Journal | None,
    versions: Mapping[str, str | None],
    preflights: Mapping[str, Newest] = {},
    looks: Mapping[str, Step] = {},
) -> dict[str, Known]:
    """What is known, by identity, of the targets in `versions` (identity → live version).

    `looks` are the newest ones at what is served.
    """
    last, debts, served, begun = (
        ({}, {}, {}, [])
        if journal is None
        else (journal.latest(), journal.owed(), journal.served(), journal.under_way())
    )
    under_way = _by_identity(reversed(begun))
    return {
        identity: Known(
            last.get(identity),
            under_way.get(identity),
            debts.get(identity),
            _newer(served.get(identity), looks.get(identity)),
            version,
            preflights.get(identity),
        )
        for identity, version in versions.items()
    }


def _newer(one: Step | None, other: Step | None) -> Step | None:
    return max((step for step in (one, other) if step is not None), key=lambda step: step.at, default=None)


def _by_identity(attempts: Iterable[Attempt]) -> dict[str, Attempt]:
    return {attempt.identity: attempt for attempt in attempts}
