"""The log: one line an event, for eyes on a terminal, as JSON elsewhere. Libraries' warnings go the same way."""

import logging
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, MutableMapping
from dataclasses import fields
from datetime import datetime
from types import ModuleType
from typing import Any, Literal, TextIO

from renewd.clock import Clock, SystemClock
from renewd.renewal.events import Event
from renewd.report import style, times

Entry = MutableMapping[str, Any]
Render = Callable[[Any, str, Entry], str]

_SILENT = ("httpx", "httpcore")  # they log whole addresses, and those of downloads are secrets
_WORD_WIDTH, _NAME_WIDTH = 13, 20
_LEVELS: dict[str, style.Style] = {"warning": "yellow", "error": "red", "debug": "dim"}
_PRIORITIES = {"error": "<3>", "warning": "<4>", "debug": "<7>"}  # all others are information
_QUERY = re.compile(r"(https?://[^\s?]+)\?[^\s\"']+")
_WORD = re.compile(r"[^\s\"=]+|https?://[^\s\"]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_EARLY = 1000  # events kept until somebody listens


class Relay:
    """Hands each event to every subscriber; what happens before the first one came is kept for it."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[Event], None]] = []
        self._early: deque[Event] = deque(maxlen=_EARLY)
        self._lock = threading.Lock()

    def to(self, subscriber: Callable[[Event], None]) -> None:
        """From now on this one hears them too."""
        with self._lock:
            self._subscribers.append(subscriber)
            early = list(self._early)
            self._early.clear()
        for event in early:
            subscriber(event)

    def __call__(self, event: Event) -> None:
        """Hand the event on."""
        with self._lock:
            subscribers = list(self._subscribers)
            if not subscribers:
                self._early.append(event)
        for subscriber in subscribers:
            subscriber(event)


def configure(
    form: Literal["json", "console"] | None,
    level: str = "info",
    stream: TextIO = sys.stderr,
    clock: Clock | None = None,
) -> None:
    """Set the process's log up: console where `form` is None and `stream` a terminal, JSON elsewhere."""
    structlog = _structlog()
    console = form == "console" or (form is None and stream.isatty())
    clock = clock or SystemClock()

    def stamp(_logger: Any, method: str, entry: Entry) -> Entry:
        """Time, level and event first, where a reader of JSON lines looks for them."""
        return {"time": clock.now(), "level": method, "event": entry.pop("event"), **entry}

    render = _Console(style.wants_colour(stream)) if console else _json
    structlog.configure(
        processors=[stamp, _clean, _prioritized(render) if _is_journal(stream) else render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(stream),
        cache_logger_on_first_use=False,
    )
    _redirect_libraries()


def subscriber() -> Callable[[Event], None]:
    """What writes events to the log, at each one's own level."""
    logger = _structlog().get_logger()

    def write(event: Event) -> None:
        facts = {field.name: getattr(event, field.name) for field in fields(event)}
        said = _HUMP.sub(" ", type(event).__name__).lower()
        getattr(logger, event.level)(event.event, said=said, **facts)

    return write


class _Lines:
    """Writes lines whole, whatever thread they come from."""

    _lock = threading.Lock()

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        try:
            with self._lock:
                self._stream.write(line + "\n")
                self._stream.flush()
        except (OSError, ValueError):  # full, or closed: there is nobody left to tell, and renewing goes on
            return

    debug = info = warning = error = critical = exception = msg


class _Console:
    """`12:04:31 installed  contoso.com  version=… not_after=2027-02-21`."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, _logger: Any, _method: str, entry: Entry) -> str:
        moment, level, event = entry.pop("time"), entry.pop("level"), entry.pop("event")
        word = f"{entry.pop('said', event):<{_WORD_WIDTH}}"
        if level in _LEVELS:
            word = style.paint(word, _LEVELS[level], self._colour)
        name = entry.pop("name", "")
        facts = " ".join(f"{key}={self._shown(key, value)}" for key, value in entry.items())
        return f"{moment[11:19]} {word} {name:<{_NAME_WIDTH}} {facts}".rstrip()

    @staticmethod
    def _shown(key: str, value: Any) -> str:
        if key == "not_after":
            return str(value)[:10]
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        if not text or not _WORD.fullmatch(text):
            return '"' + text.replace('"', "'") + '"'  # nobody's words look like a fact of ours
        return text


def _json(_logger: Any, _method: str, entry: Entry) -> str:
    import json

    entry.pop("said", None)
    return json.dumps(entry, ensure_ascii=False)


def _is_journal(stream: TextIO) -> bool:
    """Whether it leads to systemd's journal (systemd.exec(5): $JOURNAL_STREAM)."""
    named = os.environ.get("JOURNAL_STREAM")
    if not named or stream.isatty():
        return False
    found = os.fstat(stream.fileno())
    return named == f"{found.st_dev}:{found.st_ino}"


def _prioritized(render: Render) -> Render:
    """Likewise, with the level where the journal looks for it (sd-daemon(3)); it takes it away again."""

    def told(logger: Any, method: str, entry: Entry) -> str:
        return _PRIORITIES.get(method, "") + render(logger, method, entry)

    return told


def _clean(_logger: Any, _method: str, entry: Entry) -> Entry:
    """Plain values only, on one line and of bounded length; what says nothing is left out."""
    return {key: _plain(value) for key, value in entry.items() if value is not None and value not in ("", ())}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, datetime):
        return times.rfc3339(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return style.safe(without_queries(str(value)))


def without_queries(text: str) -> str:
    """The text with what follows the `?` of each address left out: in download links that is a signature."""
    return _QUERY.sub(r"\1?…", text)


class _Library(logging.Handler):
    """What a library has to say, as an event of its own; of an exception only what it was."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        told = None if error is None else f"{type(error).__name__}: {error}"
        write = (
            _structlog().get_logger().error
            if record.levelno >= logging.ERROR
            else _structlog().get_logger().warning
        )
        write("library.said", library=record.name, message=record.getMessage(), error=told)


def _redirect_libraries() -> None:
    logging.basicConfig(handlers=[_Library()], level=logging.WARNING, force=True)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _structlog() -> ModuleType:
    """structlog, without rich, which it would load for tracebacks that are never shown: 5 MB in an idle daemon."""
    if "structlog" not in sys.modules:
        hidden = "rich" not in sys.modules
        if hidden:
            sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it fails now
        try:
            import structlog
        finally:
            if hidden:
                del sys.modules["rich"]
    import structlog

    return structlog
