"""Attempts at what is not watched any more, as its names were changed or it was taken out: they end, and their challenges go."""

from contextlib import suppress
from datetime import timedelta

from renewd.config.targets import Target
from renewd.errors import Busy, Fenced, StateUnusable
from renewd.journal import Attempt, Failure
from renewd.journal.attempt import ABANDONED
from renewd.renewal import proof
from renewd.renewal.context import Context
from renewd.renewal.work import Work

UNWATCHED = "its certificate is not in the configuration any more, or has other names there"


KEPT = timedelta(days=7)  # what was taken out may come back meanwhile, and goes on with its order


def end(context: Context) -> None:
    """End those that this host began; where that cannot be now the next pass does."""
    watched = {target.identity for target in context.loaded.targets}
    with suppress(StateUnusable):
        for attempt in context.journal.under_way(of_others=False):
            if attempt.identity not in watched:
                heir = _heir(context, attempt)
                if heir is not None or attempt.started_at + KEPT < context.clock.now():
                    with suppress(Busy, Fenced):
                        _end(context, attempt, heir)


def _end(context: Context, attempt: Attempt, heir: Target | None) -> None:
    journal = context.journal
    fence = journal.take(attempt.identity)
    try:
        taken = journal.resume(attempt, fence)
        if heir is not None:
            proof.clear(Work.at(context, heir, taken))
        journal.end(taken, ABANDONED, failure=Failure(attempt.state.value, "Unwatched", UNWATCHED))
    finally:
        journal.release(attempt.identity, fence)


def _heir(context: Context, attempt: Attempt) -> Target | None:
    """The target that is there instead: of the same name, else one that has some of its names."""
    targets, domains = context.loaded.targets, set(attempt.identity.split(","))
    same = (target for target in targets if target.name == attempt.name)
    return next(same, None) or next((each for each in targets if domains.intersection(each.domains)), None)
