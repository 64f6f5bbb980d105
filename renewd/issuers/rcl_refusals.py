"""What a refusal by the RCL API means: its status and its own words, as one of renewd's errors. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from renewd.config.secrets import Secret
from renewd.errors import (
    AlreadyFinalized,
    BadReply,
    ChallengeFailed,
    KeyRejected,
    NotFinal,
    NotInSubscription,
    OrderGone,
    ReplyLost,
    TargetError,
    Temporary,
    Throttled,
)
from renewd.issuers import words
from renewd.issuers.http import Call, Reply

LONGEST_WAIT = timedelta(hours=24)  # what is asked for beyond it is a mistake or a trick

_DONE, _REFUSED, _BROKEN = 2, 4, 5  # the first digit of a status
_KEY = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_ABSENT = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_LATER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}
_KNOWN: dict[str, type[TargetError]] = {  # without the full stop at the end, which is not always there
    "the certificate was not found": NotInSubscription,
    "the order was not found": OrderGone,
    "the order is invalid": OrderGone,
    "the order was already finalized": AlreadyFinalized,
    "dns problem:": ChallengeFailed,
    "invalid response from": ChallengeFailed,
    "did not match this challenge": ChallengeFailed,
    "fetching http": ChallengeFailed,  # … : Connection refused, Timeout during connect, and the like
}


def refusal(reply: Reply, call: Call, now: datetime, secrets: Iterable[Secret] = ()) -> TargetError | None:
    """The error that an API answer other than 200 stands for; None for a 200.

    For order and finalize: 429 and 4xx were refused before anything was done. 5xx is Temporary of stage `order` or
    `finalize`, 503 too, which gateways say of a service that took too long: answered, so the call is over, but whether
    it had an effect is to be looked up before it is repeated. 504 and a 2xx other than 200 are ReplyLost: the gateway gave up waiting (RFC 9110 §15.6.5), the
    service may be at it still.
    """
    status = reply.status
    if status == HTTPStatus.OK:
        return None
    said = words.said(reply.body, reply.kind, secrets)
    told = f"{call.what} was answered with {status}" + (f": {said}" if said else "")
    if status in _KEY:
        return KeyRejected(told)
    if call.costs and (status == HTTPStatus.GATEWAY_TIMEOUT or status // 100 == _DONE):
        return ReplyLost(told, stage=call.stage)
    if status // 100 == _REFUSED and status not in _LATER:
        return _by_words(status, said.lower(), told, call)
    return _later(reply, told, call, now)


def storage(reply: Reply, call: Call, now: datetime) -> TargetError | None:
    """The error that a storage's answer other than 200 stands for; its words are not told, it is a third party."""
    if reply.status == HTTPStatus.OK:
        return None
    return _later(reply, f"{call.what} was answered with {reply.status}", call, now)


def _later(reply: Reply, told: str, call: Call, now: datetime) -> TargetError:
    if busy(reply.status, call):
        return Throttled(told, retry_after=wait(reply, now), stage=call.stage)
    if reply.status in _LATER or reply.status // 100 == _BROKEN:
        return Temporary(told, retry_after=wait(reply, now), stage=call.stage)
    return BadReply(told, stage=call.stage)


def busy(status: int, call: Call) -> bool:
    """Whether the service certainly did nothing, for want of time; a gateway's 503 does not say that of a call with effects."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.SERVICE_UNAVAILABLE and not call.costs
    )


def wait(reply: Reply, now: datetime) -> timedelta | None:
    """What Retry-After asks for (RFC 9110 §10.2.3), between nothing and a day; None if it says nothing sensible."""
    asked = reply.retry_after.strip()
    if asked.isascii() and asked.isdigit():
        return timedelta(seconds=min(int(asked[:9]), LONGEST_WAIT.total_seconds()))
    until, served = date(asked), date(reply.date)
    if until is None:
        return None
    return max(timedelta(0), min(until - (served or now), LONGEST_WAIT))


def date(text: str) -> datetime | None:
    """An HTTP date, in UTC; None for anything else."""
    try:
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _by_words(status: int, said: str, told: str, call: Call) -> TargetError:
    """What is said first counts: a CA quotes the pages that it found, and those may say anything."""
    places = {said.find(text): kind for text, kind in _KNOWN.items() if text in said}
    if places:
        return places[min(places)](told)
    return NotInSubscription(told) if status in _ABSENT else NotFinal(told, stage=call.stage)
