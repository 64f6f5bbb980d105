"""Which targets a command line names."""

from collections.abc import Sequence

from renewd.config.load import Loaded
from renewd.config.targets import Target, identity, parts
from renewd.errors import UsageError


def chosen(loaded: Loaded, names: Sequence[str]) -> tuple[Target, ...]:
    """The named targets in the order given, all where none is named. Raises UsageError for a name not watched."""
    if not names:
        return loaded.targets
    return tuple(dict.fromkeys(one(loaded, name) for name in names))


def one(loaded: Loaded, name: str) -> Target:
    """The target of this name, however it is spaced or cased. Raises UsageError if it is not watched.

    It is found by its name, which may be another than its `domains`, by those, and by the first of them, as `check` shows it,
    or any other where it is the only one that holds it.
    """
    wanted = identity(name)
    for target in loaded.targets:
        if target.identity == wanted or (target.entry.domains and identity(target.name) == wanted):
            return target
    holding = [target for target in loaded.targets if wanted in target.domains]
    first = [target for target in holding if parts(target.name)[0] == wanted]
    for found in (first, holding):
        if len(found) == 1:
            return found[0]
    import difflib

    near = [target.name for target in holding] or difflib.get_close_matches(
        name, [target.name for target in loaded.targets], 1
    )
    hint = f"; did you mean {' or '.join(near[:3])}?" if near else f"; {loaded.path} does not name it"
    raise UsageError(f"no certificate {name!r} is watched{hint}")
