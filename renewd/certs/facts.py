"""Facts: what a certificate file says, read as lightly as can be; every look at the disk passes here."""

from binascii import a2b_base64
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography.x509 import Certificate, load_der_x509_certificate

from renewd.certs import panic, san

State = Literal["present", "missing", "invalid"]

PLACEHOLDER_SERIAL = 0x72656E657764_00000000  # "renewd" and zeros; a CA's serial is random (CAB BR §7.1)
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"


@dataclass(slots=True)
class Facts:
    """What is known of one target's certificate on disk. Not frozen: the time to make ten thousand is measured."""

    path: str
    state: State
    problem: str | None = None  # a sentence for people: what is wrong, or was changed by hand
    not_before: datetime | None = None
    not_after: datetime | None = None
    serial: int | None = None
    domains: tuple[str, ...] = ()  # lower-case, sorted
    issuer: str | None = None  # filled in by the close look only
    closed: bool = False  # invalid only in that this user may not look at it


def from_pem(pem: bytes, path: str) -> Facts:
    """The facts of the first certificate in a PEM file, whatever else stands in it (a key, people's notes).

    Never raises: what cannot be read as a certificate is told as state "invalid", a placeholder as "missing".
    """
    return read(pem, path)[0]


def read(pem: bytes, path: str) -> tuple[Facts, Certificate | None]:
    """The same, and the certificate itself if its state is "present".

    Decoding that one block alone and leaving the extensions unparsed is what makes it cheap.
    """
    start = pem.find(_BEGIN)
    end = pem.find(_END, start)
    if start < 0 or end < 0:
        return Facts(path, "invalid", _without_certificate(pem)), None
    try:
        der = a2b_base64(pem[start + len(_BEGIN) : end])
        certificate = load_der_x509_certificate(der)
        serial = certificate.serial_number
        not_before, not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        domains = san.dns_names(der, certificate)
    except ValueError:
        return Facts(path, "invalid", "the certificate in it is damaged"), None
    except BaseException as error:  # noqa: BLE001 - a panic is none of Exception's; all others are raised again
        panic.only(error)
        return Facts(path, "invalid", "the certificate in it is damaged"), None
    if serial == PLACEHOLDER_SERIAL:
        return Facts(path, "missing", "only renewd's placeholder is there"), None
    return Facts(path, "present", None, not_before, not_after, serial, domains), certificate


def _without_certificate(pem: bytes) -> str:
    if not pem.strip():
        return "the file is empty"
    if pem.startswith(b"\x30\x82"):
        return "it is binary (DER or PFX), not PEM"
    if _BEGIN in pem:
        return "the certificate in it is cut off"
    return "there is no certificate in it"


def show_serial(serial: int) -> str:
    """The serial as browsers show it: `4F:9A:…`; of the negative ones that old appliances make, with a sign."""
    octets = abs(serial).to_bytes(max(1, (serial.bit_length() + 7) // 8))
    return ("-" if serial < 0 else "") + octets.hex(":").upper()
