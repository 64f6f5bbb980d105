"""When a certificate is due: a share of its lifetime, or a fixed time, before its end."""

from datetime import datetime, timedelta
from hashlib import sha256

from renewd.config.units import RenewBefore
from renewd.planning import words

SHORT_LIFE = timedelta(days=10)  # below it a third leaves too little time to repair anything
SPREAD = 20  # at most a twentieth of the lifetime earlier, so that a thousand of one day do not come at once
_DEFAULT = RenewBefore()
_SECOND = timedelta(seconds=1)


def spread_of(identity: str, host: str) -> float:
    """Where in the spread this certificate on this host has its turn, from 0 to 1; the same in every process."""
    return int.from_bytes(sha256(f"{identity}\n{host}".encode()).digest()[:6]) / 2**48


def due_at(not_before: datetime, not_after: datetime, rule: RenewBefore, spread: float) -> datetime:
    """When to renew: the rule's time before the end, and earlier by `spread` (0 to 1) of a twentieth of the lifetime.

    Always after `not_before`: a certificate that were due at its birth would be renewed for ever.
    """
    life = not_after - not_before
    due = not_after - before_end(life, rule)
    return due - min(life / SPREAD, (due - not_before) / 2) * spread


def before_end(life: timedelta, rule: RenewBefore) -> timedelta:
    """How long before the end the rule renews: as it was written; half where a fixed time is as long as the lifetime.

    Where nothing else was written it is a third, and half of lifetimes under ten days.
    """
    if rule.share is None:
        time = rule.time or timedelta()
        return time if time < life else life / 2  # or it were due at its birth
    if life < SHORT_LIFE and rule == _DEFAULT:
        return life / 2
    return life * rule.share.numerator / rule.share.denominator


def in_words(life: timedelta, rule: RenewBefore) -> str:
    """The rule as a person says it: `a third of 90 days before the end`, `30 days before the end`."""
    before = before_end(life, rule)
    if rule.time == before:
        return f"{words.span(before)} before the end"
    half = rule.share is None or before * 2 == life
    share = "half" if half or rule.share is None else words.share(rule.share)
    return f"{share} of {words.span(life + _SECOND)} before the end"  # the last second is valid too: RFC 5280 §4.1.2.5
