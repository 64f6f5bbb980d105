"""How a target leaves a rollout: the attempt ends in the journal, an event says so, an outcome is made."""

from dataclasses import dataclass
from datetime import datetime

from renewd.certs.facts import show_serial
from renewd.config.targets import Target
from renewd.errors import TargetError
from renewd.install.installer import Version
from renewd.journal import Attempt, Failure, State
from renewd.renewal import debts, events, inspection
from renewd.renewal.context import Context
from renewd.renewal.member import Member
from renewd.renewal.outcome import Outcome, Result


@dataclass(frozen=True, slots=True)
class Settling:
    """The ways out of a rollout."""

    context: Context

    def done(self, member: Member) -> Outcome:
        """Live, reloaded, confirmed; what was owed before is paid by that.

        Of a renewal that came to nothing meanwhile the journal goes on to say why, and when it is tried again.
        """
        context, ready, behind = self.context, member.ready, member.ready.behind
        self._paid(member)
        context.journal.end(
            member.attempt,
            str(ready.result),
            state=State.DONE,
            failure=None if behind is None else self._failure(member.target),
            next_try_at=None if behind is None else behind.next_try_at,
        )
        inspection.after_hooks(context, member.target)
        live = events.Renewed if behind is None else events.WentLive
        context.emit(
            live(
                name=member.target.name,
                version=ready.version,
                not_after=member.leaf.not_valid_after_utc,
                serial=show_serial(member.leaf.serial_number),
            )
        )
        return behind or Outcome(member.target, ready.result)

    def owed(self, member: Member, error: TargetError) -> Outcome:
        """The new version is live and stays; the hook or the look at the server is tried again later."""
        return self._later(member, error, Result.OWED, self._next(member.attempt, Result.OWED))

    def put_back(self, member: Member, error: TargetError) -> Outcome:
        """The old version is live again; the new one, accepted, is tried again later."""
        next_try_at = self._next(member.attempt, Result.PUT_BACK, member.previous)
        return self._later(member, error, Result.PUT_BACK, next_try_at)

    def failed(self, target: Target, attempt: Attempt, error: TargetError) -> Outcome:
        """Nothing was switched; the accepted version waits in the store."""
        next_try_at = self._next(attempt, Result.OWED)
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

    def _later(self, member: Member, error: TargetError, result: Result, next_try_at: datetime) -> Outcome:
        owed = (error.stage,)
        self._end(member.attempt, error, str(result), owed, next_try_at)
        self.context.emit(
            events.Owed(name=member.target.name, hooks=owed, next_try_at=next_try_at, why=str(error))
        )
        behind = member.ready.behind
        if behind is not None and behind.next_try_at is not None:
            next_try_at = min(next_try_at, behind.next_try_at)
        return Outcome(member.target, result, str(error), next_try_at)

    def _end(
        self, attempt: Attempt, error: TargetError, outcome: str, owed: tuple[str, ...], next_try_at: datetime
    ) -> None:
        failure = Failure.of(error)
        self.context.journal.end(attempt, outcome, failure=failure, next_try_at=next_try_at, owed=owed)

    def _failure(self, target: Target) -> Failure | None:
        """Of the last renewal, if it obtained nothing."""
        failed = self.context.journal.failures(target.identity)
        return failed[0].failure if failed else None

    def _next(self, attempt: Attempt, result: Result, old: Version | None = None) -> datetime:
        before = self.context.journal.debts(attempt.identity)
        return debts.next_try(before, str(result), self.context.clock.now(), old)

    def _paid(self, member: Member) -> None:
        owed = self.context.journal.debts(member.target.identity)
        if owed:
            hooks, since = owed[0].owed, owed[-1].ended_at or owed[-1].changed_at
            self.context.journal.note(member.attempt, "debt.paid", hooks=hooks, since=since)
            self.context.emit(debts.DebtPaid(name=member.target.name, hooks=hooks, since=since))
