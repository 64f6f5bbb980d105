"""The key that signs dynamic updates (TSIG, RFC 8945), as name servers' own configurations write it."""

import base64
import binascii

from renewd.config import secrets
from renewd.config.proving import Rfc2136
from renewd.errors import SecretUnusable


def secret(settings: Rfc2136) -> bytes:
    """The key itself. Raises SecretUnusable, which never shows it, if it cannot be read or is not in base64."""
    text = secrets.resolve(settings.key).reveal()
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise SecretUnusable(
            f"the TSIG key {settings.key_name} is not written in base64",
            remedy="write the text that stands behind `secret` in the name server's own configuration",
        )
    return key
