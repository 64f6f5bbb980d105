"""Every error that renewd raises on purpose, as one tree.

RenewdError
├── ConfigurationError         the file is wrong: all faults at once; exit 2
├── UsageError                 the command line is wrong, an unknown name among it; exit 2
├── AlreadyRunning             another renewd holds this state; exit 1
├── StateUnusable              the state directory or the journal cannot be used; exit 1
│   └── StateAway              the server of the journal's database cannot be used now: to wait is all there is to do
└── TargetError                one target's attempt stops here; the others go on
    ├── Temporary              asking again later may well work: wait, then repeat the same call
    │   ├── Unreachable        nothing was sent: no connection, no name, no trust
    │   ├── Throttled          the service said when to come back
    │   └── Busy               another renewd works on this target: it is left to that one
    ├── Fenced                 another renewd took the attempt over: stop, and write nothing more
    ├── SecretUnusable         an API key or password cannot be read, or anybody could: until it is put right
    ├── ReplyLost              sent, but no answer was read: reconcile before anything else
    ├── OrderGone              this order can never be finalized: a new one is needed
    ├── AlreadyFinalized       the order was finalized before: reconcile
    ├── Unfinalized            finalize certainly did nothing: the same order may be finalized again
    ├── Unresolved             finalize was called, and nothing tells what came of it: looked at, not repeated
    ├── ChallengeFailed        the CA did not find the proof: told as it is, tried again by back-off
    │   └── NotProvable        the order asks for a proof that the configuration does not give
    ├── NotFinal               the service said no in words renewd does not know: not for ever
    ├── OutOfBudget            a limit of the CA's would be passed: waits until it is not
    ├── ClockSuspect           this machine's clock and the service's disagree: nothing is ordered until they agree
    ├── KeyRejected            401, 403: no more calls with this key until it changes
    ├── Declined               the CA does not issue for such names, or not so: a person is needed, looked at daily
    ├── NotInSubscription      the name is not known there: a person is needed, looked at daily
    ├── BadReply               the answer is not what the API promises
    ├── MaterialRefused        the gate says no: quarantined, never installed
    ├── InstallFailed          the files could not be put in place; the live ones are as they were
    ├── HookFailed             a command failed or outlived its time
    └── NotServed              the new certificate is not what the server shows
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from renewd.fault import Fault


class RenewdError(Exception):
    """The root of the tree: `str()` is what happened, `remedy` what the person can do about it."""

    remedy: str = ""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy


class ConfigurationError(RenewdError):
    """The configuration cannot be used; `faults` holds all that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class UsageError(RenewdError):
    """The command line asks for something that does not exist."""


class AlreadyRunning(RenewdError):
    """Another renewd works on the same state; `pid` is its process, 0 if unknown."""

    def __init__(self, message: str, *, pid: int = 0, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.pid = pid


class StateUnusable(RenewdError):
    """The state directory or the journal cannot be read or written."""


class StateAway(StateUnusable):
    """The journal is a server's, and that server does not do its part: nothing is wrong here."""


class TargetError(RenewdError):
    """An attempt at one target stops here; `stage` says at which step of the renewal."""

    stage: str = "renewal"

    def __init__(self, message: str, *, stage: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.stage = stage or self.stage


class Temporary(TargetError):
    """Asking again later may well work; `retry_after` is what the service asked for, if it did."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        stage: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, stage=stage, remedy=remedy)
        self.retry_after = retry_after


class Unreachable(Temporary):
    """Not one byte of the request went out, so repeating it cannot do anything twice."""


class Throttled(Temporary):
    """The service is busy or a limit is reached (429, and 503 where nothing can have been done)."""


class Busy(Temporary):
    """Another renewd holds this target's lease; `pid` is its process on this machine, 0 if it is elsewhere."""

    stage = "lease"

    def __init__(self, message: str, *, pid: int = 0, retry_after: timedelta | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.pid = pid


class Fenced(TargetError):
    """The attempt is no longer this process's to write: it was taken over, moved on, ended or forgotten."""

    stage = "journal"


class SecretUnusable(TargetError):
    """A secret cannot be read from where the configuration says, or must not be; never shows any of it."""

    stage = "secret"


class ReplyLost(TargetError):
    """The request went out and no whole answer came back: what it did is unknown."""


class OrderGone(TargetError):
    """The order is not found, expired or invalid; it can never be finalized."""

    stage = "order"


class AlreadyFinalized(TargetError):
    """The service has finalized this order before."""

    stage = "finalize"


class Unfinalized(TargetError):
    """The service shows that the finalize that was sent never reached the order, which still waits for it."""

    stage = "finalize"


class Unresolved(TargetError):
    """A certificate may have been issued that nobody has seen; one more is ordered only where that is needed."""

    stage = "finalize"


class ChallengeFailed(TargetError):
    """The CA, or renewd itself before it, did not find the proof of control."""

    stage = "challenge"


class NotProvable(ChallengeFailed):
    """The order waits for a proof of another kind than the target is configured to give."""


class NotFinal(TargetError):
    """A refusal in words that renewd does not know; the same order may be tried again."""

    stage = "finalize"


class OutOfBudget(TargetError):
    """One more would pass what the CA allows; `until` is when there is room again."""

    stage = "budget"

    def __init__(self, message: str, *, until: datetime, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.until = until


class ClockSuspect(TargetError):
    """The present cannot be trusted, so what is due cannot be known."""

    stage = "clock"


class KeyRejected(TargetError):
    """The service does not take the API key (401, 403)."""

    stage = "api"


class Declined(TargetError):
    """The CA will not issue this: a name, an address, a profile or a kind of key that it does not take."""

    stage = "order"


class NotInSubscription(TargetError):
    """The service does not know this certificate name."""

    stage = "api"


class BadReply(TargetError):
    """An answer that is not what the API promises: wrong type, cut off, too large, not JSON."""

    stage = "api"


class MaterialRefused(TargetError):
    """What was issued may not be installed; `problems` holds every reason, one sentence each."""

    stage = "gate"

    def __init__(self, message: str, *, problems: Sequence[str] = (), remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.problems = tuple(problems)


class InstallFailed(TargetError):
    """A file could not be written or switched; the live files are what they were."""

    stage = "install"


class HookFailed(TargetError):
    """A hook ended with an error, was killed, or could not be started; `hook` is check, reload, pre or post."""

    stage = "hook"

    def __init__(self, message: str, *, hook: str, output: str = "", remedy: str | None = None) -> None:
        super().__init__(message, stage=hook, remedy=remedy)
        self.hook = hook
        self.output = output


class NotServed(TargetError):
    """After the reload the server still shows another certificate."""

    stage = "confirm"
