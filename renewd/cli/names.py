"""Which targets a command line names."""

from collections.abc import Sequence

from renewd.config.load import Loaded
from renewd.config.targets import Target, identity
from renewd.errors import UsageError


def chosen(loaded: Loaded, names: Sequence[str]) -> tuple[Target, ...]:
    """The named targets in the order given, all where none is named. Raises UsageError for a name not watched."""
    if not names:
        return loaded.targets
    return tuple(dict.fromkeys(one(loaded, name) for name in names))


def one(loaded: Loaded, name: str) -> Target:
    """The target of this name, however it is spaced or cased. Raises UsageError if it is not watched.

    It is found by its name, which may be another than its `domains`, and by those.
    """
    wanted = identity(name)
    for target in loaded.targets:
        if target.identity == wanted or (target.entry.domains and identity(target.name) == wanted):
            return target
    import difflib

    holding = [target.name for target in loaded.targets if wanted in target.domains]
    near = holding or difflib.get_close_matches(name, [target.name for target in loaded.targets], 1)
    hint = f"; did you mean {near[0]}?" if near else f"; {loaded.path} does not name it"
    raise UsageError(f"no certificate {name!r} is watched{hint}")
