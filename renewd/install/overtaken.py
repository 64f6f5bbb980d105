"""An interrupted switch that somebody overtook: they put a later certificate where it was to end, and that one stays."""

import contextlib
import os

from cryptography import x509

from renewd.install import atomic, contents, manifest, versions
from renewd.install.intents import Intent, Move
from renewd.install.manifest import Manifest


def by_a_later_one(intent: Intent) -> bool:
    """True if every place shows a whole set of somebody else's that ends later than what the switch leads to."""
    return bool(intent.moves) and all(_later(move, intent.to) for move in intent.moves)


def by_anything(move: Move, to: str) -> bool:
    """True if a file is shown there that belongs to neither side of the switch."""
    hashes = {digest for version in _sides(move, to) for digest in version.files.values()}
    return any(manifest.digest(data) not in hashes for data in _found(move).values())


def _later(move: Move, to: str) -> bool:
    found = _found(move)
    if set(found) != {kind for kind, _ in move.site.files} or not by_anything(move, to):
        return False
    leaf, sides = _whole(found), _sides(move, to)
    end = sides[0].version.not_after if sides else None  # of what the switch leads to, where that is there
    return leaf is not None and (end is None or leaf.not_valid_after_utc > end)


def _sides(move: Move, to: str) -> list[Manifest]:
    known = (name and versions.read_manifest(move.site.root, name) for name in (to, move.before))
    return [version for version in known if version]


def _found(move: Move) -> dict[str, bytes]:
    found = {}
    for kind, path in move.site.files:
        with contextlib.suppress(OSError):
            found[kind] = atomic.read(os.path.realpath(path))
    return found


def _whole(found: dict[str, bytes]) -> x509.Certificate | None:
    """The leaf of files that belong together."""
    try:
        return contents.parse(
            {kind: data for kind, data in found.items() if kind != "pfx" or len(found) == 1}
        ).leaf
    except ValueError:
        return None
