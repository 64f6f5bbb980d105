"""What the sandbox's own user says over HTTP, under /sandbox: seed, arm faults, move the clock, look."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from cryptography.hazmat.primitives.serialization import Encoding

from renewd.certs import facts
from renewd.errors import UsageError
from renewd.sandbox import faults as switchboard
from renewd.sandbox.downloads import Downloads
from renewd.sandbox.faults import Faults
from renewd.sandbox.records import Holding, PortalOrder
from renewd.sandbox.schedule import Job, Schedule
from renewd.sandbox.subscription import Subscription
from renewd.sandbox.wire import Ask, Reply, json_reply

BASE = "/sandbox"
_LONGEST_SHIFT = 3650 * 86400  # seconds; ten years either way
_SEEDS: dict[str, type | tuple[type, ...]] = {
    "days_left": (int, float, type(None)),
    "lifetime_days": (int, float),
    "key_type": str,
    "challenge": str,
    "validated": bool,
    "spoil": str,
}


class Control:
    """Answers what is under /sandbox; no bearer is asked for."""

    def __init__(
        self, schedule: Schedule, downloads: Downloads, faults: Faults, subscription: Subscription
    ) -> None:
        self._schedule = schedule
        self._portal = schedule.portal
        self._downloads = downloads
        self._faults = faults
        self._subscription = subscription
        self._calls: dict[tuple[str, str], Callable[[Ask], Reply]] = {
            ("GET", "state"): lambda _: json_reply(self.state()),
            ("POST", "certificates"): self._seed,
            ("GET", "faults"): self._show_faults,
            ("POST", "faults"): self._arm,
            ("DELETE", "faults"): self._disarm,
            ("POST", "clock"): self._move_clock,
            ("POST", "reset"): self._reset,
            ("GET", "root.pem"): self._root,
        }

    def answer(self, ask: Ask) -> Reply:
        """One wish of the user; what is wrong with it is told as JSON, with status 400 or 404."""
        what = unquote(ask.path[len(BASE) :].strip("/"))
        call = self._calls.get((ask.method, what))
        if call is None:
            known = [f"{method} {BASE}/{path}" for method, path in self._calls]
            return json_reply({"error": f"no such call; there are {', '.join(known)}"}, 404)
        try:
            return call(ask)
        except (ValueError, UsageError) as error:
            return json_reply({"error": str(error)}, 400)

    def reset(self) -> None:
        """All as at the start, but the CA, the key and the links' life."""
        self._faults.clear()
        self._schedule.reset()
        self._portal.reset()
        self._downloads.reset()
        self._subscription.unauthorized = 0

    def state(self) -> dict[str, Any]:
        """What was asked for and what there is, as plain values."""
        portal = self._portal
        return {
            "now": portal.now().isoformat(),
            "calls": {name: dict(calls) for name, calls in list(portal.calls.items())},
            "certificates": [_holding(holding) for holding in list(portal.holdings.values())],
            "orders": [_order(order) for order in list(portal.orders.values())],
            "scheduled": [_job(job) for job in list(self._schedule.jobs)],
            "downloads": dict(self._downloads.served),
            "bearer_on_downloads": self._downloads.bearer_seen,
            "refused_downloads": self._downloads.refused,
            "unauthorized": self._subscription.unauthorized,
        }

    def _seed(self, ask: Ask) -> Reply:
        wish = _document(ask)
        name = wish.pop("name", None)
        if not isinstance(name, str):
            raise UsageError('name is missing; write {"name": "shopeneur.example"}')
        for key, value in wish.items():
            if key not in _SEEDS:
                raise UsageError(f"{key!r} is none of name, {', '.join(_SEEDS)}")
            if not isinstance(value, _SEEDS[key]) or (isinstance(value, bool) and _SEEDS[key] is not bool):
                raise UsageError(f"{key} cannot be {value!r}")
        return json_reply(_holding(self._portal.seed(name, **wish)), 201)

    def _show_faults(self, _ask: Ask) -> Reply:
        known = {
            name: {"calls": sorted(kind.calls), "says": kind.says, "value": kind.value}
            for name, kind in switchboard.KINDS.items()
        }
        return json_reply({"armed": [asdict(armed) for armed in self._faults.armed()], "known": known})

    def _arm(self, ask: Ask) -> Reply:
        wish = _document(ask)
        call, fault, times = wish.get("call"), wish.get("fault"), wish.get("times", 1)
        forever = times in (None, "always")
        if not (isinstance(call, str) and isinstance(fault, str) and (forever or type(times) is int)):
            raise UsageError('write {"call": "finalize", "fault": "lose-reply", "times": 1}')
        return json_reply(asdict(self._faults.add(call, fault, None if forever else times)), 201)

    def _disarm(self, _ask: Ask) -> Reply:
        self._faults.clear()
        return json_reply({"armed": []})

    def _move_clock(self, ask: Ask) -> Reply:
        shift = _document(ask).get("shift")
        if isinstance(shift, bool) or not isinstance(shift, int | float) or not abs(shift) <= _LONGEST_SHIFT:
            raise UsageError(
                'write {"shift": SECONDS}, ten years at most; it adds to what was shifted before'
            )
        self._portal.shift += timedelta(seconds=shift)
        return json_reply({"now": self._portal.now().isoformat()})

    def _reset(self, _ask: Ask) -> Reply:
        self.reset()
        return json_reply(self.state())

    def _root(self, _ask: Ask) -> Reply:
        root = self._portal.authority.root.public_bytes(Encoding.PEM)
        return Reply(200, root, {"Content-Type": "application/x-pem-file"})


def _document(ask: Ask) -> dict[str, Any]:
    """The object in the body. Raises UsageError or ValueError for anything else."""
    document = json.loads(ask.body or b"{}")
    if not isinstance(document, dict):
        raise UsageError("the body must be a JSON object")
    return document


def _holding(holding: Holding) -> dict[str, Any]:
    return {
        "name": holding.name,
        "challenge": holding.challenge,
        "key_type": holding.key_type,
        "issued": holding.issued,
        "serials": [facts.show_serial(generation.leaf.serial_number) for generation in holding.generations],
        "not_after": holding.held and holding.held.leaf.not_valid_after_utc.isoformat(),
        "order_uri": holding.held and holding.held.order_uri,
    }


def _order(order: PortalOrder) -> dict[str, Any]:
    return {
        "uri": order.uri,
        "name": order.name,
        "status": str(order.status),
        "tokens": len(order.tokens),
        "expires_at": order.expires_at.isoformat(),
    }


def _job(job: Job) -> dict[str, Any]:
    return {"uri": job.uri, "name": job.name, "at": job.at and job.at.isoformat(), "ended": job.ended}
