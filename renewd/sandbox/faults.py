"""The switchboard of what goes wrong: which fault is armed for which call, and how often still."""

import threading
from dataclasses import dataclass

from renewd.clock import Clock
from renewd.errors import UsageError
from renewd.sandbox.material import LINKS, SPOILS

JSON_CALLS = frozenset({"certificate", "order", "finalize"})
SCHEDULES = frozenset({"schedule", "renew"})  # V8's, in place of finalize
DOWNLOADS = frozenset({"download", *LINKS})  # any download, or the one of a link such as keyUrl
CALLS = JSON_CALLS | SCHEDULES | DOWNLOADS
_CERTIFICATES = frozenset({"certificate", "finalize"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: the calls it makes sense for, what it does, its value's default."""

    calls: frozenset[str]
    says: str
    value: str = ""


KINDS: dict[str, Kind] = {
    # on the wire, before the call does anything
    "delay": Kind(CALLS, "waits that many seconds first", "5"),
    "reset-before": Kind(CALLS, "resets the connection and does nothing"),
    "status": Kind(
        CALLS, "answers with a status as the gateway does: 429+30 adds Retry-After, 502-html a page", "503"
    ),
    "text-400": Kind(
        JSON_CALLS | SCHEDULES, "refuses with this text", "Something went wrong. Please contact RCL support."
    ),
    "redirect": Kind(CALLS, "redirects, to the download origin if no URL is given"),
    "body": Kind(CALLS, "does nothing and answers 200 with this body", "{}"),
    # on the wire, after it was done
    "delay-reply": Kind(CALLS, "does it, then waits that many seconds", "5"),
    "lose-reply": Kind(CALLS, "does it, then closes without a byte"),
    "reset-after": Kind(CALLS, "does it, then resets the connection"),
    "status-after": Kind(CALLS, "does it, then answers with a status; values as for status", "504-html"),
    "drip": Kind(CALLS, "sends the body a byte at a time, that many seconds apart", "0.3"),
    "drip-head": Kind(CALLS, "sends the head a byte at a time, that many seconds apart", "0.3"),
    "html-200": Kind(CALLS, "does it, then answers 200 with an error page"),
    "empty-200": Kind(CALLS, "does it, then answers 200 with nothing"),
    "truncated-json": Kind(JSON_CALLS, "does it, then answers with half the document"),
    "cut": Kind(CALLS, "does it, then closes in the middle of the body"),
    "wrong-type": Kind(JSON_CALLS, "does it, then answers with every value in a list"),
    "huge": Kind(CALLS, "does it, then answers with that many megabytes", "64"),
    "gzip": Kind(CALLS, "does it, then answers compressed, that many megabytes", "64"),
    "skew": Kind(CALLS, "says a time in its Date header that is that many seconds ahead", "3600"),
    # in the document
    "stale-certificate": Kind(_CERTIFICATES, "shows the certificate held before"),
    "null-links": Kind(_CERTIFICATES, "names no links and no PFX"),
    "only-pfx": Kind(_CERTIFICATES, "names only the PFX's link"),
    "only-pfx-string": Kind(_CERTIFICATES, "holds only the PFX itself"),
    "only-pem": Kind(_CERTIFICATES, "names only pemUrl"),
    "only-fullchain": Kind(_CERTIFICATES, "names only fullchainCrtUrl and keyUrl"),
    "missing-chain": Kind(_CERTIFICATES, "names only links without intermediates"),
    "other-order-uri": Kind(JSON_CALLS, "names another order; a URI of yours if given"),
    "other-name": Kind(JSON_CALLS, "answers for another name"),
    "tokens-dns": Kind(frozenset({"order"}), "asks for DNS records, whatever the certificate's challenge"),
    "hostile-token": Kind(
        frozenset({"order"}), "names a token that leaves the folder", "../../../../tmp/hostile"
    ),
    "born-invalid": Kind(frozenset({"order"}), "makes an order that is invalid"),
    # in the download
    "links-403": Kind(DOWNLOADS, "refuses the link as if it had expired"),
    "swap-mid-download": Kind(DOWNLOADS, "after this file the portal holds another certificate there"),
    # in what is issued
    "late": Kind(SCHEDULES, "takes it up and does it that many seconds later", "900"),
    "never": Kind(SCHEDULES, "takes it up and forgets it"),
    **{
        spoil: Kind(SCHEDULES | {"finalize"}, f"issues with this wrong: {spoil.replace('-', ' ')}")
        for spoil in SPOILS
    },
}


@dataclass(slots=True)
class Armed:
    """A fault that waits for its call; `times` is None for one that stays."""

    call: str
    kind: str
    value: str
    times: int | None = 1

    def __str__(self) -> str:
        return f"{self.kind}={self.value}" if self.value else self.kind


class Faults:
    """Thread-safe; `elsewhere` is where a redirect goes that names no URL."""

    def __init__(self, clock: Clock) -> None:
        self.elsewhere = ""
        self._clock = clock
        self._stop = threading.Event()
        self._armed: list[Armed] = []
        self._lock = threading.Lock()

    def add(self, call: str, fault: str, times: int | None = 1) -> Armed:
        """Arm `fault` (such as lose-reply or delay=3) for the next `times` calls. Raises UsageError in words."""
        name, _, value = fault.partition("=")
        kind = KINDS.get(name)
        if kind is None:
            raise UsageError(f"{name!r} is no fault of the sandbox; it knows {', '.join(KINDS)}")
        if call not in kind.calls:
            raise UsageError(f"{name} is for {', '.join(sorted(kind.calls))}, not for {call!r}")
        if times is not None and times < 1:
            raise UsageError(f"{times} times is never; write 1 or more, or always")
        default = self.elsewhere if name == "redirect" else kind.value
        armed = Armed(call, name, value or default, times)
        _check_value(armed)
        with self._lock:
            self._armed.append(armed)
        return armed

    def take(self, *calls: str) -> list[Armed]:
        """The faults that this call meets, by any of its names, once a delay among them is over.

        Each is armed for one time fewer after it. Raises ConnectionAbortedError if the sandbox closes meanwhile.
        """
        with self._lock:
            met = [armed for armed in self._armed if armed.call in calls]
            for armed in met:
                if armed.times is not None:
                    armed.times -= 1
            self._armed = [armed for armed in self._armed if armed.times != 0]
        wait = sum(float(armed.value) for armed in met if armed.kind == "delay")
        if wait and self._clock.wait(self._stop, wait):
            raise ConnectionAbortedError("the sandbox is closing")
        return met

    def armed(self) -> list[Armed]:
        """What still waits."""
        with self._lock:
            return list(self._armed)

    def clear(self) -> None:
        """All is well again."""
        with self._lock:
            self._armed.clear()

    def close(self) -> None:
        """End every delay that is being sat out."""
        self._stop.set()


_YEAR = 366 * 86400.0
# What a fault's number may be at most: seconds, and megabytes.
_MOST = {
    "delay": 3600.0,
    "delay-reply": 3600.0,
    "late": _YEAR,
    "drip": 60.0,
    "drip-head": 60.0,
    "skew": _YEAR,
    "huge": 2048.0,
    "gzip": 2048.0,
}


def _check_value(armed: Armed) -> None:
    most = _MOST.get(armed.kind)
    if most is not None:
        least = -most if armed.kind == "skew" else 0.0
        try:
            fits = least <= float(armed.value) <= most
        except ValueError:
            fits = False
        if not fits:
            raise UsageError(f"{armed.kind} takes a number from {least:g} to {most:g}, not {armed.value!r}")
    if armed.kind.startswith("status"):
        code = armed.value.partition("+")[0].partition("-")[0]
        if not (code.isascii() and code.isdigit() and 200 <= int(code) <= 599):  # noqa: PLR2004 - HTTP's
            raise UsageError(
                f"{armed.kind} takes a status such as 500, 502-html or 429+30, not {armed.value!r}"
            )


def parse(text: str) -> tuple[str, str, int | None]:
    """`finalize:lose-reply:1` as (call, fault, times); no times means once, `always` for ever. Raises UsageError."""
    call, colon, rest = text.partition(":")
    if not colon or not rest:
        raise UsageError(f"{text!r} is no fault; write CALL:FAULT[:TIMES], such as finalize:lose-reply:1")
    fault, colon, times = rest.rpartition(":")
    if colon and times == "always":
        return call, fault, None
    if colon and times.isascii() and times.isdigit():
        return call, fault, int(times)
    return call, rest, 1
