"""What people are to be told: said once, louder as the time left shrinks, taken back when it is well again. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from renewd.planning import words

HOLD = timedelta(minutes=15)  # between two messages: what comes up meanwhile goes into the next one
RUNGS = (Fraction(1, 6), Fraction(1, 12), Fraction(1, 30), Fraction(1, 90), Fraction(0))  # of a life, left
GONE = "what was said of it is over"  # of a certificate that is not watched any more
OVERDUE = 10  # a tenth of the lifetime after it was wanted, a renewal should have happened


class Kind(StrEnum):
    """What `notify.on` may ask for."""

    FAILED = "failed"
    OVERDUE = "overdue"
    EXPIRING = "expiring"
    RECOVERED = "recovered"
    RENEWED = "renewed"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not well now; `rung` grows as it gets worse."""

    name: str  # of a target; empty for renewd itself
    cause: str  # such as renewal, hook, time: one of a cause stands for one target at a time
    kind: Kind
    what: str
    remedy: str = ""
    rung: int = 0

    @property
    def key(self) -> str:
        """The same for the same trouble, however bad."""
        return f"{self.kind}/{self.cause}/{self.name}"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be said."""

    kind: Kind
    name: str
    what: str
    remedy: str = ""


Said = Mapping[str, int]  # a trouble's key → the rung that was said


def by_time(
    name: str, wanted: datetime | None, validity: tuple[datetime, datetime], now: datetime
) -> Iterable[Trouble]:
    """What the calendar alone says of a certificate: overdue since it was `wanted`, or about to end."""
    begin, end = validity
    life, left = end - begin, end - now
    if wanted is not None and now - wanted > life / OVERDUE:
        what = f"it should have been renewed {words.until(wanted, now)}; it expires {words.until(end, now)}"
        yield Trouble(name, "time", Kind.OVERDUE, what, _why(name))
    rungs = [rung for rung, share in enumerate(RUNGS) if left <= life * share.numerator / share.denominator]
    if rungs:
        what = (
            f"it expires {words.until(end, now)}"
            if left > timedelta()
            else f"it expired {words.until(end, now)}"
        )
        yield Trouble(name, "time", Kind.EXPIRING, what, _why(name), rungs[-1])


def _why(name: str) -> str:
    return f"renewd why '{name}'"


def news(
    said: Said, troubles: Collection[Trouble], on: Collection[Kind], gone: Collection[str] = ()
) -> tuple[list[Notice], dict[str, int]]:
    """What is to be said of what is not well now, the worst first; and what will have been said then.

    A trouble is said once a rung. What was said and is over is taken back, once for each target; `gone` names those
    that are not watched any more.
    """
    wanted = sorted((each for each in troubles if each.kind in on), key=lambda each: -each.rung)
    told = {each.key: max(each.rung, said.get(each.key, 0)) for each in wanted}
    found = [
        Notice(each.kind, each.name, each.what, each.remedy)
        for each in wanted
        if each.rung > said.get(each.key, -1)
    ]
    return found + list(_over(said, wanted, on, gone)), told


def names(said: Said) -> set[str]:
    """Of whom something was said; empty text is renewd itself."""
    return {key.split("/", 2)[2] for key in said}


def _over(
    said: Said, wanted: Collection[Trouble], on: Collection[Kind], gone: Collection[str]
) -> Iterable[Notice]:
    if Kind.RECOVERED not in on:
        return
    still = {each.name for each in wanted}
    for name in sorted(names(said) - still):
        yield Notice(Kind.RECOVERED, name, GONE if name in gone else "all is well again")
