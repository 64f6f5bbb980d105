"""What is known as Prometheus' text: https://prometheus.io/docs/instrumenting/exposition_formats/ and its naming rules.

Times are timestamps, never ages, so what is rendered stays true. One series a certificate and metric, never one an attempt.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import prometheus_client as prometheus

import renewd
from renewd.renewal import events
from renewd.renewal.events import Event
from renewd.renewal.timed import Asked
from renewd.report import known, snapshot
from renewd.report.heard import Heard
from renewd.report.known import Daemon
from renewd.report.snapshot import Row, Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("ok", "due", "expired", "missing", "invalid")
_CALLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)  # seconds
_HOOKS = (0.01, 0.05, 0.25, 1, 5, 30, 120)
_OUTCOMES: dict[type[Event], str] = {
    events.Renewed: "renewed",
    events.Owed: "owed",
    events.PutBack: "put_back",
    events.Refused: "refused",
    events.Failed: "failed",
    events.Parked: "parked",
}

Value = Callable[[Row], float | None]
Series = list[tuple[str, float | None]]  # labels as text, and the value
Family = tuple[str, str, Series]  # name, help


prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each one, that nobody asks for


class Counting:
    """What is counted from events, since the daemon began."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self.registry)
        made = self.registry
        prometheus.Gauge("renewd_build_info", "The version that runs.", ["version"], registry=made).labels(
            renewd.__version__
        ).set(1)
        self._attempts = prometheus.Counter(
            "renewd_attempts", "What became of attempts.", ["outcome"], registry=made
        )
        self._calls = prometheus.Histogram(
            "renewd_api_request_duration_seconds",
            "How long calls to an issuer took.",
            ["issuer", "call"],
            registry=made,
            buckets=_CALLS,
        )
        self._failed_calls = prometheus.Counter(
            "renewd_api_request_failures",
            "Calls to an issuer that failed.",
            ["issuer", "call"],
            registry=made,
        )
        self._hooks = prometheus.Histogram(
            "renewd_hook_duration_seconds", "How long hooks took.", ["hook"], registry=made, buckets=_HOOKS
        )
        self._failed_hooks = prometheus.Counter(
            "renewd_hook_failures", "Hooks that failed.", ["hook"], registry=made
        )
        self._refused = prometheus.Counter(
            "renewd_config_reload_failures", "Configurations that were refused.", registry=made
        )
        self._ticks = prometheus.Counter(
            "renewd_tick_failures", "Ticks that could not be done.", registry=made
        )
        for outcome in dict.fromkeys(_OUTCOMES.values()):
            self._attempts.labels(outcome)

    def __call__(self, event: Event) -> None:
        """Count it."""
        if isinstance(event, Asked):
            self._calls.labels(event.issuer, event.call).observe(event.seconds)
            self._failed_calls.labels(event.issuer, event.call).inc(not event.ok)
        elif isinstance(event, events.HookRan):
            self._hooks.labels(event.hook).observe(event.seconds)
        elif isinstance(event, events.HookFailed):
            self._failed_hooks.labels(event.hook).inc()
        elif event.event == "configuration.refused":
            self._refused.inc()
        elif event.event == "daemon.tick_failed":
            self._ticks.inc()
        elif type(event) in _OUTCOMES:
            self._attempts.labels(_OUTCOMES[type(event)]).inc()

    def text(self) -> bytes:
        """All of it."""
        return prometheus.generate_latest(self.registry)


def certificates(seen: Snapshot) -> bytes:
    """What is known of each certificate; the same as long as the snapshot is."""
    return _text(_of_certificates(seen))


def daemon(presence: Daemon | None, heard: Heard, last_tick: datetime | None) -> bytes:
    """How the daemon fares."""
    return _text(_of_the_daemon(presence, heard, last_tick))


