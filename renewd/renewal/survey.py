"""Looking at every target: what is on disk, and what planning says of it."""

import os
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from renewd.certs.facts import Facts
from renewd.config.load import Loaded
from renewd.config.targets import Target
from renewd.install import live
from renewd.planning import decision, suggested, window
from renewd.planning.decision import Decision, Rules
from renewd.planning.suggested import Suggestion
from renewd.renewal import revocations
from renewd.renewal.revocations import Revocation
from renewd.renewal.suggestions import Kept

AT_ONCE = 16  # targets of which a pass looks at every file


@dataclass(frozen=True, slots=True)
class Here:
    """Where the looking is done: the host has its own turn in the spread, the state has what a PFX alone hides.

    `suggested` is what CAs suggested at last, by the targets' identities; empty where the local rule alone counts.
    """

    host: str
    state_directory: str
    suggested: Mapping[str, Suggestion] = field(default_factory=dict, repr=False)
    revoked: Mapping[int, Revocation] = field(default_factory=dict, repr=False)  # by serial

    @classmethod
    def of(cls, loaded: Loaded) -> Self:
        """This machine, with a configuration: the local rule alone."""
        state = loaded.configuration.state_directory
        return cls(os.uname().nodename, state, revoked=revocations.known(state))

    @classmethod
    def informed(cls, loaded: Loaded, kept: Kept | None = None) -> Self:
        """The same with what CAs suggested."""
        state = loaded.configuration.state_directory
        return cls(os.uname().nodename, state, (kept or Kept(state)).known(), revocations.known(state))


@dataclass(slots=True)
class Look:
    """One target, its facts, the decision on them, and what its CA suggests. Not frozen, as Facts are not."""

    target: Target
    facts: Facts
    decision: Decision
    suggestion: Suggestion | None = None

    @property
    def problem(self) -> str:
        """What is odd beside the times, on disk or by the rules; empty if nothing is."""
        return self.facts.problem or self.decision.problem


def rules(target: Target, host: str) -> Rules:
    """What planning needs to know of a target."""
    return Rules(
        target.entry.renew_before, tuple(sorted(target.domains)), window.spread_of(target.identity, host)
    )


def decide(target: Target, facts: Facts, here: Here, now: datetime) -> Decision:
    """What planning says of a target by its facts."""
    return _look(target, facts, here, now).decision


def look(target: Target, here: Here, now: datetime) -> Look:
    """The quick look: the certificate, and whether all files are as they were installed."""
    return _look(target, live.look(target, here.state_directory), here, now)


def _glimpse(target: Target, here: Here, now: datetime) -> Look:
    """The certificate alone."""
    return _look(target, live.glimpse(target, here.state_directory), here, now)


def look_closely(target: Target, here: Here, now: datetime) -> Look:
    """The look of `check`: the key, the issuer, and every place too."""
    return _look(target, live.look_closely(target, here.state_directory), here, now)


def _look(target: Target, facts: Facts, here: Here, now: datetime) -> Look:
    found = decision.decide(facts, rules(target, here.host), now)
    revoked = here.revoked.get(facts.serial or 0) if here.revoked else None
    if revoked is not None and found.state in ("ok", "due"):
        facts.problem = facts.problem or str(revoked)
        return Look(target, facts, Decision("due", revoked.at, True, lambda: f"due: {revoked}"))
    suggestion = here.suggested.get(target.identity) if here.suggested else None
    if suggestion is None or not suggested.meant(suggestion, facts):
        return Look(target, facts, found)
    return Look(target, facts, suggested.sooner(found, suggestion, now), suggestion)


def due(
    targets: Sequence[Target], here: Here, now: datetime, *, closely: bool, doubtful: Collection[str] = ()
) -> Iterator[Look]:
    """The looks that are due; nothing is kept of those that are well. The `doubtful`, identities, are looked at closely.

    Of many a part has its other files looked at by each pass, and all the certificate.
    """
    parts = 1 + len(targets) // AT_ONCE
    turn = zlib.crc32(now.isoformat().encode()) % parts  # whatever the pause between passes, each comes round
    for number, target in enumerate(targets):
        quick = look if number % parts == turn else _glimpse
        seen = (look_closely if closely or target.identity in doubtful else quick)(target, here, now)
        if seen.decision.due:
            yield seen
