"""What may still be asked of an issuer: the CA's limits, with room left for people. Pure.

The journal hands in what was spent (renewd/journal/spending.py); limits and refills are Let's Encrypt's
(https://letsencrypt.org/docs/rate-limits/), less a share that strangers or people may need.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from renewd.planning import words

WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
CERTIFICATES, CERTIFICATES_BY_HAND = 3, 5  # for one exact set of names in a week at one issuer
FROM_ALL = (
    5  # the CA's limit for one set in a week, which holds for all issuers: the same CA may stand behind them
)
LAST_AFTER = DAY  # the last automatic one of a week comes no sooner after the one before it
ORDERS = 10  # for one set in a day
ISSUER_ORDERS, ISSUER_SPAN = 100, timedelta(hours=3)  # the CA's limit is 300, and the account may be shared
PROOFS, PROOFS_BY_HAND = 3, 5  # failed ones for one domain in an hour; the CA's limit is 5
REACHES = WEEK + DAY  # back to where anything that was spent still matters


class What(StrEnum):
    """What is spent."""

    ORDER = "order"
    CERTIFICATE = "certificate"
    PROOF = "proof"  # one that the CA looked for and did not find


@dataclass(frozen=True, slots=True)
class Spent:
    """One thing spent on one set of names."""

    at: datetime
    what: What
    domains: tuple[str, ...]  # sorted
    issuer: str
    order: str = ""  # of a certificate: where it comes from


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants to spend. A person may have more than renewd takes by itself."""

    what: What  # an order, or a certificate
    domains: tuple[str, ...]  # sorted
    issuer: str
    by_hand: bool = False
    order: str = ""  # which the certificate is to come from; it counts once, whatever is called how often
    spare: int = 0  # certificates that must be left after this one


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no room, and when there will be."""

    why: str
    until: datetime


def refusal(spent: Iterable[Spent], ask: Ask, now: datetime) -> Refusal | None:
    """What speaks against it, the limit that lasts longest; None if nothing does.

    An order is worth nothing without its certificate, so both must have room before one is made.
    """
    known = list(spent)
    found = [_certificates(known, ask, now), _everywhere(known, ask, now)]
    found += [_proofs(known, ask, domain, now) for domain in ask.domains]
    if ask.what is What.ORDER:
        found += [_orders(known, ask, now), _issuer_orders(known, ask, now)]
    return max((one for one in found if one is not None), key=lambda one: one.until, default=None)


def left(spent: Iterable[Spent], domains: tuple[str, ...], issuer: str, now: datetime) -> str:
    """What renewd may still spend on a set at an issuer by itself, in words."""
    known = list(spent)
    everywhere = len(_times(known, What.CERTIFICATE, now, WEEK, domains=domains))
    certificates = len(_times(known, What.CERTIFICATE, now, WEEK, domains=domains, issuer=issuer))
    orders = len(_times(known, What.ORDER, now, DAY, domains=domains, issuer=issuer))
    room = max(min(CERTIFICATES - certificates, FROM_ALL - everywhere), 0)
    return f"{room} of {CERTIFICATES} certificates left this week, {max(ORDERS - orders, 0)} of {ORDERS} orders today"


def counts_until(spent: Iterable[Spent]) -> datetime | None:
    """When nothing of what was spent counts any more; None if nothing was."""
    spans = {What.CERTIFICATE: WEEK, What.ORDER: DAY, What.PROOF: HOUR}
    return max((one.at + spans[one.what] for one in spent), default=None)


def _certificates(spent: Sequence[Spent], ask: Ask, now: datetime) -> Refusal | None:
    limit = CERTIFICATES_BY_HAND if ask.by_hand else CERTIFICATES
    times = _times(_others(spent, ask), What.CERTIFICATE, now, WEEK, domains=ask.domains, issuer=ask.issuer)
    room = limit - ask.spare
    if len(times) >= room:
        until = times[len(times) - room] + WEEK
        whose = "" if ask.by_hand else "automatic "
        kept = f", {ask.spare} more kept for what may go wrong" if ask.spare else ""
        return Refusal(
            f"{len(times)} of {limit} {whose}certificates of this week are used{kept}; the next from {_shown(until)}",
            until,
        )
    if not ask.by_hand and len(times) == CERTIFICATES - 1 and now < times[-1] + LAST_AFTER:
        until = times[-1] + LAST_AFTER
        return Refusal(
            f"{len(times)} of {limit} automatic certificates of this week are used, the newest "
            f"{words.until(times[-1], now)}; the last one from {_shown(until)}",
            until,
        )
    return None


def _everywhere(spent: Sequence[Spent], ask: Ask, now: datetime) -> Refusal | None:
    times = _times(_others(spent, ask), What.CERTIFICATE, now, WEEK, domains=ask.domains)
    return _full(times, FROM_ALL, WEEK, "certificates of a week are issued by all issuers together")


def _others(spent: Sequence[Spent], ask: Ask) -> list[Spent]:
    """What was spent but for the order that is asked about."""
    return [one for one in spent if not ask.order or one.order != ask.order]


def _orders(spent: Sequence[Spent], ask: Ask, now: datetime) -> Refusal | None:
    times = _times(spent, What.ORDER, now, DAY, domains=ask.domains, issuer=ask.issuer)
    return _full(times, ORDERS, DAY, "orders of a day for this certificate are made")


def _issuer_orders(spent: Sequence[Spent], ask: Ask, now: datetime) -> Refusal | None:
    times = _times(spent, What.ORDER, now, ISSUER_SPAN, issuer=ask.issuer)
    return _full(times, ISSUER_ORDERS, ISSUER_SPAN, f"orders of three hours are made at {ask.issuer}")


def _proofs(spent: Sequence[Spent], ask: Ask, domain: str, now: datetime) -> Refusal | None:
    failed = [one for one in spent if domain in one.domains]
    times = _times(failed, What.PROOF, now, HOUR, issuer=ask.issuer)
    limit = PROOFS_BY_HAND if ask.by_hand else PROOFS
    return _full(times, limit, HOUR, f"proofs for {domain} failed within an hour")


def _full(times: Sequence[datetime], limit: int, span: timedelta, said: str) -> Refusal | None:
    if len(times) < limit:
        return None
    until = times[len(times) - limit] + span
    return Refusal(f"{len(times)} of {limit} {said}; the next from {_shown(until)}", until)


def _times(
    spent: Iterable[Spent],
    what: What,
    now: datetime,
    span: timedelta,
    *,
    domains: tuple[str, ...] | None = None,
    issuer: str | None = None,
) -> list[datetime]:
    """When it was spent within the span, oldest first; what a clock that was ahead wrote counts as of now.

    What nobody knows the issuer of counts for each.
    """
    return sorted(
        min(one.at, now)
        for one in spent
        if one.what is what
        and one.at > now - span
        and domains in (None, one.domains)
        and (issuer is None or one.issuer in (issuer, ""))
    )


def _shown(moment: datetime) -> str:
    return moment.strftime("%d %b %H:%M UTC")
