"""One pass: every target looked at, what is due obtained side by side, what is ready deployed group by group.

One target's failure never stops another; a pass ends with one outcome for each target that there was something to do for.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from renewd.config.targets import HookCommand, HookSet, Target
from renewd.errors import StateUnusable, TargetError
from renewd.journal import Attempt
from renewd.planning import words
from renewd.renewal import attempts, events, handover, leftovers, rollout, survey, tidying, unwatched
from renewd.renewal.attempts import Task
from renewd.renewal.context import Context
from renewd.renewal.outcome import STOPPED, Outcome, Ready, Result, told
from renewd.renewal.threads import Crew

GROUP_WAITS = timedelta(minutes=2)  # for obtains that share its reload; then it goes live without them
LEAVES_WITHIN = 5.0  # seconds that calls under way have when renewd is asked to stop
TICK = 0.2  # seconds between looks at stop and at groups that waited long enough
UNEXPECTED_FOR = timedelta(hours=1)  # then a target is looked at again whose journal may say nothing of it
STATE_FOR = timedelta(minutes=1)  # the same, where the journal could not be reached
HANGS_AFTER = timedelta(minutes=30)  # beside the waits that an attempt may sit out
HUNG_FOR = timedelta(minutes=15)  # then it is looked at whether what hung has ended

Group = tuple[tuple[HookCommand, ...], tuple[HookCommand, ...]]


def run(context: Context, targets: Sequence[Target], *, forced: Collection[str] = ()) -> list[Outcome]:
    """One pass over `targets`; the names in `forced` are renewed even if they are not due."""
    began, started = context.clock.monotonic(), context.clock.now()
    tasks = plan(context, targets, forced=forced)
    context.emit(events.PassStarted(watched=len(targets), due=len(tasks)))
    for task in tasks:
        if task.look.facts.state == "missing" and any(
            place.settings.placeholder for place in task.target.places
        ):
            put_placeholder(context, task.target)
    outcomes = {outcome.target.identity: outcome for outcome in _Pass(context, tasks).run()}
    if context.loaded.line is not None and not context.stop.is_set():
        rest = [target for target in targets if target.identity not in outcomes]
        outcomes.update((outcome.target.identity, outcome) for outcome in handover.restore(context, rest))
    if context.has_journal and not (context.offline or context.stop.is_set()):
        unwatched.end(context)
        leftovers.sweep(context, started)
    if outcomes:
        tidying.tidy(context)
    well = sum(outcome.result.well for outcome in outcomes.values())
    context.emit(
        events.PassEnded(
            renewed=well, failed=len(outcomes) - well, seconds=round(context.clock.monotonic() - began, 3)
        )
    )
    return list(outcomes.values())


def plan(context: Context, targets: Sequence[Target], *, forced: Collection[str] = ()) -> list[Task]:
    """What there is to do: the due, the forced, what is under way, what is owed. The journal is asked only if it exists."""
    now = context.clock.now()
    due = {
        look.target.identity: look
        for look in survey.due(targets, context.here, now, closely=context.by_hand, doubtful=context.doubtful)
    }
    under_way: set[str] = set()
    accepted: set[str] = set()
    owed: dict[str, Attempt] = {}
    if context.has_journal:
        found = context.journal.under_way()
        under_way = {attempt.identity for attempt in found}
        accepted = {attempt.identity for attempt in found if attempts.accepted(attempt)}
        owed = context.journal.owed()
    tasks = []
    for target in targets:
        debt, force = owed.get(target.identity), target.name in forced
        if context.offline and target.identity not in accepted | (owed.keys() - under_way):
            continue
        if force or debt or target.identity in due or target.identity in under_way:
            look = due.get(target.identity) or context.look(target)
            tasks.append(Task(target, look, debt, force))
    return sorted(tasks, key=_time_left)


def _time_left(task: Task) -> datetime:
    """Who has the least time left is taken up first; before them all, who has nothing to serve."""
    facts, state = task.look.facts, task.look.decision.state
    if facts.not_after is None or state in ("missing", "invalid"):
        return datetime.min.replace(tzinfo=UTC)
    return facts.not_after


def deploy(context: Context, ready: Sequence[Ready]) -> list[Outcome]:
    """The port behind which accepted versions go live; what shares check and reload goes together."""
    outcomes = []
    for members in _grouped(ready).values():
        try:
            outcomes += rollout.deploy(context, members)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other groups go on
            outcomes += [unexpected(context, member.target, error) for member in members]
        finally:
            for member in members:
                attempts.release(context, member)
    return outcomes


def _alone(context: Context, target: Target) -> bool:
    """Whether its files going live concern nobody but itself: no hook, and no other side that puts them in place."""
    return target.hooks == HookSet() and context.loaded.line is None


def _grouped(ready: Iterable[Ready]) -> dict[Group, list[Ready]]:
    groups: dict[Group, list[Ready]] = {}
    for item in ready:
        groups.setdefault(item.target.hooks.group, []).append(item)
    return groups


@dataclass(slots=True)
class _Pass:
    """A crew obtains, this thread deploys what is ready and shares hooks."""

    context: Context
    tasks: list[Task]
    outcomes: list[Outcome] = field(default_factory=list)
    waiting: dict[Group, list[Ready]] = field(default_factory=dict)
    since: dict[Group, datetime] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)  # identities of what was obtained, or came to nothing

    def run(self) -> list[Outcome]:
        context = self.context
        if not self.tasks:
            return []
        concurrency = context.loaded.configuration.schedule.concurrency
        crew: Crew[Task, Ready | Outcome | None] = Crew(
            self.tasks, self._obtain, concurrency, context.clock, self._late
        )
        left = Counter(task.target.hooks.group for task in self.tasks)
        while crew.left and not context.stop.is_set():
            done = crew.take(TICK)
            if done is not None:
                left[done[0].target.hooks.group] -= 1
                self._note(*done)
            for task in crew.give_up((HANGS_AFTER + context.patience).total_seconds()):
                left[task.target.hooks.group] -= 1
                self._note(task, self._hung(task))
            self._deploy(left)
        if context.stop.is_set():
            self._leave(crew)
        return self.outcomes

    def _obtain(self, task: Task) -> Ready | Outcome | None:
        """In a thread of the crew, where also goes live what no hook is run for: side by side, and held up by none."""
        result = attempts.take_up(self.context, task)
        given_up = task.target.identity in self.finished
        if isinstance(result, Ready) and _alone(self.context, result.target) and not given_up:
            (outcome,) = deploy(self.context, [result])
            return outcome
        return result

    def _note(self, task: Task, result: Ready | Outcome | BaseException | None) -> None:
        self.finished.add(task.target.identity)
        if isinstance(result, Ready):
            group = result.target.hooks.group
            self.waiting.setdefault(group, []).append(result)
            self.since.setdefault(group, self.context.clock.now())
        elif isinstance(result, Outcome):
            self.outcomes.append(result)
        elif isinstance(result, BaseException):
            self.outcomes.append(unexpected(self.context, task.target, result))

    def _hung(self, task: Task) -> Outcome:
        """A call that never returns holds its own target only, by its lease."""
        until = self.context.clock.now() + HUNG_FOR
        why = f"it has hung for more than {words.span(HANGS_AFTER)}, and the pass went on without it"
        self.context.emit(events.Parked(name=task.target.name, until=until, why=why))
        return Outcome(task.target, Result.PARKED, why, until)

    def _late(self, task: Task, result: Ready | Outcome | BaseException | None) -> None:
        """What was accepted so late is in the journal, where the next pass finds it."""
        try:
            if isinstance(result, Ready):
                attempts.release(self.context, result)
        except Exception as error:  # noqa: BLE001 - nobody is left whom it could be raised to
            unexpected(self.context, task.target, error)

    def _deploy(self, left: Counter[Group]) -> None:
        now = self.context.clock.now()
        for group in list(self.waiting):
            if left[group] == 0 or group == ((), ()) or now - self.since[group] >= GROUP_WAITS:
                members = self.waiting.pop(group)
                del self.since[group]
                self.outcomes += deploy(self.context, members)

    def _leave(self, crew: "Crew[Task, Ready | Outcome | None]") -> None:
        """Calls under way get a few seconds; what is not done then is found in the journal at the next start."""
        crew.dismiss()
        until = self.context.clock.monotonic() + LEAVES_WITHIN
        while crew.left and self.context.clock.monotonic() < until:
            done = crew.take(TICK)
            if done is not None:
                self._note(*done)
        for members in self.waiting.values():
            for member in members:
                self.outcomes.append(Outcome(member.target, Result.PARKED, STOPPED))
                attempts.release(self.context, member)
        self.outcomes += [
            Outcome(task.target, Result.PARKED, STOPPED)
            for task in self.tasks
            if task.target.identity not in self.finished
        ]


def put_placeholder(context: Context, target: Target) -> None:
    """Where nothing is yet, a self-signed certificate, so that the web server can start; told if it cannot be put."""
    try:
        if context.installer.placeholder(target):
            context.emit(events.PlaceholderPut(name=target.name))
    except TargetError as error:
        unexpected(context, target, error)


def unexpected(context: Context, target: Target, error: BaseException) -> Outcome:
    """An outcome for what no state foresaw: told as it is, and the others go on."""
    message, remedy = told(error)
    stage = "state" if isinstance(error, StateUnusable) else getattr(error, "stage", "renewal")
    next_try_at = context.clock.now() + (STATE_FOR if stage == "state" else UNEXPECTED_FOR)
    context.emit(
        events.Failed(name=target.name, stage=stage, message=message, remedy=remedy, next_try_at=next_try_at)
    )
    return Outcome(target, Result.FAILED, message, next_try_at)
