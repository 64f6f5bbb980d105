"""Intents: a switch under way as a file, all that completing or undoing it needs, with no database and no configuration."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from renewd import locks
from renewd.install import atomic, layouts
from renewd.install.atomic import Attributes
from renewd.install.sites import Site

SCHEMA = 1
_FOLDER = "intents"
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Move:
    """One site's part: the version that was live before, and the hashes of what is to be live, by kind."""

    site: Site
    before: str | None
    hashes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Intent:
    """All sites of a target go to the version `to` together, or back together."""

    name: str
    slug: str
    to: str
    moves: tuple[Move, ...]


@contextmanager
def alone(state_directory: str, *, make: bool = True) -> Iterator[None]:
    """No other process switches or recovers meanwhile: what is under way there is not an interrupted switch.

    Without `make` nothing is locked where no switch was ever begun. Raises InstallFailed, so too if others take too long.
    """
    folder = os.path.join(state_directory, _FOLDER)
    if not make and not os.path.isdir(folder):
        yield
        return
    with ExitStack() as held:
        with atomic.telling("lock", folder):
            atomic.make_directories(folder, 0o700)
            opened = held.enter_context(atomic.directory(folder))
            locks.take(opened)  # given back when the folder is closed, by a crash too
        yield


def write(state_directory: str, intent: Intent, *, over: bool = False) -> None:
    """On the disk before anything is switched; `over` one that must not be lost. Raises InstallFailed."""
    folder = os.path.join(state_directory, _FOLDER)
    name = layouts.folder(intent.slug) + _SUFFIX
    text = json.dumps({"schema": SCHEMA, **asdict(intent)}, indent=2).encode() + b"\n"
    with atomic.telling("write into", folder):
        atomic.make_directories(folder, 0o700)
        with atomic.directory(folder) as opened:
            try:
                atomic.replace_file(opened, name, layouts.temporary(name), text, Attributes(0o600))
            except BaseException:
                if not over:  # nothing was switched yet, so nothing may be completed later
                    atomic.remove(opened, name)
                raise


def remove(state_directory: str, intent: Intent) -> None:
    """Once the switch is over, one way or the other. Raises InstallFailed."""
    folder = os.path.join(state_directory, _FOLDER)
    with atomic.telling("remove an intent from", folder), atomic.directory(folder) as opened:
        atomic.remove(opened, layouts.folder(intent.slug) + _SUFFIX)
        os.fsync(opened)


def under_way(state_directory: str) -> list[str]:
    """The paths of all intents. Raises InstallFailed if they cannot be read."""
    folder = os.path.join(state_directory, _FOLDER)
    with atomic.telling("read", folder):
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return []
    return sorted(os.path.join(folder, name) for name in names if name.endswith(_SUFFIX))


def path(state_directory: str, slug: str) -> str:
    """Where a target's intent is, if it has one."""
    return os.path.join(state_directory, _FOLDER, layouts.folder(slug) + _SUFFIX)


def load(path: str) -> Intent:
    """What `write` wrote. Raises OSError, and ValueError for anything else."""
    text = atomic.read(path)
    try:
        document = json.loads(text)
        moves = tuple(_move(move) for move in document["moves"])
        return Intent(document["name"], document["slug"], document["to"], moves)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is not an intent: {error!r}") from error


def _move(document: dict[str, Any]) -> Move:
    known = {field: document["site"][field] for field in Site.__dataclass_fields__}
    files = tuple((kind, path) for kind, path in known.pop("files"))
    return Move(Site(files=files, **known), document["before"], dict(document["hashes"]))
