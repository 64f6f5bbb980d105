"""What a certificate says of itself, as values and in the words that messages use."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from renewd.certs.facts import show_serial

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_LONGEST = 253  # characters, as of the longest host name
_USAGES = {
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH.dotted_string,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string,
    "codeSigning": ExtendedKeyUsageOID.CODE_SIGNING.dotted_string,
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string,
    "timeStamping": ExtendedKeyUsageOID.TIME_STAMPING.dotted_string,
    "OCSPSigning": ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string,
}
_USAGE_NAMES = {oid: name for name, oid in _USAGES.items()}


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The certificate's extension of that kind, None if it has none. Raises ValueError if one cannot be parsed."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def shown(text: str) -> str:
    """What a certificate says, for people: on one line, nothing that a terminal would obey, and not for ever."""
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def title(name: x509.Name) -> str:
    """The common name, or else all of the name, as people know a CA by it."""
    for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME):
        return shown(str(attribute.value))
    return shown(name.rfc4514_string()) or "(no name)"


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The subject alternative names, sorted; those that are neither names nor addresses with their kind before them."""
    alternative = extension(certificate, x509.SubjectAlternativeName)
    return tuple(sorted({_name(name) for name in alternative or ()}))


def _name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DNSName):
        return shown(name.value.lower())
    if isinstance(name, x509.IPAddress):
        return shown(str(name.value))
    kind = {x509.RFC822Name: "e-mail", x509.UniformResourceIdentifier: "URI"}.get(type(name))
    return shown(f"{kind} {name.value}") if kind else f"a {type(name).__name__}"


def usages(certificate: x509.Certificate) -> tuple[str, ...]:
    """The extended key usages by the names that `expect.eku` uses, or as dotted numbers; empty if there are none."""
    extended = extension(certificate, x509.ExtendedKeyUsage)
    return tuple(_USAGE_NAMES.get(oid.dotted_string, oid.dotted_string) for oid in extended or ())


def usage_name(usage: str) -> str:
    """The name of a usage, whether written by its name or as a dotted number."""
    return _USAGE_NAMES.get(usage, usage)


def listed(items: Iterable[str]) -> str:
    """The items with commas, or `none`."""
    return ", ".join(items) or "none"


def serial(certificate: x509.Certificate) -> str:
    """The serial as browsers show it."""
    return show_serial(certificate.serial_number)


def time(then: datetime) -> str:
    """A moment in UTC, to the minute."""
    return then.strftime("%Y-%m-%d %H:%M UTC")
