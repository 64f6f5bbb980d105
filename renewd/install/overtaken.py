"""An interrupted switch that somebody overtook: they put a later certificate where it was to end, and that one stays."""

import contextlib
import os

from cryptography import x509

from renewd.install import atomic, contents, manifest, versions
from renewd.install.intents import Intent, Move


def by_a_later_one(intent: Intent) -> bool:
    """True if every place shows a whole set of somebody else's that ends later than what the switch is between."""
    return bool(intent.moves) and all(_later(move, intent.to) for move in intent.moves)


def _later(move: Move, to: str) -> bool:
    found = {}
    for kind, path in move.site.files:
        with contextlib.suppress(OSError):
            found[kind] = atomic.read(os.path.realpath(path))
    if set(found) != {kind for kind, _ in move.site.files}:
        return False
    leaf = _whole(found)
    ours = [
        version
        for name in (to, move.before)
        if name and (version := versions.read_manifest(move.site.root, name))
    ]
    hashes = {digest for version in ours for digest in version.files.values()}
    if leaf is None or all(manifest.digest(data) in hashes for data in found.values()):
        return False
    ends = [version.version.not_after for version in ours if version.version.not_after]
    return all(leaf.not_valid_after_utc > end for end in ends)


def _whole(found: dict[str, bytes]) -> x509.Certificate | None:
    """The leaf of files that belong together."""
    try:
        return contents.parse(
            {kind: data for kind, data in found.items() if kind != "pfx" or len(found) == 1}
        ).leaf
    except ValueError:
        return None
