"""How a certificate is named to its CA when renewal information is asked for (RFC 9773 §4.1)."""

from base64 import urlsafe_b64encode

from cryptography import x509

from renewd.certs import panic


def certificate_id(leaf: x509.Certificate) -> str | None:
    """The key identifier of the authority and the serial, each in base64url; None where the leaf names no such key."""
    try:
        extension = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None
    except BaseException as error:  # noqa: BLE001 - a panic is none of Exception's; all others are raised again
        panic.only(error)
        return None
    key, serial = extension.value.key_identifier, leaf.serial_number
    if key is None or serial <= 0:
        return None
    return f"{_encoded(key)}.{_encoded(serial.to_bytes(serial.bit_length() // 8 + 1))}"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
