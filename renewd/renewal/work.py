"""One attempt under way: what it works with, and how it waits."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from cryptography import x509

from renewd.certs.order import Order, OrderStatus, Token
from renewd.config.targets import Target
from renewd.errors import Temporary
from renewd.issuers.base import Issued, Issuer
from renewd.journal import Attempt, Failure, State
from renewd.planning import backoff, budget
from renewd.planning.backoff import Remaining
from renewd.planning.budget import Ask, What
from renewd.renewal import events
from renewd.renewal.context import Context
from renewd.renewal.survey import Look

AGAIN = "attempt.again"


class Parked(Exception):
    """The attempt is put down; it goes on at `until`. `asked` says that the service named that time."""

    def __init__(self, until: datetime, why: str, *, asked: bool = False, kind: str = "") -> None:
        super().__init__(why)
        self.until = until
        self.why = why
        self.asked = asked
        self.kind = kind  # the class of the error that is waited out


@dataclass(frozen=True, slots=True)
class Step:
    """What a state's function found: the next state, its name in the journal, and facts to keep."""

    to: State
    event: str
    facts: dict[str, object] = field(default_factory=dict)
    until: datetime | None = None  # not before
    why: str = ""
    asked: bool = False  # the service named `until`
    kind: str = ""  # the class of the error that is waited out
    spends: What | None = None  # of the CA's limits: only if there is room


@dataclass(slots=True)
class Work:
    """What is known in memory only: nothing that a restart could not find again."""

    context: Context
    target: Target
    attempt: Attempt
    issuer: Issuer
    live: x509.Certificate | None  # what the new one is compared with; None if there is nothing usable
    issued: Issued | None = None
    placed: tuple[Token, ...] = ()  # challenge tokens that may still stand somewhere
    tries: dict[State, list[datetime]] = field(
        default_factory=dict
    )  # of calls that failed since they last went well
    waited: float = 0.0  # seconds of the patience used up

    @classmethod
    def of(cls, context: Context, seen: Look, attempt: Attempt) -> Self:
        """The work on an attempt as it was journaled, at a target as it was seen."""
        work = cls.at(context, seen.target, attempt, context.comparable(seen))
        for state, times in attempt.snapshot.get("tries", {}).items():
            work.tries[State(state)] = [datetime.fromisoformat(at) for at in times]
        return work

    @classmethod
    def at(
        cls, context: Context, target: Target, attempt: Attempt, live: x509.Certificate | None = None
    ) -> Self:
        """The work on an attempt as if nothing had been tried in it yet."""
        return cls(context, target, attempt, context.issuer(context.issuer_of(target, attempt.issuer)), live)

    @property
    def now(self) -> datetime:
        """The present."""
        return self.context.clock.now()

    @property
    def remaining(self) -> Remaining | None:
        """What time there is; None if nothing usable runs."""
        live = self.live
        if live is None:
            return None
        begin, end = live.not_valid_before_utc, live.not_valid_after_utc
        return Remaining(end - self.now, end - begin)

    @property
    def order(self) -> Order:
        """The attempt's order as it was journaled."""
        return Order(
            uri=self.attempt.order_uri or "",
            status=OrderStatus(self.attempt.snapshot.get("status", OrderStatus.PENDING)),
            tokens=tuple(Token(**token) for token in self.attempt.tokens),
            key=self.attempt.snapshot.get("key", ""),
        )

    def remember(self, **facts: object) -> dict[str, object]:
        """The attempt's snapshot with these facts changed, as a fact for the journal."""
        return {"snapshot": {**self.attempt.snapshot, **facts}}

    def note(self, event: str, **facts: object) -> None:
        """Journal a step and nothing else."""
        self.attempt = self.context.journal.note(self.attempt, event, **facts)

    def ask(self, what: What) -> Ask:
        """What this attempt wants to spend."""
        return Ask(
            what,
            tuple(self.attempt.identity.split(",")),
            self.issuer.name,
            by_hand=self.context.by_hand,
            order=self.attempt.order_uri or "" if what is What.CERTIFICATE else "",
            spare=self._spare,
        )

    @property
    def _spare(self) -> int:
        """What follows an unresolved attempt leaves room to be so itself, where there is time to wait for room."""
        remaining = self.remaining
        if remaining is None or not self.attempt.snapshot.get("unresolved"):
            return 0
        return 1 if remaining.left > budget.WEEK + backoff.URGENT_LEFT else 0

    def tell(self, event: type[events.Event], **fields: object) -> None:
        """Emit an event about this target."""
        self.context.emit(event(name=self.target.name, **fields))


def again(work: Work, error: Temporary, to: State) -> Step:
    """The same call once more after a pause. Raises `error` itself when that has gone on for too long.

    The first time the service is waited for as long as it asks.
    """
    tries = work.tries.setdefault(work.attempt.state, [])
    tries.append(work.now)
    pause_for = backoff.reads_pause(
        len(tries), retry_after=error.retry_after, jitter=work.context.clock.jitter(0.25)
    )
    until = work.now + pause_for
    if until - tries[0] > backoff.READS_WITHIN and (error.retry_after is None or len(tries) > 1):
        raise error
    kind = Failure.of(error).kind
    return Step(to, AGAIN, {}, until, str(error), asked=error.retry_after is not None, kind=kind)


def pause(work: Work, step: Step) -> None:
    """Sit a wait out if it is short enough. Raises Parked if it is not, or if renewd is leaving."""
    until = step.until or work.now
    seconds = (until - work.now).total_seconds()
    if seconds <= 0:
        return
    context = work.context
    if work.waited + seconds > context.patience.total_seconds():
        raise Parked(until, step.why, asked=step.asked, kind=step.kind)
    work.tell(events.Waiting, until=until, why=step.why)
    work.waited += seconds
    if context.clock.wait(context.stop, seconds):
        raise Parked(until, "renewd was asked to stop", asked=step.asked)
