"""ASN.1 by hand (X.690), for what no library would write."""


def element(tag: int, content: bytes) -> bytes:
    """One element, its length in four bytes where it is long."""
    length = len(content)
    return bytes([tag]) + (bytes([length]) if length < 128 else b"\x84" + length.to_bytes(4)) + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE."""
    return element(0x30, b"".join(parts))


def octets(content: bytes) -> bytes:
    """OCTET STRING."""
    return element(0x04, content)


def endless(*parts: bytes) -> bytes:
    """SEQUENCE whose length is not said."""
    return b"\x30\x80" + b"".join(parts) + b"\0\0"


def pieces(content: bytes) -> bytes:
    """OCTET STRING in pieces of seven bytes."""
    return element(0x24, b"".join(octets(content[at : at + 7]) for at in range(0, len(content), 7)))
