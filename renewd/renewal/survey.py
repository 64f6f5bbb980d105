"""Looking at every target: what is on disk, and what planning says of it."""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from renewd.certs.facts import Facts
from renewd.config.load import Loaded
from renewd.config.targets import Target
from renewd.install import live
from renewd.planning import decision, window
from renewd.planning.decision import Decision, Rules


@dataclass(frozen=True, slots=True)
class Here:
    """Where the looking is done: the host has its own turn in the spread, the state has what a PFX alone hides."""

    host: str
    state_directory: str

    @classmethod
    def of(cls, loaded: Loaded) -> Self:
        """This machine, with a configuration."""
        return cls(os.uname().nodename, loaded.configuration.state_directory)


@dataclass(slots=True)
class Look:
    """One target, its facts, and the decision on them. Not frozen, as Facts are not."""

    target: Target
    facts: Facts
    decision: Decision


def rules(target: Target, host: str) -> Rules:
    """What planning needs to know of a target."""
    return Rules(
        target.entry.renew_before, tuple(sorted(target.domains)), window.spread_of(target.identity, host)
    )


def look(target: Target, here: Here, now: datetime) -> Look:
    """The quick look: the certificate alone."""
    facts = live.look(target, here.state_directory)
    return Look(target, facts, decision.decide(facts, rules(target, here.host), now))


def look_closely(target: Target, here: Here, now: datetime) -> Look:
    """The look of `check`: the key, the issuer, and every place too."""
    facts = live.look_closely(target, here.state_directory)
    return Look(target, facts, decision.decide(facts, rules(target, here.host), now))


def due(
    targets: Iterable[Target], here: Here, now: datetime, *, closely: bool, doubtful: Collection[str] = ()
) -> Iterator[Look]:
    """The looks that are due; nothing is kept of those that are well. The `doubtful`, identities, are looked at closely."""
    for target in targets:
        seen = (look_closely if closely or target.identity in doubtful else look)(target, here, now)
        if seen.decision.due:
            yield seen
