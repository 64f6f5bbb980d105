"""Across the line of privileges: what was obtained is handed to the side that installs, and its answer awaited.

A request is a file in a folder of ours, complete by its rename; it holds the key and is gone when it is taken. Asking
for the same again is no harm: what is live there already is checked and reloaded once more.
"""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from renewd import whole
from renewd.certs import bundle as bundles
from renewd.config.sides import Line
from renewd.config.targets import Target
from renewd.errors import HookFailed, StateUnusable
from renewd.install import layouts
from renewd.renewal import attempts, events, putback
from renewd.renewal.context import Context
from renewd.renewal.group import Leaving, Rollout, note, settle
from renewd.renewal.member import Member
from renewd.renewal.outcome import Outcome, Ready, Result

UNIT = "renewd-deploy.service"
TAKEN_WITHIN = 60.0  # seconds until somebody takes a request
ANSWERED_WITHIN = 3700.0  # seconds; the unit has an hour
LOCK = "lock"  # among the answers
_LOOK = 0.1  # seconds between two looks for an answer
_LARGEST = 1 << 20  # bytes of an answer
_WELL = frozenset(str(result) for result in Result if result.well)


def stage(rollout: Rollout) -> None:
    """Hand over what the members switched here; who is not live and well there leaves the rollout."""
    for member, result, error in _wrong(rollout, rollout.members):
        if result == Result.OWED:
            settle(rollout, member, rollout.settling.owed, error)
        elif putback.goes_back(rollout, member, error, "check"):
            settle(rollout, member, rollout.settling.put_back, error)


def back(rollout: Rollout, members: Sequence[Member]) -> None:
    """Hand over what is live here again after it went back. Raises HookFailed if it does not go live there."""
    for _, _, error in _wrong(rollout, members):
        raise error


def restore(context: Context, targets: Sequence[Target]) -> list[Outcome]:
    """What is live here and whose files are gone on the other side is handed over once more; nothing is ordered for it.

    Requests that nobody waits for any more are taken away before: they hold keys.
    """
    from renewd.renewal import by_hand

    names = {target.identity for target in targets}
    line = context.loaded.line
    if line is not None:
        whole.sweep(line.requests, context.clock.now(), (".request",))
    gone = {
        there.identity for there in (line.targets if line else ()) if there.identity in names and _gone(there)
    }
    lost = [target for target in targets if target.identity in gone and context.installer.current(target)]

    def again(context: Context, target: Target, fence: int) -> Ready:
        return attempts.begin_rollout(context, target, context.installer.current(target) or "", fence)

    return by_hand.together(context, lost, again) if lost else []


def forget(context: Context, name: str) -> None:
    """What is known of it there is dropped. Raises StateUnusable if it is not."""
    try:
        answer = _ask(context, {"forget": name})
    except Leaving:
        answer = {"error": "renewd was asked to stop before it answered"}
    if "error" in answer:
        raise StateUnusable(
            f"{name}: {UNIT}, which knows of it too, did not forget it: {answer['error']}",
            remedy=f"journalctl -u {UNIT} has more; then: renewd forget '{name}'",
        )


def _gone(there: Target) -> bool:
    """Whether a file that programs see is not there; one that we may not look for is none of our business."""
    for place in there.places:
        try:
            os.stat(layouts.leaf(place)[1])
        except FileNotFoundError:
            return True
        except OSError:
            continue
    return False


def _wrong(rollout: Rollout, members: Sequence[Member]) -> list[tuple[Member, str, HookFailed]]:
    """Those that did not go live, or not well, with how they ended and why."""
    context, found = rollout.context, []
    began = context.clock.monotonic()
    answer = _ask(context, {"targets": [_item(context, member) for member in members]})
    outcomes = answer.get("outcomes", {})
    for member in members:
        told = outcomes.get(member.target.identity) or {
            "result": Result.FAILED,
            "why": answer.get("error", ""),
        }
        if told["result"] not in _WELL:
            remedy = f"journalctl -u {UNIT} has more; mend it, then: renewd deploy {member.target.name}"
            error = HookFailed(f"{UNIT}: {told['why'] or told['result']}", hook="reload", remedy=remedy)
            found.append((member, str(told["result"]), error))
        note(rollout, [member], "handover.answered", **told)
    names = tuple(member.target.name for member in members)
    seconds = context.clock.monotonic() - began
    if not found:
        name = names[0] if len(names) == 1 else ""
        context.emit(events.HookRan(name=name, hook="reload", command=UNIT, seconds=seconds, names=names))
    return found


def _ask(context: Context, wish: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer of the other side; where none comes, one that says so. Raises Leaving when asked to stop."""
    line = context.loaded.line
    if line is None:
        raise AssertionError("there is no line to hand anything across")
    number = os.urandom(16).hex()
    request = os.path.join(line.requests, f"{number}.request")
    try:
        _put(line, number, {"schema": 1, **wish})
    except OSError as error:
        return {"error": f"nothing can be handed over in {line.requests}: {error.strerror}"}
    answer = os.path.join(line.answers, f"{number}.answer")
    began = context.clock.monotonic()
    while (found := _read(answer)) is None:
        if not os.path.exists(request) and not _busy(line):
            return _read(answer) or {"error": "it took the request and ended without an answer"}
        waited = context.clock.monotonic() - began
        if waited > (TAKEN_WITHIN if os.path.exists(request) else ANSWERED_WITHIN):
            _withdraw(request)
            return {"error": "it did not answer; is it there? systemctl status renewd-deploy.path " + UNIT}
        if context.clock.wait(context.stop, _LOOK):
            _withdraw(request)
            raise Leaving
    return found


def _item(context: Context, member: Member) -> dict[str, str | None]:
    version = context.installer.current(member.target) or member.ready.version
    bundle = context.installer.load(member.target, version)
    stored = context.installer.version(member.target, version)
    files = bundles.files(bundle, ("fullchain", "key"))
    return {
        "identity": member.target.identity,
        "issuer": member.attempt.issuer or member.target.issuer,
        "order_uri": member.attempt.order_uri,
        "replaces": None if stored is None else stored.replaces,
        "fullchain": files["fullchain"].decode(),
        "key": files["key"].decode(),
    }


def _put(line: Line, number: str, request: Mapping[str, Any]) -> None:
    os.makedirs(line.requests, mode=0o700, exist_ok=True)
    whole.store(os.path.join(line.requests, f"{number}.request"), json.dumps(request).encode())


def _read(path: str) -> Mapping[str, Any] | None:
    """The answer, if it is there: it comes whole, by a rename."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(_LARGEST))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _busy(line: Line) -> bool:
    """Whether the other side works: it holds a lock meanwhile, which a crash lets go of."""
    try:
        with open(os.path.join(line.answers, LOCK), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _withdraw(request: str) -> None:
    with suppress(OSError):  # it was taken just now
        os.unlink(request)
