"""After a crash: ending the switches that were under way, from the intent files and the stores alone."""

import os
from dataclasses import dataclass
from datetime import datetime

from renewd.errors import InstallFailed
from renewd.install import atomic, intents, overtaken, switching, takeover
from renewd.install.intents import Intent


@dataclass(frozen=True, slots=True)
class Recovered:
    """How an interrupted switch was ended: `what` is a sentence; not `ok` where it needs a person."""

    name: str
    what: str
    ok: bool = True


def recover(state_directory: str, now: datetime) -> list[Recovered]:
    """End every interrupted switch: forward where the new version is whole everywhere, else back. Twice is no harm.

    One that cannot be ended keeps no other from it. Raises InstallFailed if it cannot be told which there are.
    """
    settled = [settle(state_directory, path, now) for path in intents.under_way(state_directory)]
    return [one for one in settled if one is not None]


def settle(state_directory: str, path: str, now: datetime) -> Recovered | None:
    """End the switch whose intent is there; None if there is none."""
    try:
        intent = intents.load(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        what = f"an interrupted switch is noted in {path}, which cannot be read: {_said(error)}"
        return Recovered(os.path.basename(path).removesuffix(".json"), what, ok=False)
    try:
        if overtaken.by_a_later_one(intent):
            intents.remove(state_directory, intent)
            return Recovered(
                intent.name,
                f"the switch to version {intent.to} is over: what somebody put there ends later, and stays",
            )
        kept = _kept(intent, now)
        forward = switching.settle(state_directory, intent)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one target, the others are ended
        what = f"the switch to version {intent.to} stays half-done: {_said(error)}"
        return Recovered(intent.name, what, ok=False)
    if forward:
        return Recovered(intent.name, f"the switch to version {intent.to} was completed{kept}")
    return Recovered(
        intent.name, f"version {intent.to} is not whole: what was live before is live again{kept}"
    )


def _kept(intent: Intent, now: datetime) -> str:
    """What somebody put there meanwhile becomes a version before it is replaced; a remark on it, if there is any."""
    others = [move for move in intent.moves if move.site.linked or overtaken.by_anything(move, intent.to)]
    taken = [version for move in others if (version := takeover.take(move.site, intent.name, now))]
    return f"; what somebody put there meanwhile is kept as version {', '.join(taken)}" if taken else ""


def before(path: str) -> dict[str, str | None]:
    """What was live before the switch whose intent is there, by the root of each store; nothing if it cannot be read."""
    try:
        return {move.site.root: move.before for move in intents.load(path).moves}
    except (OSError, ValueError):
        return {}


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return atomic.words(error)
    return str(error) if isinstance(error, InstallFailed | ValueError) else repr(error)
