"""Whether the present can be trusted: what a service's clock says about this machine's. Pure."""

from datetime import datetime, timedelta

from renewd.planning import backoff, words

AGREE = timedelta(minutes=10)  # clocks differ by that much without anything being wrong
MOST_BEHIND = timedelta(
    hours=1
)  # what is issued is dated about an hour back: beyond that it is not valid here
MOST_AHEAD = timedelta(days=1)  # even a certificate of six days has most of its life left here
HELD_FOR = timedelta(hours=1)  # then the clocks are compared again
REMEDY = "set this machine's clock, and let a time service keep it (systemd-timesyncd, chrony)"

Validity = tuple[datetime, datetime]


def suspicion(skew: timedelta | None, validity: Validity | None, now: datetime) -> str | None:
    """Why nothing may be ordered at `now`; None if the clocks agree, or if waiting would be worse.

    `skew` is how far the service's clock is ahead of this one, None if it did not say. `validity` is that of the
    running certificate, None if nothing runs: where that ends soon by the service's clock too, a wrong clock here
    is no reason to let it end, as long as what is issued is valid by both.
    """
    if skew is None or abs(skew) <= AGREE:
        return None
    if -MOST_AHEAD <= skew <= MOST_BEHIND and _urgent(validity, now + skew):
        return None
    return (
        f"this machine's clock is {words.span(skew)} {'behind' if skew > timedelta() else 'ahead of'} the service's: "
        f"{_shown(now)} here, {_shown(now + skew)} there; nothing is ordered until they agree"
    )


def _urgent(validity: Validity | None, there: datetime) -> bool:
    if validity is None:
        return True
    begin, end = validity
    return backoff.urgent(end - there, end - begin)


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
