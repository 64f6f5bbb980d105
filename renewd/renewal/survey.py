"""Looking at every target: what is on disk, and what planning says of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from renewd.certs.facts import Facts
from renewd.config.targets import Target
from renewd.install import live
from renewd.planning import decision, window
from renewd.planning.decision import Decision, Rules


@dataclass(frozen=True, slots=True)
class Look:
    """One target, its facts, and the decision on them."""

    target: Target
    facts: Facts
    decision: Decision


def rules(target: Target, host: str) -> Rules:
    """What planning needs to know of a target."""
    return Rules(
        target.entry.renew_before, tuple(sorted(target.domains)), window.spread_of(target.identity, host)
    )


def look(target: Target, host: str, now: datetime) -> Look:
    """The quick look: the certificate alone."""
    facts = live.look(target)
    return Look(target, facts, decision.decide(facts, rules(target, host), now))


def look_closely(target: Target, host: str, now: datetime) -> Look:
    """The look of `check`: the key, the issuer, and every place too."""
    facts = live.look_closely(target)
    return Look(target, facts, decision.decide(facts, rules(target, host), now))


def due(targets: Iterable[Target], host: str, now: datetime) -> Iterator[Look]:
    """The looks that are due; nothing is kept of those that are well."""
    for target in targets:
        seen = look(target, host, now)
        if seen.decision.due:
            yield seen
