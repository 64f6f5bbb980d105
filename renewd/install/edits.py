"""Edits: what somebody changed in the live files since renewd installed them, in words."""

from collections.abc import Iterable

from renewd.install import atomic, contents, layouts, manifest, versions


def found(root: str, version: str, paths: Iterable[tuple[str, str]]) -> list[str]:
    """What the files at these (kind, path) pairs hold that the version did not put there, one sentence each."""
    stored = versions.read_manifest(root, version)
    if stored is None:
        return [f"there is no whole version {version} in {root}"]
    problems = []
    for kind, path in paths:
        if kind not in stored.files:
            continue
        try:
            data = atomic.read(path)
        except OSError as error:
            problems.append(f"{path} cannot be read: {atomic.words(error)}")
            continue
        if manifest.digest(data) != stored.files[kind]:
            how = contents.difference(kind, data, stored.version.fingerprint)
            problems.append(f"{path} is no longer what version {version} put there: it {how}")
    return problems


def stored(root: str, version: str) -> list[tuple[str, str]]:
    """The (kind, path) pairs of a version's own files."""
    return [(kind, versions.path(root, version, name)) for kind, name in layouts.STORED.items()]
