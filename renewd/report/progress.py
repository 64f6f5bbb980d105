"""Progress of a `renew` and its like: on a terminal one line a target, rewritten; in a pipe one line a step."""

import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TextIO

from renewd.clock import Clock, SystemClock
from renewd.planning import words
from renewd.renewal import events
from renewd.renewal.events import Event
from renewd.renewal.outcome import Outcome
from renewd.report import steps, style
from renewd.report.steps import Said

_NAME_WIDTH = 24
_ELAPSED_FROM = 2.0  # seconds: what takes longer shows how long


@dataclass(slots=True)
class Line:
    """One target's line while it is under way."""

    name: str
    done: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)  # said again when `done` starts anew
    doing: str = ""
    since: float = 0.0  # of `doing`, monotonic

    def add(self, said: Said, now: float) -> None:
        """One more thing that happened."""
        if said.starts_anew:
            self.done[:], self.stays = self.stays, []
        if said.stays:
            self.stays.append(said.stays)
        self.doing, self.since = (said.text, now) if said.lasts else ("", now)
        if said.text and not said.lasts:
            self.done.append(said.text)

    def text(self, now: float) -> str:
        """`ordered · 2 challenges placed · finalizing 0:14`."""
        parts = list(self.done)
        if self.doing:
            seconds = int(now - self.since)
            elapsed = f" {seconds // 60}:{seconds % 60:02}" if now - self.since >= _ELAPSED_FROM else ""
            parts.append(self.doing + elapsed)
        return style.safe(" · ".join(parts))


class Progress:
    """A subscriber to events, used with `with`; then `summary` says how it went. `quiet`: failures only."""

    def __init__(self, stream: TextIO, *, quiet: bool = False, clock: Clock | None = None) -> None:
        self._stream = stream
        self._quiet = quiet
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._lines: dict[str, Line] = {}
        self._told: set[str] = set()  # names whose failure was shown
        self._shared: dict[tuple[str, ...], list[str]] = {}  # names → commands run once for them all
        self._began = self._clock.monotonic()
        self._colour = style.wants_colour(stream)
        self._live = stream.isatty() and not quiet
        self._screen: AbstractContextManager[Any] = nullcontext()
        self._show = self._print

    def __enter__(self) -> Self:
        if self._live:
            from renewd.report.screen import LiveScreen

            screen = LiveScreen(self._stream, self._current)
            self._screen, self._show = screen, screen.show
        self._screen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.__exit__(kind, error, trace)
        self._show = self._print

    def __call__(self, event: Event) -> None:
        """Take an event in, from whatever thread."""
        said = steps.said(event, self._clock.now())
        if said is None:
            return
        names = event.names if isinstance(event, events.HookRan | events.HookFailed) else (event.name,)
        with self._lock:
            if isinstance(event, events.HookRan) and len(names) > 1:
                self._shared.setdefault(names, []).append(event.command)
            for name in names:
                self._take(name, said)

    def summary(
        self, outcomes: Sequence[Outcome], now: datetime, upcoming: tuple[str, datetime] | None = None
    ) -> None:
        """How it went, and what is next; failures that no event told come first."""
        for outcome in outcomes:
            if not outcome.result.well and outcome.target.name not in self._told:
                why = f": {outcome.why}" if outcome.why else ""
                self._keep(
                    outcome.target.name,
                    f"{outcome.result}{why}{steps.again(outcome.next_try_at, now)}",
                    bad=True,
                )
        if self._quiet:
            return
        for names, commands in self._shared.items():
            self._show(f"{', '.join(dict.fromkeys(commands))}: once for {len(names)} certificates")
        self._show(" · ".join([*self._counts(outcomes), *_next(upcoming, now)]))

    def _take(self, name: str, said: Said) -> None:
        now = self._clock.monotonic()
        line = self._lines.setdefault(name, Line(name))
        line.add(said, now)
        if said.ends:
            del self._lines[name]
            self._end(name, line.text(now), said)
        elif not self._live and not self._quiet:
            self._show(f"  {style.short_name(name):<{_NAME_WIDTH}} {style.safe(said.text)}")

    def _end(self, name: str, text: str, said: Said) -> None:
        """In a pipe the steps were told one by one, so only the end of the line is new."""
        if said.bad:
            self._told.add(name)
        elif self._quiet:
            return
        if not self._live and not said.bad:
            text = style.safe(said.text) or "done"
        self._keep(name, text, bad=said.bad)
        if said.remedy:
            self._show(f"  {'':<{_NAME_WIDTH}} {style.safe(said.remedy)}")

    def _keep(self, name: str, text: str, *, bad: bool) -> None:
        shown = style.paint(text, "red", self._colour) if bad else text
        self._show(f"  {style.short_name(name):<{_NAME_WIDTH}} {shown}")

    def _current(self) -> list[str]:
        """The lines of what is under way, for the screen, whose own lock is held: taking ours could be for ever."""
        now = self._clock.monotonic()
        lines = list(self._lines.values())
        return [f"  {style.short_name(line.name):<{_NAME_WIDTH}} {line.text(now)}" for line in lines]

    def _counts(self, outcomes: Sequence[Outcome]) -> list[str]:
        if not outcomes:
            return ["nothing is due"]
        count = Counter(outcome.result for outcome in outcomes)
        parts = [f"{number} {result.value.replace('_', ' ')}" for result, number in count.items()]
        seconds = self._clock.monotonic() - self._began
        parts[-1] += f" in {seconds:.0f} s" if seconds >= 1 else f" in {seconds:.1f} s"
        return parts

    def _print(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


def _next(upcoming: tuple[str, datetime] | None, now: datetime) -> list[str]:
    return (
        [] if upcoming is None else [f"next: {style.short_name(upcoming[0])} {words.until(upcoming[1], now)}"]
    )
