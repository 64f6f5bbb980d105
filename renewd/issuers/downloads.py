"""Fetching key, leaf and chain from the portal's storage, by the plainest way that is there."""

import base64
import binascii

from renewd.certs.bundle import Material
from renewd.clock import Clock
from renewd.config.secrets import Secret
from renewd.errors import BadReply, Temporary
from renewd.issuers import rcl_refusals, rcl_wire
from renewd.issuers.base import Issued
from renewd.issuers.http import Call, Web, unusable

_WAYS = (  # from the plainest; a PFX comes last, since it is the only one with a password
    ("certCrtUrl", "cabundleCrtUrl", "keyUrl"),
    ("fullchainCrtUrl", "keyUrl"),
    ("pemUrl",),
    ("pfxUrl",),
)
_GONE = {401, 403, 404, 410}


class Stale(Temporary):
    """The storage does not serve this link any more."""


class Downloads:
    """What one portal's links lead to; `seconds` is what one download may take."""

    def __init__(self, web: Web, seconds: float, clock: Clock) -> None:
        self._web = web
        self._seconds = seconds
        self._clock = clock

    def fetch(self, issued: Issued) -> Material:
        """Leaf, chain and key, all or nothing. Raises Stale where the links are too old."""
        way = _way(issued)
        found = [self._fetch_one(field, issued.links[field]) for field in way]
        if way and way != ("pfxUrl",):
            return Material(pem=tuple(found), password=issued.password)
        pfx = found[0] if found else _unpacked(issued.pfx)
        return Material(pfx=pfx, password=issued.password)

    def _fetch_one(self, field: str, url: str) -> bytes:
        call = Call(f"the download of {field}", "download", self._seconds)
        reply = self._web.download(url, call)
        if reply.status in _GONE:
            raise Stale(f"{call.what} was answered with {reply.status}", stage=call.stage)
        refusal = rcl_refusals.storage(reply, call, self._clock.now())
        if refusal is not None:
            raise refusal
        if "html" in reply.kind or reply.body.lstrip()[:1] == b"<":
            raise unusable(call, "it is an HTML page")
        if not reply.body.strip():
            raise unusable(call, "it is empty")
        return reply.body


def _way(issued: Issued) -> tuple[str, ...]:
    """The links to fetch; none where the PFX came along."""
    for way in _WAYS:
        if all(field in issued.links for field in way):
            return way
    if issued.pfx:
        return ()
    there = ", ".join(field for field in rcl_wire.LINKS if field in issued.links) or "nothing"
    raise BadReply(
        f"the portal does not hand out key, certificate and chain together; there was: {there}",
        stage="download",
        remedy="Look at the certificate in the RCL portal: it may not have been issued, or not wholly.",
    )


def _unpacked(pfx: Secret | None) -> bytes:
    try:
        return base64.b64decode("".join((pfx.reveal() if pfx else "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadReply("the pfxString is not base64", stage="download") from None