def _of_certificates(seen: Snapshot) -> Iterator[Family]:
    rows = [(_labels("name", row.name), row) for row in seen.rows]
    for name, said, value in _EACH:
        yield f"certificate_{name}", said, [(label, value(row)) for label, row in rows]
    watched = [pair for pair in rows if pair[1].watched and pair[1].look.facts.serial is not None]
    said = "1 if the certificate on disk is the one that was last seen to be served."
    yield "certificate_served_ok", said, [(label, float(_is_served(row))) for label, row in watched]
    counts = Counter(row.state for row in seen.rows)
    states: Series = [(_labels("state", state), counts[state]) for state in STATES]
    yield "certificates", "Certificates by state.", states
    troubled = sum(row.troubled(seen.at) for row in seen.rows)
    yield _one("certificates_in_trouble", "Certificates that somebody should look at.", troubled)
    yield _one("snapshot_timestamp_seconds", "When they were last looked at for this.", _time(seen.at))
    yield _one("journal_readable", "0 if the journal could not be read then.", not seen.problem)


def _of_the_daemon(presence: Daemon | None, heard: Heard, last_tick: datetime | None) -> Iterator[Family]:
    last_pass, next_pass = (None, None) if presence is None else (presence.last_pass, presence.next_pass)
    yield _one("last_tick_timestamp_seconds", "When the daemon last ended a tick.", _time(last_tick))
    yield _one("last_pass_timestamp_seconds", "When the last whole pass ended.", _time(last_pass))
    yield _one(
        "last_healthy_pass_timestamp_seconds",
        "When the last one ended after which all was well, since the daemon began.",
        _time(heard.healthy_pass),
    )
    yield _one("next_pass_timestamp_seconds", "When the next one begins.", _time(next_pass))
    yield _one(
        "config_last_reload_success_timestamp_seconds",
        "When the configuration that holds was taken.",
        _time(heard.loaded_at),
    )
    yield _one(
        "config_last_reload_successful", "0 if the newest configuration was refused.", not heard.refused
    )
    yield _one("clock_trusted", "0 while this machine's clock is in doubt.", not heard.suspect)
    yield _one("tick_ok", "0 if the last tick could not be done.", not heard.tick_failed)


def _one(name: str, said: str, value: float | None) -> Family:
    return name, said, [("", value)]


def _time(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _is_served(row: Row) -> bool:
    return row.known.served is not None and not row.differs


def _labels(label: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{{{label}="{escaped}"}}'


def _text(gauges: Iterable[Family]) -> bytes:
    """Gauges as text, by hand: the library takes a second for what is rendered here in a tenth."""
    lines = []
    for name, said, samples in gauges:
        lines += [f"# HELP renewd_{name} {said}\n# TYPE renewd_{name} gauge\n"]
        lines += [f"renewd_{name}{label} {value:.15g}\n" for label, value in samples if value is not None]
    return "".join(lines).encode()


_EACH: tuple[tuple[str, str, Value], ...] = (
    (
        "not_after_timestamp_seconds",
        "When the certificate on disk expires.",
        lambda row: _time(row.look.facts.not_after),
    ),
    (
        "renew_at_timestamp_seconds",
        "When its renewal is or was wanted.",
        lambda row: _time(row.look.decision.at),
    ),
    (
        "overdue_at_timestamp_seconds",
        "When its slack is used up: from then on it should have been renewed.",
        lambda row: _time(row.overdue_at),
    ),
    (
        "usable",
        "0 if it is expired, missing or invalid.",
        lambda row: float(row.state not in snapshot.UNUSABLE),
    ),
    (
        "served_not_after_timestamp_seconds",
        "When the certificate expires that was last seen to be served, be it the one on disk or another.",
        lambda row: _time(row.served_until),
    ),
    (
        "last_attempt_failed",
        "1 if the last attempt at it failed, or waits after a failure.",
        lambda row: float(known.wrong(row.look, row.known) is not None),
    ),
    (
        "preflight_blocks",
        "1 if the last preflight found what would stop the next renewal.",
        lambda row: float(row.known.blocked),
    ),
    (
        "hooks_owed",
        "Hooks and confirmations that it still owes.",
        lambda row: float(len(row.known.debt.owed) if row.known.debt else 0),
    ),
    (
        "budget_left",
        "Certificates that renewd may still order by itself for these names this week.",
        lambda row: float(snapshot.budget_left(row)),
    ),
)
