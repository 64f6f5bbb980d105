"""What is known of a certificate that is not watched any more: found by its name, and dropped. Live files are none of it."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from renewd.config.load import Loaded
from renewd.config.targets import Target, identity, slug
from renewd.errors import Busy, InstallFailed, UsageError
from renewd.install import layouts, remains
from renewd.issuers import acme_keys
from renewd.planning import budget
from renewd.renewal import findings, handover, notes, served, suggestions
from renewd.renewal.context import Context
from renewd.renewal.events import Event

if TYPE_CHECKING:
    from renewd.journal import Journal

NOTES = (findings.FILE, served.FILE, suggestions.FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten(Event):
    """Nothing is known of the name any more."""

    event: ClassVar[str] = "target.forgotten"
    attempts: int


@dataclass(frozen=True, slots=True)
class Remains:
    """What is known of a name; `elsewhere` counts the attempts of other hosts that share the journal."""

    name: str
    identities: tuple[str, ...]  # in the journal; the name's own where it knows none
    slugs: frozenset[str]
    files: tuple[str, ...]  # folders of the state directory, and keys
    attempts: int = 0
    elsewhere: int = 0
    counts_until: datetime | None = None  # what was spent of a CA's limits


def called(journal: "Journal | None", name: str) -> dict[str, frozenset[str]]:
    """What the journal knows by this name, or by these names on the certificate: by identity all names it had."""
    wanted, known = identity(name), {} if journal is None else journal.known()
    return {
        each: names
        for each, names in known.items()
        if each == wanted or wanted in {identity(one) for one in names}
    }


def find(loaded: Loaded, journal: "Journal | None", name: str) -> Remains | None:
    """What there is to forget; None if nothing is known of it. Raises UsageError if it is watched.

    A name that another target had before is forgotten but for what that target is known by now.
    """
    watched = {own: target for target in loaded.targets for own in (target.identity, identity(target.name))}
    if identity(name) in watched:
        raise _still_watched(name, watched[identity(name)], loaded)
    known = called(journal, name)
    gone = tuple(each for each in known if each not in watched)
    names = {name}.union(*(known[each] for each in gone))
    slugs = frozenset(layouts.folder(slug(one)) for one in names)
    slugs -= {layouts.folder(target.slug) for target in loaded.targets}
    identities, state = gone or (identity(name),), loaded.configuration.state_directory
    files = (*remains.folders(state, slugs), *acme_keys.found(state, slugs, identities))
    if journal is not None and gone:
        return Remains(name, identities, slugs, files, *_tried(journal, gone), _counts_until(journal, gone))
    if files:
        return Remains(name, identities, slugs, files)
    if known:
        raise _still_watched(name, watched[next(iter(known))], loaded)
    return None


def _still_watched(name: str, target: Target, loaded: Loaded) -> UsageError:
    said = "" if name == target.name else f" as {target.name!r}"
    return UsageError(
        f"{name!r} is still watched{said}, so nothing was forgotten",
        remedy=f"take it out of {target.file or loaded.path} first, and let the daemon read that again",
    )


def _tried(journal: "Journal", identities: Collection[str]) -> tuple[int, int]:
    """How many attempts there are: of this host, of others."""
    hosts = [attempt.host for each in identities for attempt, _ in journal.history(each)]
    own = sum(host in ("", journal.host) for host in hosts)
    return own, len(hosts) - own


def _counts_until(journal: "Journal", identities: Collection[str]) -> datetime | None:
    return budget.counts_until(one for one in journal.spent_by_all() if ",".join(one.domains) in identities)


def forget(context: Context, name: str) -> Remains | None:
    """Drop it all, under the leases of all that it is; what that was.

    The other side of the line goes first, and the journal last, so that after a crash the rest is found by the name.
    Raises UsageError as `find` does, Busy while another process works on it, InstallFailed if a switch was not ended or
    a file cannot be removed, and StateUnusable if the other side did not forget it.
    """
    journal = context.journal if context.has_journal else None
    found = find(context.loaded, journal, name)
    if found is None:
        return None
    with ExitStack() as held:
        fences = {} if journal is None else dict(_leased(journal, found, held))
        if context.loaded.line is not None:
            handover.forget(context, name)
        _drop(context.loaded.configuration.state_directory, found)
        for each, fence in fences.items():
            context.journal.forget(each, fence)
    context.emit(Forgotten(name=name, attempts=found.attempts))
    return found


def _leased(journal: "Journal", found: Remains, held: ExitStack) -> Iterator[tuple[str, int]]:
    for each in found.identities:
        try:
            fence = journal.take(each)
        except Busy as error:
            why = f"{found.name}: {error}, so nothing was forgotten; try again when that is over"
            raise Busy(why, pid=error.pid, retry_after=error.retry_after) from error
        held.callback(journal.release, each, fence)
        yield each, fence


def _drop(state_directory: str, found: Remains) -> None:
    for path in remains.interrupted(state_directory, found.slugs):
        raise InstallFailed(
            f"{found.name}: an installation was interrupted and is not ended ({path}), so nothing was forgotten",
            remedy="renewd recover says what keeps it from that",
        )
    for path in found.files:
        remains.remove(path)
    for file in NOTES:
        notes.drop(state_directory, file, found.identities)
