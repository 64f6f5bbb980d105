"""The names on a certificate, found without parsing its other extensions (which takes four times as long).

For looking at ten thousand live files. What is to be installed is judged by a full parse: see gate.py.
"""

import ipaddress

from cryptography import x509

_OID = b"\x06\x03\x55\x1d\x11"  # 2.5.29.17, RFC 5280 §4.2.1.6
_CRITICAL = b"\x01\x01\xff"
_NAMES_SHOWN = 3
_OCTETS, _SEQUENCE, _DNS, _ADDRESS = 0x04, 0x30, 0x82, 0x87
_LONG, _ONE, _TWO = 0x80, 0x81, 0x82  # DER lengths: from 128 up one or two length bytes follow


def dns_names(der: bytes, certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names and addresses of the certificate that `der` holds, lower-case and sorted. Raises ValueError if they cannot be read.

    Where the bytes do not look as nearly all certificates do, `certificate` is asked instead.
    """
    try:
        return tuple(sorted(set(_scan(der))))
    except (IndexError, ValueError, LookupError):  # UnicodeDecodeError among them
        pass
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    addresses = names.value.get_values_for_type(x509.IPAddress)
    dns = names.value.get_values_for_type(x509.DNSName)
    return tuple(sorted({*(name.lower() for name in dns), *map(str, addresses)}))


def difference(found: tuple[str, ...], wanted: tuple[str, ...]) -> str | None:
    """How two sets of names differ, in words that follow on "it": `lacks a.example and also has b.example`."""
    lacking, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    said = [f"lacks {_listed(lacking)}"] if lacking else []
    said += [f"also has {_listed(extra)}"] if extra else []
    return " and ".join(said) or None


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _scan(der: bytes) -> list[str]:
    """The names, or LookupError if this is not one SEQUENCE of names in one OCTET STRING."""
    at = der.find(_OID) + len(_OID)
    if at < len(_OID) or der.find(_OID, at) >= 0:
        raise LookupError
    if der.startswith(_CRITICAL, at):
        at += len(_CRITICAL)
    at, outer = _open(der, at, _OCTETS)
    at, end = _open(der, at, _SEQUENCE)
    if end != outer or end > len(der):
        raise LookupError
    names = []
    while at < end:
        tag, length = der[at], der[at + 1]
        begin, stop = (at + 2, at + 2 + length) if length < _LONG else _open(der, at, tag)
        if tag == _DNS:
            names.append(der[begin:stop].decode("ascii").lower())
        elif tag == _ADDRESS:
            names.append(str(ipaddress.ip_address(der[begin:stop])))
        at = stop
    if at != end:
        raise LookupError
    return names


def _open(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends. LookupError if it has another tag."""
    if der[at] != tag:
        raise LookupError
    length = der[at + 1]
    if length < _LONG:
        return at + 2, at + 2 + length
    if length == _ONE:
        return at + 3, at + 3 + der[at + 2]
    if length == _TWO:
        return at + 4, at + 4 + (der[at + 2] << 8 | der[at + 3])
    raise LookupError
