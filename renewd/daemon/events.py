"""What happens to the daemon itself, beside what happens to targets (renewal.events)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from renewd.renewal.events import Event
from renewd.renewal.outcome import told


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Event):
    """This machine lacks something that the target needs; it is not tried."""

    event: ClassVar[str] = "target.held"
    level: ClassVar[str] = "error"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Able(Event):
    """What the target lacked is there."""

    event: ClassVar[str] = "target.able"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded(Event):
    event: ClassVar[str] = "configuration.reloaded"
    watched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReloaded(Event):
    """The new configuration is wrong; the old one stays."""

    event: ClassVar[str] = "configuration.refused"
    level: ClassVar[str] = "error"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationWell(Event):
    """What was wrong with the file is put right; the one before still holds."""

    event: ClassVar[str] = "configuration.well"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed(Event):
    level: ClassVar[str] = "error"
    message: str
    remedy: str

    @classmethod
    def of(cls, error: Exception, **facts: str) -> Self:
        """What went wrong, in the error's own words if it is one of renewd's."""
        message, remedy = told(error)
        return cls(message=message, remedy=remedy, **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TickFailed(_Failed):
    """A whole tick could not be done, such as with a journal that cannot be written; the next one tries again."""

    event: ClassVar[str] = "daemon.tick_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookFailed(_Failed):
    """A look beside the passes could not be done: what is served, what CAs suggest, a preflight. Renewing goes on."""

    event: ClassVar[str] = "daemon.look_failed"
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookWell(Event):
    """Every look can be done again."""

    event: ClassVar[str] = "daemon.look_well"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightBlocked(Event):
    """Something would stop the next renewal of a target; told once a week, or when it changes."""

    event: ClassVar[str] = "preflight.failed"
    level: ClassVar[str] = "error"
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightWarned(PreflightBlocked):
    """Something may hurt, but stops nothing."""

    level: ClassVar[str] = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightWell(Event):
    """What was told before is well again."""

    event: ClassVar[str] = "preflight.well"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSuspect(Event):
    """The present cannot be believed: nothing is issued or deployed until it can be; `there` is a service's time."""

    event: ClassVar[str] = "daemon.clock_suspect"
    level: ClassVar[str] = "error"
    here: datetime
    there: datetime | None
    why: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTrusted(Event):
    event: ClassVar[str] = "daemon.clock_trusted"
    here: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashLoop(Event):
    """It ended and was started again too often without one healthy pass; for a while the network is left alone."""

    event: ClassVar[str] = "daemon.crash_loop"
    level: ClassVar[str] = "error"
    starts: int
    quiet_for: float  # seconds
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyAsks(Event):
    """`renewd health` will not find this daemon; that is all that is lost."""

    event: ClassVar[str] = "daemon.unasked"
    level: ClassVar[str] = "warning"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving(Event):
    event: ClassVar[str] = "daemon.leaving"
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedOther(Event):
    """Between renewals something else is served than what is live on the disk, or nothing; told when it begins."""

    event: ClassVar[str] = "served.other"
    level: ClassVar[str] = "error"
    why: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedWell(Event):
    """The live certificate is served again."""

    event: ClassVar[str] = "served.well"
    serial: str
