"""PFX files (PKCS #12, RFC 7292): opened only after a look at how much work that would be.

Whoever writes one says how often the password is hashed, up to two thousand million times: minutes in which nothing
else runs. The look finds that number wherever it can be seen from outside; what is encrypted it does not see.
"""

import warnings
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from renewd.certs import keys, pem
from renewd.certs.bundle import PrivateKey
from renewd.config.secrets import Secret

ROUNDS = (
    3_000_000  # of all key derivations together: some seconds; 600,000 for each is the most that is advised
)
LARGEST = pem.KEY + pem.CERTIFICATE + pem.CHAIN + (48 << 10)  # bytes; encryption and attributes add little
_PARTS, _DEPTH = (
    50_000,
    40,
)  # elements and nesting; one of ten certificates has some thousands, and under thirty
_OCTETS, _INTEGER, _CONSTRUCTED = 0x04, 0x02, 0x20
_HIGH, _ENDLESS = 0x1F, 0x80  # a tag of several bytes, a length of none: X.690 §8.1.2.4, §8.1.3.6


def load(content: bytes, password: Secret | None) -> tuple[PrivateKey, list[x509.Certificate]]:
    """The key and the certificates, each of them once. Raises ValueError in words."""
    if len(content) > LARGEST:
        raise ValueError(f"the PFX is more than {LARGEST:,} bytes long")
    asked = rounds(content)
    if asked > ROUNDS:
        raise ValueError(
            f"opening the PFX would take {asked:,} rounds of key derivation; {ROUNDS:,} are the most"
        )
    secret = password.reveal().encode() if password else None
    try:
        with warnings.catch_warnings(action="ignore"):  # that the lengths are not the shortest harms nobody
            key, leaf, others = pkcs12.load_key_and_certificates(content, secret)
    except ValueError:
        raise ValueError("the PFX cannot be opened: it is damaged, or its password is another one") from None
    if key is None:
        raise ValueError("there is no private key in the PFX")
    if not isinstance(key, PrivateKey):
        raise ValueError(f"it holds a key of type {keys.key_type(key)}; RSA or EC is wanted")  # noqa: TRY004 - bad content
    return key, list(dict.fromkeys([*([leaf] if leaf else []), *others]))


def rounds(content: bytes) -> int:
    """How many rounds of key derivation the file asks for. Raises ValueError for what is far too intricate.

    In PBKDF2, in the older schemes, in scrypt and in the checksum over all, the count follows on the salt.
    """
    asked = 0
    for number, (tag, before, value) in enumerate(_walk(content, 0)):
        if number > _PARTS:
            raise ValueError("the PFX has more parts than any has")
        if tag == _INTEGER and before == _OCTETS:
            asked += int.from_bytes(value[:64])
    return asked


def _walk(content: bytes, depth: int) -> Iterator[tuple[int, int, bytes]]:
    """Each element's tag, the tag of the one before it, and its value; octet strings are looked into as well.

    Ends at what is no element: whoever opens the file will tell.
    """
    if depth > _DEPTH:
        raise ValueError("the PFX is nested deeper than any is")
    at, before = 0, 0
    while (found := _element(content, at, depth)) is not None:
        tag, value, at = found
        if tag == _OCTETS | _CONSTRUCTED:
            tag, value = _OCTETS, _joined(value, depth + 1)
        yield tag, before, value
        if tag & _CONSTRUCTED or (tag == _OCTETS and value[:1] == b"\x30"):
            yield from _walk(value, depth + 1)
        before = tag


def _joined(content: bytes, depth: int) -> bytes:
    """An octet string that comes in pieces."""
    pieces, at = [], 0
    while (found := _element(content, at, depth)) is not None:
        tag, value, at = found
        pieces.append(_joined(value, depth + 1) if tag & _CONSTRUCTED else value)
    return b"".join(pieces)


def _element(content: bytes, at: int, depth: int) -> tuple[int, bytes, int] | None:
    """The tag and the value of the element at `at`, and where it ends; None if there is none."""
    tag, begin = content[at : at + 1], at + 1
    if tag and tag[0] & _HIGH == _HIGH:
        while content[begin : begin + 1] >= b"\x80":
            begin += 1
        begin += 1
    if begin >= len(content) or depth > _DEPTH:
        return None
    length, begin = content[begin], begin + 1
    if length == _ENDLESS:
        return _endless(content, tag[0], begin, depth)
    if length > _ENDLESS:
        more = length & ~_ENDLESS
        length, begin = int.from_bytes(content[begin : begin + more]), begin + more
    return tag[0], content[begin : begin + length], begin + length


def _endless(content: bytes, tag: int, begin: int, depth: int) -> tuple[int, bytes, int] | None:
    """An element that goes on until two zero bytes."""
    end = begin
    while content[end : end + 2] != b"\0\0":
        inner = _element(content, end, depth + 1)
        if inner is None:
            return None
        end = inner[2]
    return tag, content[begin:end], end + 2
