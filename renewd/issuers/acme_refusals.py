"""What an ACME CA's refusals mean: its problem documents (RFC 8555 §6.7, RFC 7807), in words and as errors of ours. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from renewd.errors import (
    AlreadyFinalized,
    BadReply,
    ChallengeFailed,
    Declined,
    KeyRejected,
    NotFinal,
    OrderGone,
    ReplyLost,
    TargetError,
    Temporary,
    Throttled,
)
from renewd.issuers import rcl_refusals, words
from renewd.issuers.http import Call, Reply
from renewd.issuers.rcl_wire import decode

_PREFIX = "urn:ietf:params:acme:error:"
_DONE, _REFUSED, _BROKEN = 2, 4, 5  # the first digit of a status
_SEVERAL = 20  # sub-problems that are told
_SHUT = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_ABSENT = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_DECLINED = {
    "rejectedIdentifier": "Take the name off the certificate, or ask another CA for it.",
    "unsupportedIdentifier": "Ask another CA for such a name; many issue for no addresses.",
    "caa": "Let the name's CAA record allow this CA, or ask one that it allows.",
    "badCSR": "Try another key_type; see what the CA says.",
    "badPublicKey": "Try another key_type; see what the CA says.",
    "invalidProfile": "Write a profile that the CA has, or leave `profile` out.",
}
_ACCOUNT = {
    "userActionRequired": "Read and agree to the CA's terms at the address that it names.",
    "externalAccountRequired": "Set `eab: {kid, hmac_key}` as the CA gave them to you.",
    "badSignatureAlgorithm": "The CA does not take the account's kind of key: change it.",
    "invalidContact": "Correct `email`.",
    "unsupportedContact": "Correct `email`.",
}
_OTHERS_OWN = "Another account had this certificate issued: whoever has that one, or the certificate's private key, can revoke it."
_PROOF = {"connection", "dns", "dnssec", "tls", "incorrectResponse"}


class NoAccount(KeyRejected):
    """The CA knows no account of this key."""


class AccountShut(KeyRejected):
    """The CA does not let this account do it; it may have been deactivated."""


class AlreadyRevoked(NotFinal):
    """The certificate was revoked before (RFC 8555 §7.6)."""


class NotOurs(NotFinal):
    """The certificate is another account's: its own key may take it back too."""


OF_OTHERS: dict[type[TargetError], str] = {  # where account_key names the account's key
    NoAccount: "account_key names the key of an account that this CA does not know: check both `directory` and account_key, "
    "or leave account_key out, so that renewd makes an account of its own.",
    AccountShut: "The account whose key account_key names may have been deactivated: renewd makes no other by itself. "
    "If it is to, leave account_key out.",
}


def of_own(key: str, facts: str) -> dict[type[TargetError], str]:
    """What helps where an account is refused that renewd made, whose key and facts are in these files."""
    return {
        NoAccount: "The CA does not know the account of this key: check `directory`. "
        f"If it has forgotten it, move {facts} away: the same key is registered again.",
        AccountShut: "The account may have been deactivated: renewd makes no other by itself. "
        f"If it is to, move {key} away.",
    }


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document; `type` is without its prefix, empty if there is none of ACME's."""

    type: str
    said: str  # as one line for people
    parts: tuple[str, ...] = ()  # the types of its sub-problems

    @property
    def remedy(self) -> str | None:
        """What to do where this, or a part of it, is a no for good; None where it may be otherwise the next time."""
        return next((_DECLINED[kind] for kind in (self.type, *self.parts) if kind in _DECLINED), None)


def problem(data: Any) -> Problem:
    """The problem that a part of an answer holds, whatever it is."""
    if not isinstance(data, dict):
        return Problem("", "")
    kind = _kind(data)
    return Problem(kind, words.clean("; ".join(_lines(data, kind))), tuple(map(_kind, _subproblems(data))))


def of_reply(reply: Reply) -> Problem:
    """The problem document that an answer is."""
    try:
        return problem(decode(reply.body, reply.kind))
    except ValueError:
        return Problem("", words.said(reply.body, reply.kind))


