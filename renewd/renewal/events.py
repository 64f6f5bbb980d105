"""What happens during a pass, as frozen values; log, progress and history subscribe and know nothing of each other.

`event` is the log's name of it (`stage.what`); every field is a plain value that may be shown to anybody.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened; `name` is the target's, empty for what concerns a whole pass or group."""

    event: ClassVar[str] = "event"
    level: ClassVar[str] = "info"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassStarted(Event):
    event: ClassVar[str] = "pass.started"
    watched: int
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PassEnded(Event):
    event: ClassVar[str] = "pass.ended"
    renewed: int
    failed: int
    seconds: float
    next_pass: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due(Event):
    event: ClassVar[str] = "plan.due"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    event: ClassVar[str] = "attempt.resumed"
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Event):
    event: ClassVar[str] = "issuer.adopted"
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering(Event):
    event: ClassVar[str] = "order.creating"
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered(Event):
    event: ClassVar[str] = "order.created"
    uri: str
    status: str
    challenges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Event):
    event: ClassVar[str] = "challenge.placed"
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Event):
    event: ClassVar[str] = "challenge.seen"
    url: str
    saw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen(Event):
    event: ClassVar[str] = "challenge.unseen"
    level: ClassVar[str] = "warning"
    url: str
    saw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalizing(Event):
    event: ClassVar[str] = "order.finalizing"
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling(Event):
    event: ClassVar[str] = "order.reconciling"
    level: ClassVar[str] = "warning"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued(Event):
    event: ClassVar[str] = "order.issued"
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Event):
    """The attempt goes on by itself after a pause that is sat out here."""

    event: ClassVar[str] = "attempt.waiting"
    until: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked(Event):
    """The attempt is put down in the journal, to be taken up at `until`."""

    event: ClassVar[str] = "attempt.parked"
    level: ClassVar[str] = "warning"
    until: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Event):
    event: ClassVar[str] = "gate.refused"
    level: ClassVar[str] = "error"
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Event):
    event: ClassVar[str] = "gate.accepted"
    checks: int
    not_after: datetime
    differences: tuple[str, ...] = ()  # from the running certificate, told though not refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged(Event):
    event: ClassVar[str] = "install.staged"
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed(Event):
    event: ClassVar[str] = "install.switched"
    version: str
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRan(Event):
    event: ClassVar[str] = "hook.ran"
    hook: str
    command: str
    seconds: float
    names: tuple[str, ...]  # all targets it ran for


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFailed(Event):
    event: ClassVar[str] = "hook.failed"
    level: ClassVar[str] = "error"
    hook: str
    command: str
    why: str
    output: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served(Event):
    event: ClassVar[str] = "confirm.served"
    at: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotServed(Event):
    event: ClassVar[str] = "confirm.not_served"
    level: ClassVar[str] = "error"
    at: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack(Event):
    event: ClassVar[str] = "install.put_back"
    level: ClassVar[str] = "error"
    version: str  # the one that is live again
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed(Event):
    event: ClassVar[str] = "hook.owed"
    level: ClassVar[str] = "error"
    hooks: tuple[str, ...]
    next_try_at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    event: ClassVar[str] = "attempt.failed"
    level: ClassVar[str] = "error"
    stage: str
    message: str
    remedy: str
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WentLive(Event):
    """What was at hand is live, reloaded, confirmed, and its renewal waits or has failed."""

    event: ClassVar[str] = "attempt.went_live"
    version: str
    not_after: datetime
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed(WentLive):
    """All done for one target: live, reloaded, confirmed."""

    event: ClassVar[str] = "attempt.renewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(Event):
    event: ClassVar[str] = "install.recovered"
    level: ClassVar[str] = "warning"
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalBegunAnew(Event):
    event: ClassVar[str] = "journal.begun_anew"
    level: ClassVar[str] = "error"
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceholderPut(Event):
    event: ClassVar[str] = "install.placeholder"
