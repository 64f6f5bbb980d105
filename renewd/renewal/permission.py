"""Whether CAA records let an issuer issue for a target; asked by every preflight and before every order.

Only where it can be known: an issuer that says by which names records permit it. What the CA sees decides, so records that
cannot be read here stop no order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from renewd.certs import caa
from renewd.certs.caa import Objection
from renewd.config import names as naming
from renewd.config.model import Dns01
from renewd.config.targets import Target
from renewd.errors import Declined
from renewd.issuers.base import NamedByCaa
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.renewal.findings import Finding

_SHOWN = 3  # names that could not be read
_UNREAD = "see that this machine's name service works, or name another: challenge.resolver; `caa: off` leaves the look out"


class NotPermitted(Declined):
    """CAA records do not let the CA issue. It was not asked: nothing is wrong with it."""

    stage = "preflight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread(Event):
    """Some CAA records could not be read; the order is made all the same."""

    event: ClassVar[str] = "caa.unread"
    level: ClassVar[str] = "warning"
    issuer: str
    why: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the records say: which forbid it, and why others could not be read."""

    objections: tuple[Objection, ...] = ()
    unread: str = ""


def look(context: Context, target: Target, issuer: str) -> Iterator[Finding]:
    """What a preflight finds."""
    applicant = _applicant(context, target, issuer)
    if applicant is None:
        return
    seen = _see(target, applicant)
    if seen is None:
        what = f"whether CAA records let {issuer} issue is not known, as dnspython is not installed: pip install 'renewd[dns]'"
        yield Finding(target.name, "ok", what)
        return
    for objection in seen.objections:
        yield Finding(target.name, "blocks", objection.what, objection.remedy)
    if seen.unread:
        what = f"whether CAA records let {issuer} issue is not known: {seen.unread}"
        yield Finding(target.name, "warns", what, _UNREAD, passing=True)
    if not seen.objections and not seen.unread:
        yield Finding(target.name, "ok", f"no CAA record keeps {issuer} from issuing")


def insist(context: Context, target: Target, issuer: str) -> None:
    """Raises NotPermitted where a record forbids what is about to be ordered: the CA would refuse it later."""
    applicant = _applicant(context, target, issuer)
    seen = None if applicant is None else _see(target, applicant)
    if seen is None:
        return
    if seen.objections:
        said = "; ".join(objection.what for objection in seen.objections)
        raise NotPermitted(said, remedy=seen.objections[0].remedy)
    if seen.unread:
        context.emit(Unread(name=target.name, issuer=issuer, why=seen.unread))


def _applicant(context: Context, target: Target, issuer: str) -> caa.Applicant | None:
    service = context.issuer(issuer)
    return service.applicant(target) if isinstance(service, NamedByCaa) and _names(target) else None


def _names(target: Target) -> list[str]:
    """Those that may have CAA records: an address has none."""
    return [name for name in target.domains if not naming.is_address(name)]


def _see(target: Target, applicant: caa.Applicant) -> _Seen | None:
    """All names of the target are asked for together; None where nothing can ask."""
    from renewd.challenges import caa_records

    if not caa_records.can_ask():
        return None
    names = _names(target)
    resolver = target.challenge.resolver if isinstance(target.challenge, Dns01) else None
    answers = caa_records.ask([each for name in names for each in caa.climbing(name)], resolver)
    found = {name: caa.deciding(name, answers) for name in names}
    objections = [caa.objection(name, answer, applicant) for name, answer in found.items()]
    unread = list(dict.fromkeys(answer.failed for answer in found.values() if answer.failed))
    more = f", and {len(unread) - _SHOWN} names more" if len(unread) > _SHOWN else ""
    alike = tuple(_alike([each for each in objections if each is not None]))
    return _Seen(alike, "; ".join(unread[:_SHOWN]) + more)


def _alike(objections: Sequence[Objection]) -> Iterator[Objection]:
    """One for all names that the same record helps."""
    groups: dict[str, list[Objection]] = {}
    for each in objections:
        groups.setdefault(each.remedy, []).append(each)
    for first, *others in groups.values():
        more = f"; {len(others)} more of the certificate's names are in the same place" if others else ""
        yield Objection(f"{first.what}{more}", first.remedy)
