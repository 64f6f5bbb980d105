"""The weekly preflight of every target: a few at a tick, never beside a pass; what is found anew is told once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from renewd.config import machine
from renewd.config.targets import Target
from renewd.daemon import events as own
from renewd.daemon.agenda import TICK
from renewd.planning import rounds, window
from renewd.renewal import events, findings, preflight, survey
from renewd.renewal.context import Context
from renewd.renewal.findings import Finding, Newest

AFTER = timedelta(minutes=1)  # from the first pass to the first preflight
AWAY = timedelta(hours=1)  # a service that cannot be reached is asked again after it
TRIES = 3  # before what may pass is told


class Preflights:
    """When the next few are looked at (`next_at`, None before the first pass), and what became of them."""

    def __init__(self, emit: Callable[[events.Event], None]) -> None:
        self.next_at: datetime | None = None
        self._emit = emit
        self._away = 0

    def passed(self, now: datetime) -> None:
        """A pass is over: after the first one preflights begin."""
        if self.next_at is None:
            self.next_at = now + AFTER

    def forget(self) -> None:
        """The clock was set: they begin again after the next pass."""
        self.next_at = None

    def due(self, now: datetime) -> bool:
        """Whether some targets' turn has come."""
        return self.next_at is not None and now >= self.next_at

    def run(self, context: Context, now: datetime) -> list[Target]:
        """Look at those whose turn has come, as many as may be obtained side by side; those whose live files are broken."""
        state = context.loaded.configuration.state_directory
        known = findings.read(state)
        limit = context.loaded.configuration.schedule.concurrency
        turns = sorted(
            ((self._turn(context, target, known, now), target) for target in context.loaded.targets),
            key=lambda turn: turn[0],
        )
        some = [target for at, target in turns if at <= now][:limit]
        later = turns[len(some) :]
        self.next_at = max(now + TICK, later[0][0]) if later else now + rounds.DAY
        new = self._look(context, some, known, now)
        if context.stop.is_set():  # what was cut short says nothing
            return []
        findings.keep(state, new, {target.identity for target in context.loaded.targets})
        return [target for target in some if self._broken(context, target, now)]

    def _turn(self, context: Context, target: Target, known: dict[str, Newest], now: datetime) -> datetime:
        last = known.get(target.identity)
        spread = window.spread_of(target.identity, context.here.host)
        if last is None:
            return now
        return rounds.next_look(last.at, spread=spread, troubled=bool(last.findings or last.said), now=now)

    def _look(
        self, context: Context, some: Sequence[Target], known: dict[str, Newest], now: datetime
    ) -> dict[str, Newest]:
        """The newest findings of these. What may pass is told when it did not, and of one target only."""
        held = machine.held(context.loaded)
        new: dict[str, Newest] = {}
        passing: list[tuple[Target, list[Finding]]] = []
        able = [target for target in some if target.name not in held]
        found = [
            (target, [Finding(target.name, "blocks", held[target.name])])
            for target in some
            if target.name in held
        ]
        found += preflight.looks(context, able, at_once=max(len(able), 1))
        for target, each in found:
            before = known.get(target.identity)
            if any(one.passing for one in each) and (before is None or before.said != findings.mark(each)):
                passing.append((target, each))
            elif not context.stop.is_set():
                new[target.identity] = self._tell(target, each, before, now)
        if passing:
            self._away += 1
            self.next_at = now + AWAY
        if not passing or self._away >= TRIES:
            self._away = 0
        if passing and not self._away and not context.stop.is_set():
            target, each = passing[0]
            new[target.identity] = self._tell(target, each, known.get(target.identity), now)
        return new

    def _tell(self, target: Target, found: list[Finding], before: Newest | None, now: datetime) -> Newest:
        """Said when it is new, when it changed, and once a week."""
        newest, mark = findings.of(found, now, before), findings.mark(found)
        if not mark:
            if newest.said:
                self._emit(own.PreflightWell(name=target.name))
            return replace(newest, said="", said_at=None)
        if mark == newest.said and newest.said_at is not None and now - newest.said_at < rounds.WEEK:
            return newest
        kind = own.PreflightBlocked if newest.blocks else own.PreflightWarned
        self._emit(
            kind(
                name=target.name,
                what="; ".join(each.what for each in newest.findings),
                remedy="; ".join(dict.fromkeys(each.remedy for each in newest.findings if each.remedy)),
            )
        )
        return replace(newest, said=mark, said_at=now)

    @staticmethod
    def _broken(context: Context, target: Target, now: datetime) -> bool:
        """Whether live files are there and not usable, which only a close look sees."""
        return survey.look_closely(target, context.here, now).decision.state == "invalid"
