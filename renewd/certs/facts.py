"""Facts: what a certificate file says, read as lightly as can be; every look at the disk passes here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography import x509

State = Literal["present", "missing", "invalid"]

PLACEHOLDER_SERIAL = (
    0x72656E657764_00000000  # "renewd" and zeros: no CA's serial, which is random (CAB BR §7.1)
)
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_SUBJECT_ALTERNATIVE_NAME = x509.SubjectAlternativeName


@dataclass(slots=True)
class Facts:
    """What is known of one target's certificate on disk. Not frozen: making ten thousand is measured."""

    path: str
    state: State
    problem: str | None = None  # a sentence for people where the state is not "present"
    not_before: datetime | None = None
    not_after: datetime | None = None
    serial: int | None = None
    domains: tuple[str, ...] = ()  # lower-case, sorted
    issuer: str | None = None  # filled in by the close look only


def from_pem(pem: bytes, path: str) -> Facts:
    """The facts of the first certificate in a PEM file, whatever else stands in it (a key, people's notes).

    Never raises: what cannot be read as a certificate is told as state "invalid".
    """
    start = pem.find(_BEGIN)
    if start < 0:
        return Facts(path, "invalid", "no PEM certificate in it" if pem else "the file is empty")
    try:
        certificate = x509.load_pem_x509_certificate(pem[start:] if start else pem)
        names = certificate.extensions.get_extension_for_class(_SUBJECT_ALTERNATIVE_NAME)
    except ValueError as error:
        return Facts(path, "invalid", f"its certificate cannot be parsed: {error}")
    return Facts(
        path,
        "present",
        None,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        certificate.serial_number,
        tuple(sorted(name.lower() for name in names.value.get_values_for_type(x509.DNSName))),
    )


def show_serial(serial: int) -> str:
    """The serial as browsers show it: `4F:9A:…`."""
    digits = f"{serial:X}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
