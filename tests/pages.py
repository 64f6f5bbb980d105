"""The page without a daemon: certificates as a test describes them, on a board that a real server shows."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from renewd.certs.facts import Facts
from renewd.clock import Clock
from renewd.config.load import Loaded
from renewd.config.model import Certificate, Configuration
from renewd.config.secrets import Secret
from renewd.config.targets import Target
from renewd.config.units import RenewBefore
from renewd.journal import Attempt, Failure, State, Step
from renewd.planning.decision import Rules, decide
from renewd.renewal.survey import Look
from renewd.report import metrics
from renewd.report.history import Entry
from renewd.report.known import NOTHING, Known
from renewd.report.snapshot import Row, Snapshot
from renewd.report.web.app import Pages
from renewd.report.web.board import Board, Pulse
from renewd.report.web.guard import Guard
from renewd.report.web.server import Serving

SERIAL = 0x4F9A00FF
SHOWN = "4F:9A:00:FF"
CONFIRM = {"confirm": {"connect": "127.0.0.1:443"}}
REFUSED = Failure(
    "challenge",
    "ChallengeFailed",
    "the CA saw 404 at http://www.contoso.com/.well-known/acme-challenge/Kx3",
    "serve /.well-known/acme-challenge/ of www.contoso.com from /var/www/contoso",
)


def target(name: str, **keys: Any) -> Target:
    """A target of this name with these keys of its entry."""
    entry = {"name": name, "install": {"directory": f"/live/{len(name)}"}, **keys}
    return Target(name, Certificate.model_validate(entry), "rcl")


def look(watched: Target, now: datetime, days: float | None, **facts: Any) -> Look:
    """A look at a certificate that has so many of its ninety days left; None: there is none."""
    names = tuple(sorted(watched.domains))
    held: dict[str, Any] = {
        "path": "/live/fullchain.pem",
        "state": "missing",
        "problem": "there is no such file",
    }
    if days is not None:
        held |= {"state": "present", "problem": None, "serial": SERIAL, "domains": names, "issuer": "R3"}
        held |= {"not_before": now + timedelta(days=days - 90), "not_after": now + timedelta(days=days)}
    found = Facts(**(held | facts))
    return Look(watched, found, decide(found, Rules(RenewBefore(), names, 0.0), now))


def row(name: str, now: datetime, days: float | None = 70, known: Known = NOTHING, **keys: Any) -> Row:
    """One certificate; `facts` among the keys is what differs on disk, `held` what the machine lacks."""
    facts, known = keys.pop("facts", {}), replace(known, held=keys.pop("held", ""))
    return Row(look(target(name, **keys), now, days, **facts), known)


def attempt(name: str, now: datetime, **facts: Any) -> Attempt:
    """An attempt of three hours ago that took forty seconds and failed, unless said otherwise."""
    began = now - timedelta(hours=3)
    usual: dict[str, Any] = {
        "id": 1,
        "identity": name,
        "name": name,
        "kind": "renewal",
        "state": State.VALIDATING,
        "outcome": "failed",
        "started_at": began,
        "changed_at": began + timedelta(seconds=40),
        "ended_at": began + timedelta(seconds=40),
        "issuer": "rcl",
    }
    return Attempt(**(usual | facts))


def failed(name: str, now: datetime, failure: Failure = REFUSED) -> Known:
    """What the journal knows after a failure."""
    return Known(last=attempt(name, now, failure=failure, next_try_at=now + timedelta(minutes=50)))


def seen(now: datetime, serial: str = SHOWN, why: str = "", **facts: Any) -> Known:
    """What is known where a serial was seen to be served, and why it is not the right one."""
    step = Step(now - timedelta(hours=2), "confirm.served", {"serial": serial, "why": why, **facts})
    return Known(served=step)


def board(clock: Clock, rows: Sequence[Row]) -> Board:
    """A board with these certificates, looked at now."""
    made, now = Board(clock), clock.now()
    by_slug = {each.look.target.slug: each for each in rows}
    made.known = Snapshot(now, tuple(rows), Loaded(Configuration(), (), "", ()), by_slug)
    made.metrics = metrics.certificates(made.known)
    made.pulse = Pulse.of(now, now - timedelta(hours=3), now + timedelta(hours=9), "")
    return made


@contextmanager
def served(
    shown: Board,
    history: Sequence[Entry] = (),
    token: str | None = None,
    read: Callable[[Target], Sequence[Entry]] | None = None,
) -> Iterator[str]:
    """The page's address, served until the block ends."""
    pages = Pages(shown, read or (lambda _: history), lambda: None)
    guard = Guard(pages.app(), shown.clock, None if token is None else Secret(token))
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    serving = Serving(guard, [bound])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        serving.close()
