"""Renewal information (RFC 9773): what a CA suggests for a certificate. Asked without any key; nothing depends on it."""

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from renewd.clock import Clock, aware
from renewd.config.issuing import Issuer
from renewd.errors import BadReply
from renewd.issuers import links, rcl_refusals
from renewd.issuers.http import Call, Reply, unusable
from renewd.issuers.lines import Lines
from renewd.planning.suggested import Window, sensible

SECONDS = 15.0  # for a whole call
KEPT = 86400.0  # seconds that a directory is believed
T = TypeVar("T")

_PAGE = 512  # characters of an explanation's address that are kept


@dataclass(frozen=True, slots=True)
class Answer:
    """A window, and how long the CA asks to be left alone."""

    window: Window
    wait: timedelta | None


class Information:
    """One directory's renewal information."""

    def __init__(self, url: str, settings: Issuer, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._near = links.is_near(url)
        self._lines = Lines(settings, instead=False)  # a portal's own roots are not those of the directory
        self._found: tuple[str, float] | None = None  # where it is, and since when that is known
        self._lock = threading.Lock()

    def ask(self, certificate: str) -> Answer:
        """What is suggested for a certificate's id. Raises Unreachable, Throttled, Temporary or BadReply."""
        call = Call("the renewal information", "suggestion", SECONDS, public=True)
        reply = self._get(f"{self._place()}/{certificate}", call)
        try:
            return Answer(_window(_object(reply)), rcl_refusals.wait(reply, self._clock.now()))
        except ValueError as error:
            raise unusable(call, str(error)) from None

    def close(self) -> None:
        """End the calls under way, and let none begin."""
        self._lines.close()

    def _place(self) -> str:
        """Where the directory says that it is; looked up once for all that ask side by side."""
        with self._lock:
            now = self._clock.monotonic()
            if self._found is None or now - self._found[1] > KEPT:
                self._found = self._look_up(), now
            return self._found[0]

    def _look_up(self) -> str:
        call = Call("the directory", "suggestion", SECONDS, public=True)
        try:
            place = _object(self._get(self._url, call)).get("renewalInfo")
            if not isinstance(place, str):
                raise BadReply("the directory offers no renewal information", stage=call.stage)
            links.check_call(place, near=self._near)
        except ValueError as error:
            raise unusable(call, str(error)) from None
        return place.rstrip("/")

    def _get(self, url: str, call: Call) -> Reply:
        reply = self._lines.send("GET", url, call, {"Accept": "application/json"})
        refusal = rcl_refusals.storage(reply, call, self._clock.now())
        if refusal is not None:
            raise refusal
        return reply


def _object(reply: Reply) -> dict[str, Any]:
    """Raises ValueError, in words, for anything but a JSON object."""
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    return _checked(found, dict, "it is no JSON object")


def _window(found: dict[str, Any]) -> Window:
    """Raises ValueError, in words, for what is no window."""
    written = _checked(found.get("suggestedWindow"), dict, "there is no window in it")
    window = Window(
        _time(written.get("start")), _time(written.get("end")), _page(found.get("explanationURL"))
    )
    if not sensible(window):
        raise ValueError("its window ends before it begins, or is longer than any certificate lives")
    return window


def _time(value: object) -> datetime:
    try:
        return aware(_checked(value, str, "")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time in it is none") from None


def _checked(value: object, kind: type[T], said: str) -> T:
    """The value, if it is of that kind. Raises ValueError with what is `said` otherwise."""
    if isinstance(value, kind):
        return value
    raise ValueError(said)


def _page(url: object) -> str:
    """An address to be shown; nothing of what is none."""
    if not isinstance(url, str) or len(url) > _PAGE or not url.isprintable():
        return ""
    try:
        links.check_call(url, near=True)
    except ValueError:
        return ""
    return url
