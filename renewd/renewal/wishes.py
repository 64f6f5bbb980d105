"""What was asked of an issuer beside a certificate and cannot be had: it stops nothing, and is told."""

from dataclasses import dataclass
from typing import ClassVar

from renewd.certs import keys
from renewd.issuers.base import ReusesKeys
from renewd.renewal.events import Event
from renewd.renewal.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAsAsked(Event):
    """The certificate is another one than was asked for, in what a server can do with."""

    event: ClassVar[str] = "issuer.not_as_asked"
    level: ClassVar[str] = "warning"
    why: str


def tell(work: Work, why: str) -> None:
    """Say it now, and for `why` and `history`."""
    work.note(NotAsAsked.event, why=why)
    work.tell(NotAsAsked, why=why)


def keep_live_key(work: Work) -> None:
    """Where keys are used again and none is stored yet, the one that runs is the first: pins and TLSA records name it."""
    issuer, context, target = work.issuer, work.context, work.target
    leaf = context.live_leaf(target)
    if not isinstance(issuer, ReusesKeys) or leaf is None or not issuer.lacks_key(target):
        return
    revoked = context.here.revoked.get(leaf.serial_number)
    if revoked is not None and revoked.reason == "keyCompromise":
        return
    key, wanted = context.installer.live_key(target), issuer.key_type
    if key is None:
        tell(
            work,
            "the key that is in use cannot be read, so the certificate gets a new one, used again from then on",
        )
    elif keys.key_type(key) != wanted:
        kind = keys.key_type(key)
        tell(
            work, f"the key that is in use is {kind}, and {wanted} is wanted: the certificate gets a new one"
        )
    else:
        issuer.keep_key(target, key)
