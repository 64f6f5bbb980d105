"""What is not well now, gathered from events: what each began, and what ended it."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from renewd.planning.telling import Kind, Trouble
from renewd.renewal.events import Event, Renewed

Text = Callable[[Any], str]
_LATER = "renewd tries again by itself; renewd status"


@dataclass(frozen=True, slots=True)
class _Begins:
    cause: str
    what: Text
    remedy: Text = lambda _: _LATER


def _incident(event: Any) -> str:
    why = f", for this reason: {event.page}" if event.page else ""
    return f"the CA wants it replaced by {event.end:%Y-%m-%d %H:%M} UTC{why}"


_BEGINS: dict[str, _Begins] = {  # an event's name → the trouble that it tells of
    "attempt.failed": _Begins("renewal", lambda e: f"{e.stage}: {e.message}", lambda e: e.remedy),
    "hook.owed": _Begins("hook", lambda e: f"{', '.join(e.hooks)} still to be done: {e.why}"),
    "preflight.failed": _Begins(
        "preflight", lambda e: f"the next renewal would fail: {e.what}", lambda e: e.remedy
    ),
    "target.held": _Begins(
        "machine", lambda e: f"it is not renewed here: {e.why}", lambda _: "renewd validate"
    ),
    "served.other": _Begins("served", lambda e: e.why, lambda e: e.remedy),
    "install.not_recovered": _Begins("switch", lambda e: e.what, lambda e: e.remedy),
    "suggestion.incident": _Begins("suggestion", _incident),
    "issuer.paused": _Begins(
        "issuer", lambda e: f"{e.issuer} is left alone until {e.until:%H:%M} UTC: {e.why}"
    ),
    "daemon.clock_suspect": _Begins("clock", lambda e: f"nothing is renewed: {e.why}", lambda e: e.remedy),
    "daemon.tick_failed": _Begins("daemon", lambda e: e.message, lambda e: e.remedy),
    "daemon.look_failed": _Begins(
        "look", lambda e: f"{e.look} could not be looked at: {e.message}", lambda e: e.remedy
    ),
    "daemon.crash_loop": _Begins(
        "crash", lambda e: f"renewd was started {e.starts} times", lambda e: e.remedy
    ),
    "journal.begun_anew": _Begins(
        "journal",
        lambda e: e.what,
        lambda _: "see the disk and who may write there; renewd goes on by itself",
    ),
    "configuration.refused": _Begins(
        "configuration",
        lambda e: f"the new one is wrong, the old one is kept: {e.why}",
        lambda _: "renewd validate",
    ),
}
_ENDS: dict[str, frozenset[str]] = {  # an event's name → the causes that are over for its target
    "attempt.renewed": frozenset({"suggestion", "renewal", "hook", "preflight", "machine", "issuer"}),
    "debt.paid": frozenset({"hook"}),
    "served.well": frozenset({"served"}),
    "confirm.served": frozenset({"served"}),
    "install.switched": frozenset({"switch"}),
    "install.recovered": frozenset({"switch"}),
    "preflight.well": frozenset({"preflight"}),
    "target.able": frozenset({"machine"}),
    "daemon.look_well": frozenset({"look"}),
    "daemon.clock_trusted": frozenset({"clock"}),
    "configuration.well": frozenset({"configuration"}),
    "configuration.reloaded": frozenset({"configuration", "machine"}),
    "pass.ended": frozenset({"daemon", "crash"}),
}
_ONE_SIDED = frozenset({"warning"})  # levels of an event that stop nothing


class Troubles:
    """A subscriber. What was known before a restart is handed in, and what is known now can be kept."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Trouble] = {}  # name and cause
        self._renewed: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Take note of what the event begins or ends."""
        begins = _BEGINS.get(event.event)
        with self._lock:
            if begins is not None and event.level not in _ONE_SIDED:
                trouble = Trouble(
                    event.name, begins.cause, Kind.FAILED, begins.what(event), begins.remedy(event)
                )
                self._known[event.name, begins.cause] = trouble
            for cause in _ENDS.get(event.event, ()):
                self._end(event.name, cause)
            if isinstance(event, Renewed):
                self._renewed.append((event.name, f"renewed until {event.not_after:%Y-%m-%d}"))

    def _end(self, name: str, cause: str) -> None:
        """What is over is over for its target; what concerns no one target, for all."""
        if cause == "issuer" or not name:
            for key in [key for key in self._known if key[1] == cause]:
                del self._known[key]
        self._known.pop((name, cause), None)

    def settle(
        self, due: Collection[str], owing: Collection[str], held: Collection[str], *, quiet: bool = False
    ) -> None:
        """What failed here another process may have renewed or paid, or a person mended before a start: names that still are so.

        `quiet` is that nothing is ordered yet since the journal was lost.
        """
        still = {"renewal": due, "hook": owing, "machine": held}
        with self._lock:
            if not quiet:
                self._end("", "journal")
            for name, cause in list(self._known):
                if name and name not in still.get(cause, (name,)):
                    del self._known[name, cause]

    def owes(self) -> bool:
        """Whether a hook is known to be owed by anybody."""
        with self._lock:
            return any(cause == "hook" for _, cause in self._known)

    def now(self, watched: set[str]) -> list[Trouble]:
        """What is not well, of renewd itself and of the targets that are still watched."""
        with self._lock:
            self._known = {key: one for key, one in self._known.items() if not key[0] or key[0] in watched}
            return list(self._known.values())

    def renewed(self) -> list[tuple[str, str]]:
        """Which targets were renewed since this was asked for last, and until when."""
        with self._lock:
            found, self._renewed = self._renewed, []
        return found

    def restore(self, known: list[Trouble]) -> None:
        """What was not well when renewd ended, as far as it is not known by now."""
        with self._lock:
            for trouble in known:
                self._known.setdefault((trouble.name, trouble.cause), trouble)
