"""After a crash: ending the switches that were under way, from the intent files and the stores alone."""

from dataclasses import dataclass
from datetime import datetime

from renewd.errors import InstallFailed
from renewd.install import atomic, intents, overtaken, switching, takeover


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
        return Recovered(
            "", f"an interrupted switch is noted in {path}, which cannot be read: {_said(error)}", ok=False
        )
    try:
        if overtaken.by_a_later_one(intent):
            intents.remove(state_directory, intent)
            return Recovered(
                intent.name,
                f"the switch to version {intent.to} is over: what somebody put there ends later, and stays",
            )
        for move in intent.moves:
            if move.site.linked:  # a file that somebody put in a link's place meanwhile is kept
                takeover.take(move.site, intent.name, now)
        forward = switching.settle(state_directory, intent)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one target, the others are ended
        what = f"the switch to version {intent.to} stays half-done: {_said(error)}"
        return Recovered(intent.name, what, ok=False)
    if forward:
        return Recovered(intent.name, f"the switch to version {intent.to} was completed")
    return Recovered(intent.name, f"version {intent.to} is not whole: what was live before is live again")


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return atomic.words(error)
    return str(error) if isinstance(error, InstallFailed | ValueError) else repr(error)
