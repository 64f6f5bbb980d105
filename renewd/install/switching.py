"""Going live: all sites of a target show a version together, or all show again what they showed before."""

from collections.abc import Mapping, Sequence

from renewd.errors import InstallFailed
from renewd.install import fixed, intents, links, versions
from renewd.install.intents import Intent, Move
from renewd.install.sites import Site

Wanted = list[tuple[Site, str | None]]  # what each site is to show; None: nothing


def plan(
    name: str, slug: str, sites: Sequence[Site], version: str, before: Mapping[str, str | None] | None = None
) -> Intent:
    """The switch of a target's sites from what is live to the version. Raises InstallFailed if one has it not whole.

    `before` names what was live, by the store's root, where an interrupted switch left something else.
    """
    moves = []
    for site in sites:
        stored = versions.read_manifest(site.root, version)
        if stored is None:
            raise InstallFailed(f"there is no whole version {version} in {site.root}")
        live = (before or {}).get(site.root, versions.current(site.root))
        moves.append(Move(site, live, dict(stored.files)))
    return Intent(name, slug, version, tuple(moves))


def carry_out(state_directory: str, intent: Intent, *, over: bool = False) -> None:
    """Write the intent, go forward, remove the intent. Raises InstallFailed with everything put back as it was.

    Where it goes `over` one that could not be ended, the intent stays until this one is.
    """
    wanted = _forward(intent)
    intents.write(state_directory, intent, over=over)
    try:
        _prepare(wanted)
    except InstallFailed:
        if not over:
            intents.remove(state_directory, intent)
        raise
    try:
        _switch(wanted)
        intents.remove(state_directory, intent)
    except InstallFailed as error:
        _undo(state_directory, intent, error)
        raise


def _undo(state_directory: str, intent: Intent, error: InstallFailed) -> None:
    try:
        _show(_back(intent))
        intents.remove(state_directory, intent)
    except InstallFailed as failed:
        raise InstallFailed(
            f"{error}; and then the old files could not be put back: {failed}",
            remedy=f"{failed.remedy or 'see to the disk'}, then run: renewd recover",
        ) from error


def settle(state_directory: str, intent: Intent) -> bool:
    """End an interrupted switch: True if forward, where the new version is whole everywhere, False if back.

    Doing it twice does no harm. Raises InstallFailed if neither is possible; the intent stays.
    """
    complete = all(_whole(move, intent.to) for move in intent.moves)
    _show(_forward(intent) if complete else _back(intent))
    intents.remove(state_directory, intent)
    return complete


def _whole(move: Move, version: str) -> bool:
    stored = versions.read_manifest(move.site.root, version)
    return stored is not None and stored.files == move.hashes and versions.whole(move.site.root, version)


def _forward(intent: Intent) -> Wanted:
    return [(move.site, intent.to) for move in intent.moves]


def _back(intent: Intent) -> Wanted:
    return [(move.site, move.before) for move in intent.moves]


def _show(wanted: Wanted) -> None:
    _prepare(wanted)
    _switch(wanted)


def _prepare(wanted: Wanted) -> None:
    """Write all that has to be written, so that what may fail for want of space fails before anything is switched."""
    try:
        for site, version in wanted:
            if version is not None and not site.linked:
                fixed.prepare(site, version)
    except BaseException:
        _discard(wanted)
        raise


def _switch(wanted: Wanted) -> None:
    """Raises InstallFailed, maybe halfway."""
    try:
        for site, version in wanted:
            switch = links.switch if site.linked else fixed.switch
            switch(site, version)
    except BaseException:
        _discard(wanted)
        raise
    problems = [
        problem for site, version in wanted if version is not None for problem in altered(site, version)
    ]
    if problems:
        raise InstallFailed("; ".join(problems), remedy="see what else writes there")


def _discard(wanted: Wanted) -> None:
    for site, _ in wanted:
        if not site.linked:
            fixed.discard(site)


def altered(site: Site, version: str) -> list[str]:
    """What is shown there otherwise than the version says, one sentence each."""
    return links.altered(site, version) if site.linked else fixed.altered(site, version)


def shows(site: Site, version: str) -> bool:
    """True if the version is live at the site."""
    return links.shows(site, version) if site.linked else fixed.shows(site, version)
