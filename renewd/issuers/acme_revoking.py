"""Taking a certificate back at its CA (RFC 8555 §7.6)."""

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from renewd.certs import csr
from renewd.errors import Declined
from renewd.issuers import acme_account_keys
from renewd.issuers.acme_orders import base64url
from renewd.issuers.acme_refusals import AlreadyRevoked, NotOurs
from renewd.issuers.acme_session import Session, Signer
from renewd.issuers.http import Call

if TYPE_CHECKING:
    from renewd.certs.bundle import PrivateKey


def revoke(
    session: Session, signer: Signer, leaf: x509.Certificate, reason: int, key: "PrivateKey | None" = None
) -> bool:
    """Take it back; `reason` as RFC 5280 §5.3.1 numbers it. False if it was taken back before.

    What another account had issued, as with files that were taken over, its own `key` takes back.
    """
    url = session.directory().revoke
    if not url:
        raise Declined("the CA revokes nothing", stage="revoke")
    payload = {"certificate": base64url(leaf.public_bytes(Encoding.DER)), "reason": reason}
    call = Call("revokeCert", "revoke", session.brief)
    try:
        try:
            session.post(url, payload, call, signer)
        except NotOurs:
            if key is None:
                raise
            session.post(url, payload, call, Signer(acme_account_keys.loaded(csr.pem(key))))
    except AlreadyRevoked:
        return False
    return True
