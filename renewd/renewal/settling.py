"""How a target leaves a rollout: the attempt ends in the journal, an event says so, an outcome is made."""

from dataclasses import dataclass
from datetime import datetime

from renewd.certs.facts import show_serial
from renewd.config.targets import Target
from renewd.errors import TargetError
from renewd.journal import Attempt, Failure, State
from renewd.planning import backoff
from renewd.renewal import events
from renewd.renewal.context import Context
from renewd.renewal.member import Member
from renewd.renewal.outcome import Outcome, Result


@dataclass(frozen=True, slots=True)
class Settling:
    """The ways out of a rollout."""

    context: Context

    def done(self, member: Member) -> Outcome:
        """Live, reloaded, confirmed."""
        context, ready = self.context, member.ready
        context.journal.end(member.attempt, str(ready.result), state=State.DONE)
        context.installer.prune(member.target)
        context.emit(
            events.Renewed(
                name=member.target.name,
                version=ready.version,
                not_after=member.leaf.not_valid_after_utc,
                serial=show_serial(member.leaf.serial_number),
            )
        )
        return Outcome(member.target, ready.result)

    def owed(self, member: Member, error: TargetError) -> Outcome:
        """The new version is live and stays; the hook or the look at the server is tried again later."""
        return self._later(member, error, Result.OWED, backoff.Debt.HOOK)

    def put_back(self, member: Member, error: TargetError) -> Outcome:
        """The old version is live again; the new one, accepted, is tried again later."""
        return self._later(member, error, Result.PUT_BACK, backoff.Debt.ROLLED_BACK)

    def failed(self, target: Target, attempt: Attempt, error: TargetError) -> Outcome:
        """Nothing was switched; the accepted version waits in the store."""
        next_try_at = self._next(attempt, backoff.Debt.HOOK)
        self._end(attempt, error, "owed", (error.stage,), next_try_at)
        self.context.emit(
            events.Failed(
                name=target.name,
                stage=error.stage,
                message=str(error),
                remedy=error.remedy,
                next_try_at=next_try_at,
            )
        )
        return Outcome(target, Result.FAILED, str(error), next_try_at)

    def _later(self, member: Member, error: TargetError, result: Result, kind: backoff.Debt) -> Outcome:
        next_try_at = self._next(member.attempt, kind)
        owed = (error.stage,)
        self._end(member.attempt, error, str(result), owed, next_try_at)
        self.context.emit(
            events.Owed(name=member.target.name, hooks=owed, next_try_at=next_try_at, why=str(error))
        )
        return Outcome(member.target, result, str(error), next_try_at)

    def _end(
        self, attempt: Attempt, error: TargetError, outcome: str, owed: tuple[str, ...], next_try_at: datetime
    ) -> None:
        failure = Failure.of(error)
        self.context.journal.end(attempt, outcome, failure=failure, next_try_at=next_try_at, owed=owed)

    def _next(self, attempt: Attempt, kind: backoff.Debt) -> datetime:
        tries = len(self.context.journal.debts(attempt.identity)) + 1
        return backoff.debt_try(tries, self.context.clock.now(), kind)
