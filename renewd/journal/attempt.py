"""An attempt and its steps: the values that the journal hands out, never its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from renewd.errors import TargetError

Kind = Literal["renewal", "deploy", "rollback", "finalize"]

# What became of an attempt.
RENEWED = "renewed"  # issued, live, reloaded, served
ADOPTED = "adopted"  # the same with what the issuer already held; no order was made
DEPLOYED = "deployed"  # a version that was there already went live, an older one by a rollback too, or a debt was paid
OWED = "owed"  # accepted, but going live, a hook or the confirmation is still owed
PUT_BACK = "put_back"  # a check, reload or confirmation failed: the old files are live again
REFUSED = "refused"  # what was issued did not pass the gate
FAILED = "failed"  # anything else that stopped it
ABANDONED = "abandoned"  # nobody goes on with it: a person asked for something else, or its version is no good any more
FORGOTTEN = "forgotten"  # all that is left of it is what it spent of the CA's limits

OBTAINING: tuple[Kind, ...] = ("renewal", "finalize")  # the kinds that ask an issuer for something
OBTAINED = (RENEWED, ADOPTED, OWED, PUT_BACK)  # the issuer's part went well
NOTHING = (FAILED, REFUSED)  # nothing was obtained that may be installed
SETTLED = (RENEWED, ADOPTED, DEPLOYED)  # live, and nothing is owed
INDEBTED = (OWED, PUT_BACK)
LEFT, GONE = "challenge.left", "challenge.gone"  # steps' events: what could not be taken away, and that it is
PUTTING_BACK = "install.putting_back"  # a step's event, before old files go back; it says after which stage


class State(StrEnum):
    """How far an attempt has come. Each is written before what it announces, or after what it reports.

    Those that only an earlier renewd wrote are read and taken up: a journal may still hold them.
    """

    DUE = "due"
    PREFLIGHT = "preflight"
    ORDER_INTENT = "order_intent"  # an order may exist whose address is unknown
    ORDERED = "ordered"
    VALIDATING = "validating"
    READY = "ready"
    FINALIZE_INTENT = "finalize_intent"  # a certificate may exist that was never seen: reconcile
    ISSUED = "issued"
    STAGED = "staged"  # only an earlier renewd's
    VALIDATED = "validated"
    ACTIVATE_INTENT = "activate_intent"  # the live files are the old ones or the new ones
    ACTIVE = "active"
    HOOKS_PENDING = "hooks_pending"  # only an earlier renewd's
    DONE = "done"
    RECONCILE = "reconcile"
    QUARANTINED = "quarantined"
    ROLLED_BACK = "rolled_back"
    HELD = "held"  # only an earlier renewd's


# What these do is done to one host's files; what comes before is the issuer's part, and any host may go on with it.
GOING_LIVE = frozenset(
    {State.VALIDATED, State.ACTIVATE_INTENT, State.ACTIVE, State.HOOKS_PENDING, State.ROLLED_BACK, State.DONE}
)


def kind_of(error: TargetError) -> str:
    """Its class, which back-off and fallback go by; an issuer's own class counts as the one that it comes from."""
    common = (each for each in type(error).__mro__ if not each.__module__.startswith("renewd.issuers."))
    return next(common).__name__


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt stopped or waits, in words, and what a person can do about it."""

    stage: str
    kind: str  # the error's class, such as ChallengeFailed; the back-off depends on it
    message: str
    remedy: str = ""

    @classmethod
    def of(cls, error: TargetError) -> Self:
        """The failure that an error tells of."""
        return cls(error.stage, kind_of(error), str(error), error.remedy)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened during an attempt; `facts` are plain values that may be shown to anybody."""

    at: datetime
    event: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One journaled try at one target. Times are aware, in UTC."""

    id: int
    identity: str  # of the target: the sorted set of its names
    name: str  # as the configuration writes it
    kind: Kind
    state: State
    outcome: str | None  # one of the above; None while it is under way
    started_at: datetime
    changed_at: datetime  # of its newest step
    ended_at: datetime | None = None
    issuer: str | None = None
    order_uri: str | None = None
    ordered_at: datetime | None = None
    finalize_sent_at: datetime | None = None
    finalizes: int = 0  # how often finalize was called for this order
    version: str | None = None  # what it stages and puts live
    previous: str | None = None  # what was live before
    fence: int = 0  # of the lease under which it may be written
    next_try_at: datetime | None = None  # parked until then; once ended: when to try again
    failure: Failure | None = None
    owed: tuple[str, ...] = ()  # hooks, and `confirm`
    tokens: tuple[Mapping[str, str], ...] = ()  # of an order that is still to be proved
    snapshot: Mapping[str, Any] = field(
        default_factory=dict
    )  # what was there before finalize, to compare with
    host: str = ""  # whose files it is about, where several hosts share the journal

    @property
    def under_way(self) -> bool:
        """Whether it has not ended yet."""
        return self.outcome is None