def _kind(data: dict[str, Any]) -> str:
    kind = data.get("type")
    return (
        words.clean(kind.removeprefix(_PREFIX)) if isinstance(kind, str) and kind.startswith(_PREFIX) else ""
    )


def _subproblems(data: dict[str, Any]) -> list[dict[str, Any]]:
    subs = data.get("subproblems")
    return [sub for sub in subs[:_SEVERAL] if isinstance(sub, dict)] if isinstance(subs, list) else []


def _lines(data: dict[str, Any], kind: str) -> Iterator[str]:
    """What is said of the whole, and of each name."""
    detail = data.get("detail") or data.get("title")
    yield f"{detail} ({kind})" if isinstance(detail, str) and kind else str(detail or kind)
    if kind == "userActionRequired" and isinstance(data.get("instance"), str):
        yield f"see {data['instance']}"
    for sub in _subproblems(data):
        name = sub.get("identifier")
        value = name.get("value") if isinstance(name, dict) else ""
        inner = problem({**sub, "subproblems": None}).said
        yield f"{value}: {inner}" if value else inner


def ended(data: Any, told: str, stage: str) -> TargetError:
    """What an order is that the CA made invalid because of a problem: refused for good, or gone."""
    remedy = problem(data).remedy
    return OrderGone(told, stage=stage) if remedy is None else Declined(told, stage=stage, remedy=remedy)


def refusal(reply: Reply, call: Call, now: datetime) -> TargetError | None:
    """The error that an answer stands for; None for a 2xx.

    4xx was refused before anything was done, and so is what the CA itself calls rateLimited. Any other 5xx to what costs
    is Temporary: answered, but whether it had an effect is to be looked up before it is repeated; 504 is ReplyLost (RFC 9110 §15.6.5).
    """
    status = reply.status
    if status // 100 == _DONE:
        return None
    found = of_reply(reply)
    told = f"{call.what} was answered with {status}" + (f": {found.said}" if found.said else "")
    if rcl_refusals.busy(status, call) or found.type == "rateLimited":
        return Throttled(told, retry_after=rcl_refusals.wait(reply, now), stage=call.stage)
    if call.costs and status == HTTPStatus.GATEWAY_TIMEOUT:
        return ReplyLost(told, stage=call.stage)
    if status // 100 == _BROKEN or status == HTTPStatus.REQUEST_TIMEOUT:
        return Temporary(told, retry_after=rcl_refusals.wait(reply, now), stage=call.stage)
    if status // 100 != _REFUSED:
        return BadReply(told, stage=call.stage)
    return _not_revoked(found, told, status, call) or _refused(found, told, status, call)


def _not_revoked(found: Problem, told: str, status: int, call: Call) -> TargetError | None:
    """What a refusal to revoke means of its own."""
    if found.type == "alreadyRevoked":
        return AlreadyRevoked(told, stage=call.stage)
    if call.stage == "revoke" and (found.type == "unauthorized" or status in _SHUT):
        return NotOurs(told, stage=call.stage, remedy=_OTHERS_OWN)
    return None


def _refused(found: Problem, told: str, status: int, call: Call) -> TargetError:
    kind, stage = found.type, call.stage
    unknown = kind == "unauthorized"
    error: TargetError
    if found.remedy is not None:
        error = Declined(told, stage=stage, remedy=found.remedy)
    elif kind == "accountDoesNotExist":
        error = NoAccount(told, stage=stage)
    elif kind == "badNonce":  # each of several, so there is no use in more of them now
        error = Temporary(told, stage=stage)
    elif kind in _ACCOUNT:
        error = KeyRejected(told, stage=stage, remedy=_ACCOUNT[kind])
    elif kind == "orderNotReady":
        error = AlreadyFinalized(told)
    elif kind in _PROOF:
        error = ChallengeFailed(told)
    elif stage in {"account", "order"} and (unknown or status in _SHUT):
        error = AccountShut(told, stage=stage)
    elif stage in {"read", "finalize", "challenge"} and (unknown or status in _ABSENT):
        error = OrderGone(told, stage=stage)
    else:
        error = NotFinal(told, stage=stage)
    return error
