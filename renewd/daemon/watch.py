"""Looking at what is served, with every pass: some targets a tick, what is wrong told once, and once when it is right again."""

from collections.abc import Callable
from functools import partial

from renewd.config.targets import Target
from renewd.daemon import events as own
from renewd.renewal import events, served, threads
from renewd.renewal.context import Context

MOST = 32  # targets a tick: a server that does not answer takes seconds
AT_ONCE = 8


class Watch:
    """Who is still to be looked at since the last pass."""

    def __init__(self, emit: Callable[[events.Event], None]) -> None:
        self._emit = emit
        self._left: list[Target] = []

    def passed(self, context: Context) -> None:
        """A pass is over: everybody's turn comes once more."""
        self._left = [target for target in context.loaded.targets if target.entry.confirm is not None]

    @property
    def due(self) -> bool:
        """Whether anybody is left."""
        return bool(self._left)

    def wrong(self, context: Context) -> bool:
        """Whether the newest look at any target, which may be an earlier process's, found what is not right."""
        known = served.read(context.loaded.configuration.state_directory)
        looked = (known.get(target.identity) for target in context.loaded.targets if target.entry.confirm)
        return any(step is not None and step.facts["why"] for step in looked)

    def run(self, context: Context) -> None:
        """Look at the next ones."""
        some, self._left = self._left[:MOST], self._left[MOST:]
        verdicts = threads.each(some, partial(served.look, context), AT_ONCE)
        state = context.loaded.configuration.state_directory
        before = served.read(state)
        found = {}
        for target, verdict in zip(some, verdicts, strict=True):
            if verdict is None:
                continue
            found[target.identity] = verdict
            known = before.get(target.identity)
            was = known.facts["why"] if known is not None else ""
            if verdict.why and not was:
                self._emit(own.ServedOther(name=target.name, why=verdict.why, remedy=_remedy(target)))
            elif was and not verdict.why:
                self._emit(own.ServedWell(name=target.name, serial=verdict.serial or ""))
        served.keep(state, found, {target.identity for target in context.loaded.targets})


def _remedy(target: Target) -> str:
    return f"see what listens there; to check and reload once more: renewd deploy '{target.name}'"
