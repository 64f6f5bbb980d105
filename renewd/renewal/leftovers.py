"""Challenges that could not be taken away: told, and tried again with every pass until they are gone, for a week."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from renewd.certs.order import Token
from renewd.config.targets import Target
from renewd.errors import Busy, StateUnusable, TargetError
from renewd.journal import Step
from renewd.journal.attempt import LEFT
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.renewal.work import Work

if TYPE_CHECKING:
    from renewd.journal import Journal

KEPT = timedelta(days=7)  # then whoever can has to take it away by hand
PAUSE = timedelta(
    minutes=10
)  # after a try in vain, as a pass may follow each minute and a name server be away for long
BY_HAND = "Take it away by hand if it stays so; renewd tries again with each pass for a week"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left(Event):
    """A challenge still stands though nobody needs it any more."""

    event: ClassVar[str] = LEFT
    level: ClassVar[str] = "warning"
    what: str
    why: str
    remedy: str


def take_away(work: Work, tokens: Sequence[Token]) -> None:
    """Take these away; what cannot be is told, and stops nothing."""
    challenge = work.context.challenge(work.target)
    if challenge is None or not tokens:
        return
    try:
        challenge.remove(tokens)
    except TargetError as error:
        told = [asdict(token) for token in tokens]
        work.attempt = work.context.journal.note(work.attempt, LEFT, why=str(error), left=told)
        work.tell(Left, what=shown(tokens), why=str(error), remedy=error.remedy or BY_HAND)


def sweep(context: Context, before: datetime) -> None:
    """Try once more what attempts left within a week, but `before` then; what still cannot be taken away was told already."""
    now, targets = context.clock.monotonic(), {target.identity: target for target in context.loaded.targets}
    if context.left_alone_until > now:
        return
    with suppress(StateUnusable):  # the next pass tells it
        for attempt, identity, step in context.journal.left(context.clock.now() - KEPT):
            target = targets.get(identity)
            if target is None or step.at >= before or context.stop.is_set():
                continue
            try:
                _take_up(context, target, attempt, step)
            except Busy:
                continue  # whoever works on it may need the same record
            except TargetError:
                context.left_alone_until = now + PAUSE.total_seconds()


def _take_up(context: Context, target: Target, attempt: int, step: Step) -> None:
    challenge, journal = context.challenge(target), context.journal
    if challenge is None:
        return
    fence = journal.take(target.identity)
    try:
        challenge.remove([token for token in _tokens(step) if token.type == challenge.type])
        journal.gone(attempt)
    finally:
        journal.release(target.identity, fence)


def standing(journal: "Journal", target: Target, now: datetime) -> list[str]:
    """What still stands of a target's challenges, a sentence each."""
    return [
        f"{shown(_tokens(step))} still stands: {step.facts.get('why')}; tried again with each pass until "
        f"{step.at + KEPT:%Y-%m-%d}"
        for _, identity, step in journal.left(now - KEPT)
        if identity == target.identity
    ]


def _tokens(step: Step) -> list[Token]:
    return [Token(**token) for token in step.facts.get("left", ())]


def shown(tokens: Sequence[Token]) -> str:
    """What stands, for a person who looks for it."""
    from renewd.challenges import dns01, http01  # what an idle daemon does not need

    return "; ".join(
        f"TXT {dns01.name_of(token)} = {token.value}" if token.type == "dns-01" else http01.url(token)
        for token in tokens
    )
