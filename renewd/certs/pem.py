"""PEM as strictly as RFC 7468 §3 lets one be: for what comes over the wire, never for people's own files."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field

WHOLE = 1 << 20  # bytes, of all texts together
KEY, CERTIFICATE, CHAIN = (
    16 << 10,
    64 << 10,
    128 << 10,
)  # bytes of one key, one certificate, all but the largest
CERTIFICATES = 10

KEY_LABELS = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"})
_IDLE_LABEL = "EC PARAMETERS"  # what openssl writes before an EC key: says nothing that the key does not
_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t]*\r?\n([A-Za-z0-9+/=\s]*)-----END \1-----(?=\s|-----BEGIN|\Z)"
)
_SPACE = re.compile(rb"\s*")

_BEGINNINGS = (  # what people and services send instead of PEM, by its first bytes
    (b"\xef\xbb\xbf", "begins with a byte-order mark; plain ASCII is wanted"),
    (b"\xff\xfe", "is UTF-16; plain ASCII is wanted"),
    (b"\xfe\xff", "is UTF-16; plain ASCII is wanted"),
    (b"\x30", "is binary (DER or PFX), not PEM"),
    (b"<", "is a web page (HTML or XML), not PEM"),
    (b"{", "is JSON, not PEM"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One PEM object; `der` may be a private key."""

    label: str
    der: bytes = field(repr=False)


def blocks(text: bytes) -> list[Block]:
    """The certificates and keys in the text, in its order. Raises ValueError, whose words follow on "it"."""
    _sniff(text)
    found: list[Block] = []
    at = _skip(text, 0)
    while at < len(text):
        match = _BLOCK.match(text, at)
        if match is None:
            raise ValueError(_malformed(text, at))
        label = match[1].decode()
        _expect(label)
        if label != _IDLE_LABEL:
            found.append(Block(label, _decode(match[2], label)))
        at = _skip(text, match.end())
    return found


def _skip(text: bytes, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _sniff(text: bytes) -> None:
    """What is plainly something else is told as what it is."""
    if not text.strip():
        raise ValueError("is empty")
    if len(text) > WHOLE:
        raise ValueError(f"is {len(text):,} bytes long; {WHOLE:,} is the most")
    for beginning, wrong in _BEGINNINGS:
        if text.lstrip().startswith(beginning):
            raise ValueError(wrong)
    if b"\0" in text:
        raise ValueError("has NUL bytes in it; plain ASCII is wanted")
    if not text.isascii():
        raise ValueError("has bytes in it that are not ASCII")


def _malformed(text: bytes, at: int) -> str:
    if not text.startswith(b"-----BEGIN ", at):
        return f"has other text {'around its' if b'-----BEGIN ' in text else 'and no'} PEM blocks"
    if b"ENCRYPTED" in text[at : at + 200]:
        return "holds an encrypted private key; an unencrypted one is wanted"
    return "has a PEM block that is cut off or damaged"


def _expect(label: str) -> None:
    if label == "ENCRYPTED PRIVATE KEY":
        raise ValueError("holds an encrypted private key; an unencrypted one is wanted")
    if label not in KEY_LABELS and label not in ("CERTIFICATE", _IDLE_LABEL):
        raise ValueError(
            f"holds a block labelled {label}; only certificates and RSA or EC private keys have a place here"
        )


def _decode(base64: bytes, label: str) -> bytes:
    try:
        der = b64decode(b"".join(base64.split()), validate=True)
    except Base64Error:
        raise ValueError("has a PEM block that is cut off or damaged") from None
    most = KEY if label in KEY_LABELS else CERTIFICATE
    if len(der) > most:
        raise ValueError(f"holds a {label} of more than {most:,} bytes")
    return der
