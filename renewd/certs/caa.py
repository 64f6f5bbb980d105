"""Whether CAA records (RFC 8659, with the parameters of RFC 8657) let a CA issue for a name. Pure: others ask the DNS."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_CRITICAL = 128  # RFC 8659 §4.1
_ISSUE, _WILD = "issue", "issuewild"
_UNDERSTOOD = {_ISSUE, _WILD, "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}  # IANA's list
_SPACE = " \t"
_LABEL = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_is_issuer = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_parameter = re.compile(rf"({_LABEL})[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)").fullmatch
_SHOWN = 5  # of what is permitted


@dataclass(frozen=True, slots=True)
class Record:
    """One property (§4.1), as it stands in a zone."""

    flags: int
    tag: str
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the DNS says of a name: the records there and whose they are after aliases, or why it says nothing."""

    owner: str = ""
    records: tuple[Record, ...] = ()
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants to issue: a CA by its names, for an account by a kind of challenge; empty what is not known."""

    names: tuple[str, ...]
    method: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why nothing may be issued, and what helps."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Grant:
    """The value of a property that lets somebody issue (§4.2); without an issuer it lets nobody."""

    text: str
    issuer: str = ""
    parameters: tuple[tuple[str, str], ...] = ()

    def said(self, tag: str) -> list[str]:
        return [value for name, value in self.parameters if name == tag]


def climbing(name: str) -> Iterator[str]:
    """The names whose records may decide about this one, the nearest first (§3)."""
    labels = name.removeprefix("*.").rstrip(".").split(".")
    for at in range(len(labels)):
        yield ".".join(labels[at:])


def deciding(name: str, answers: Mapping[str, Answer]) -> Answer:
    """The answer that decides: the nearest with records, or that is not known, as records may be behind it."""
    found = (answers[each] for each in climbing(name))
    return next((each for each in found if each.records or each.failed), Answer())


def objection(name: str, answer: Answer, applicant: Applicant) -> Objection | None:
    """What in the answer that decides keeps the applicant from issuing for the name; None if nothing does."""
    strange = [
        each for each in answer.records if each.flags & _CRITICAL and each.tag.lower() not in _UNDERSTOOD
    ]
    if strange:
        return Objection(
            f"a CAA record of {answer.owner} is critical and of no known kind, so no CA may issue for {name}: "
            f"{strange[0].flags} {strange[0].tag}",
            f"take it away from {answer.owner}, or its critical flag",
        )
    tag = _tag(name, answer.records)
    grants = [_grant(each.value) for each in answer.records if each.tag.lower() == tag]
    if not grants or any(_lets(grant, applicant) for grant in grants):
        return None
    return Objection(
        _words(name, answer.owner, grants, applicant), _remedy(answer.owner, tag, grants, applicant)
    )


def _tag(name: str, records: Sequence[Record]) -> str:
    """The kind of property that decides (§4.3): `issuewild` is for wildcards alone, and goes first there."""
    wild = name.startswith("*.") and any(each.tag.lower() == _WILD for each in records)
    return _WILD if wild else _ISSUE


def _grant(value: str) -> _Grant:
    """What is not written as §4.2 wants it lets nobody issue."""
    text = value.strip(_SPACE)
    issuer, _, rest = (part.strip(_SPACE) for part in text.partition(";"))
    found = [_parameter(part.strip(_SPACE)) for part in rest.split(";")] if rest else []
    parameters = [(match[1].lower(), match[2]) for match in found if match is not None]
    if not _is_issuer(issuer) or len(parameters) < len(found):
        return _Grant(text)
    return _Grant(text, issuer.lower(), tuple(parameters))


def _lets(grant: _Grant, applicant: Applicant) -> bool:
    """Whether this property lets the applicant issue. What is not known of it does not keep it from that."""
    methods, accounts = grant.said("validationmethods"), grant.said("accounturi")
    return (
        _is_ours(grant, applicant)
        and (not applicant.method or all(applicant.method in each.split(",") for each in methods))
        and (not applicant.account or all(_same(each, applicant.account) for each in accounts))
    )


def _is_ours(grant: _Grant, applicant: Applicant) -> bool:
    return grant.issuer in {name.lower() for name in applicant.names}


def _same(one: str, other: str) -> bool:
    """A CA may know an account by several addresses (RFC 8657 §3), as Let's Encrypt does; its number is the same."""
    return one == other or _number(one) == _number(other)


def _number(account: str) -> str:
    try:
        return urlsplit(account).path.rpartition("/")[2] or account
    except ValueError:
        return account


def _words(name: str, owner: str, grants: Sequence[_Grant], applicant: Applicant) -> str:
    issuers = list(dict.fromkeys(f"{grant.text[:200]!a}" for grant in grants if grant.issuer))
    shown = ", ".join(issuers[:_SHOWN]) + (
        f" and {len(issuers) - _SHOWN} more" if len(issuers) > _SHOWN else ""
    )
    ours = [grant for grant in grants if _is_ours(grant, applicant)]
    by = f" by {applicant.method}" if any(grant.said("validationmethods") for grant in ours) else ""
    whose = f" for the account {applicant.account}" if any(grant.said("accounturi") for grant in ours) else ""
    permits = f"only {shown}" if issuers else "nobody"
    return (
        f"the CAA records of {owner} let {permits} issue for {name}, so not {applicant.names[0]}{by}{whose}"
    )


def _remedy(owner: str, tag: str, grants: Sequence[_Grant], applicant: Applicant) -> str:
    """The record that lets the applicant issue, as narrow as the ones that let its CA issue for others."""
    wanted = applicant.names[0]
    own = [grant for grant in grants if _is_ours(grant, applicant)]
    if applicant.account and any(grant.said("accounturi") for grant in own):
        wanted += f"; accounturi={applicant.account}"
    if applicant.method and any(grant.said("validationmethods") for grant in own):
        wanted += f"; validationmethods={applicant.method}"
    return f'add this record, or ask a CA that the records permit: {owner}. CAA 0 {tag} "{wanted}"'
