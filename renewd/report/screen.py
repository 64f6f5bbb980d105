"""The lines that are rewritten on a terminal; the only place that knows rich."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

REFRESHES = 4  # a second


class LiveScreen:
    """Shows `lines()` at the bottom of the terminal, and above it what is to stay."""

    def __init__(self, stream: TextIO, lines: Callable[[], Sequence[str]]) -> None:
        self._lines = lines
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._live = Live(
            self,
            console=self._console,
            refresh_per_second=REFRESHES,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is under way now, a line each, cut at the terminal's edge."""
        for line in self._lines():
            yield Text(line, no_wrap=True, overflow="ellipsis", end="\n")

    def show(self, text: str) -> None:
        """A line that stays above those that change."""
        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
