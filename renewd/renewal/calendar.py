"""What the calendar ahead starts from: every target as it is on the disk now."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from renewd.config.targets import Target
from renewd.planning.ahead import Watched
from renewd.renewal import survey
from renewd.renewal.survey import Here


def watched(targets: Iterable[Target], here: Here, now: datetime) -> Iterator[Watched]:
    """Each target with its next renewal; what is due is renewed now."""
    for target in targets:
        seen = survey.look(target, here, now)
        facts, decision = seen.facts, seen.decision
        life = None
        if decision.state != "invalid" and facts.not_before is not None and facts.not_after is not None:
            life = facts.not_after - facts.not_before
        at = now if decision.due or decision.at is None else decision.at
        rules = survey.rules(target, here.host)
        yield Watched(target.name, target.issuer, at, decision.reason, life, rules)
