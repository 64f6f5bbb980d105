"""Records written through a provider's API by dns-lexicon, which knows some ninety of them.

Its calls have no time limit of their own and may hang for ever; what they say may hold secrets. Neither gets out of here.
"""

import base64
import logging
import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from renewd import deadline
from renewd.challenges.dns01 import Record
from renewd.challenges.dns_lookup import Lookup
from renewd.config import providers, secrets
from renewd.config.proving import DnsProvider
from renewd.config.sources import SecretSource
from renewd.errors import ChallengeFailed, TargetError, Temporary

SECONDS = 120.0  # for all that is to be done in one zone
_SHOWN = 300  # characters of what the library says
_CODED = "base64::"  # before a key, in the options that say so
_TOO_MANY, _BROKEN = 429, 500  # what an API says that may be otherwise later
_URL = re.compile(r"([a-z+]+://)[^\s'\"<>]*", re.IGNORECASE)
_FOR_URL = re.compile(r" for url: \S+")  # said for people who do not know whom they asked
_HOST = re.compile(r"(?:[^@/?#\s]*@)?([^/?#\s]+)")
_locks: dict[
    tuple[str, str], threading.Lock
] = {}  # many APIs replace a whole name: one at a time in each zone
_guard = threading.Lock()

for _talkative in ("lexicon", "urllib3", "requests", "tldextract"):
    logging.getLogger(_talkative).setLevel(logging.ERROR)  # below that they log requests, secrets among them


class ProviderRecords:
    """Creates and deletes single values; options that are secrets are read anew each time."""

    def __init__(self, settings: DnsProvider, lookup: Lookup, seconds: float = SECONDS) -> None:
        self._settings = settings
        self._lookup = lookup
        self._seconds = seconds

    def write(self, records: Sequence[Record]) -> None:
        """Create these values. Raises a TargetError with the provider's words if one is refused."""
        self._each(records, lambda provider, record: provider.create_record("TXT", record.name, record.value))

    def erase(self, records: Sequence[Record]) -> None:
        """Delete these values and no others."""
        self._each(
            records,
            lambda provider, record: provider.delete_record(
                rtype="TXT", name=record.name, content=record.value
            ),
        )

    def _each(self, records: Sequence[Record], act: Callable[[Any, Record], object]) -> None:
        if self._settings.provider not in providers.names():
            wrong, right = providers.MISSING
            raise ChallengeFailed(f"{wrong}, or knows no provider {self._settings.provider}", remedy=right)
        zones: dict[str, list[Record]] = {}
        for record in records:
            zones.setdefault(self._lookup.zone(record.name), []).append(record)
        for zone, some in zones.items():
            self._in_zone(zone, some, act)

    def _in_zone(self, zone: str, records: Sequence[Record], act: Callable[[Any, Record], object]) -> None:
        name = self._settings.provider
        hidden: list[str] = []
        options = self._options(hidden)

        def work() -> None:
            provider = self._provider(zone, options)
            provider.authenticate()
            for record in records:
                if act(provider, record) is False:
                    raise ValueError("it did not say why")
            provider.cleanup()

        with _alone((name, zone), self._seconds) as had:
            error = _limited(work, self._seconds) if had else TimeoutError()
        if error is not None:
            raise self._failed(error, zone, hidden) from None  # the library's own words may hold secrets

    def _failed(self, error: BaseException, zone: str, hidden: Sequence[str]) -> TargetError:
        import requests

        name = self._settings.provider
        away = f"See whether {name} has an outage, and whether this machine reaches its API."
        if type(error) is TimeoutError:
            why = f"did not finish in {self._seconds:g} s for the zone {zone}"
            return Temporary(f"the API of {name} {why}", stage="challenge", remedy=away)
        answer = getattr(error, "response", None)
        status = getattr(answer, "status_code", 0)
        if isinstance(error, requests.RequestException) and not status:
            why = deadline.words(error) if _numbered(error) else said(error, hidden)
            return Temporary(f"the API of {name} cannot be asked: {why}", stage="challenge", remedy=away)
        what = f"{name} does not change the zone {zone}: {said(error, hidden)}"
        if status == _TOO_MANY or status >= _BROKEN:
            return Temporary(what, stage="challenge", remedy=away)
        return ChallengeFailed(
            what,
            remedy=f"See that the options are those of an account that has {zone} and may change its TXT records.",
        )

    def _provider(self, zone: str, options: dict[str, str | bool]) -> Any:
        """The library's own object, made from nothing but the file's options: not the environment, not other files."""
        import importlib

        from lexicon.config import ConfigResolver

        module = importlib.import_module(f"{providers.PACKAGE}.{self._settings.provider}")
        values: dict[str, Any] = {
            "provider_name": self._settings.provider,
            "domain": zone,
            self._settings.provider: {**options, "domain": zone},
        }
        if self._settings.ttl is not None:
            values["ttl"] = int(self._settings.ttl.total_seconds())
        return module.Provider(ConfigResolver().with_dict(values))  # type: ignore[no-untyped-call]

    def _options(self, hidden: list[str]) -> dict[str, str | bool]:
        """The options with their secrets, which are added to what is hidden; a key as the library takes it."""
        coded = {each.name for each in providers.options(self._settings.provider) if _CODED in each.help}
        found: dict[str, str | bool] = {}
        for key, value in self._settings.options.items():
            if not isinstance(value, SecretSource):
                found[key] = value
                continue
            text = secrets.resolve(value).reveal()
            hidden.append(text)
            if key in coded and not text.startswith((_CODED, "file::", "/")):
                text = _CODED + base64.b64encode(text.encode()).decode()
                hidden.append(text)
            found[key] = text
        return found


def _numbered(error: BaseException | None) -> bool:
    """Whether the system said what went wrong, somewhere below what the library says."""
    while error is not None:
        if (isinstance(error, OSError) and error.errno) or isinstance(error, TimeoutError):
            return True
        error = error.__cause__ or error.__context__
    return False


def said(error: BaseException, hidden: Sequence[str]) -> str:
    """The library's words on one line, without secrets: no option that is one, and of URLs only the host."""
    text = " ".join(str(error).split()) or type(error).__name__
    for secret in sorted({part for each in hidden for part in _parts(each)}, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _URL.sub(_bare, _FOR_URL.sub("", text))
    shown = "".join(sign if sign.isprintable() else "?" for sign in text)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _parts(secret: str) -> Iterator[str]:
    """A secret, and its parts where several are written as one: algorithm:name:secret, a key's lines."""
    yield secret
    yield from (part for part in re.split(r"[:\s]+", secret) if len(part) > 7)  # noqa: PLR2004 - no secret is as short


def _bare(url: re.Match[str]) -> str:
    host = _HOST.match(url.group()[len(url.group(1)) :])
    return f"{url.group(1)}{host.group(1) if host else ''}"


@contextmanager
def _alone(key: tuple[str, str], seconds: float) -> Iterator[bool]:
    """Whether this thread got the zone for itself within the time."""
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    had = lock.acquire(timeout=seconds)
    try:
        yield had
    finally:
        if had:
            lock.release()


def _limited(work: Callable[[], None], seconds: float) -> BaseException | None:
    """What the work raised; TimeoutError if it is not over in time, and then it is left to itself."""
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - a provider may even exit
            ended.put(error)
        else:
            ended.put(None)

    threading.Thread(target=run, name="dns-lexicon", daemon=True).start()
    try:
        return ended.get(timeout=seconds)
    except queue.Empty:
        return TimeoutError()
