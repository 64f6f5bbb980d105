"""What is said before TLS begins, where a service begins without it: SMTP, IMAP, POP3, LDAP, PostgreSQL.

Each dialogue is the least that the protocol asks for; nothing of what the server says is believed but that it agrees.
"""

import select
import socket
from collections.abc import Callable

from renewd.clock import Clock

_LONGEST = 16384  # bytes that a server may say before it agrees
_LDAP_REQUEST = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"  # RFC 4511 §4.14.1
_LDAP_AGREED = b"\x0a\x01\x00"  # resultCode success (0) of an extended response: RFC 4511 §4.1.9
_POSTGRESQL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)  # SSLRequest: PostgreSQL's protocol, §55.7


class Refused(OSError):
    """The server does not begin TLS, or does not speak the protocol."""


class Line:
    """A connection without TLS yet, with one end of time for all that is said."""

    def __init__(self, plain: socket.socket, until: float, clock: Clock) -> None:
        self._plain = plain
        self._until = until
        self._clock = clock
        self._heard = b""

    def say(self, words: bytes) -> None:
        """Raises TimeoutError if the server does not take it."""
        while words:
            self._wait(select.POLLOUT)
            words = words[self._plain.send(words) :]

    def hear(self, ends: Callable[[bytes], bool]) -> bytes:
        """What the server says until `ends` says that it is whole. Raises Refused, TimeoutError."""
        while not ends(self._heard):
            self._wait(select.POLLIN)
            # one byte at a time: what follows an agreement belongs to TLS
            part = self._plain.recv(1)
            if not part:
                raise Refused("the connection was closed")
            self._heard += part
            if len(self._heard) > _LONGEST:
                raise Refused("the answer is too long")
        heard, self._heard = self._heard, b""
        return heard

    def line(self) -> str:
        """One line of the server, without its end."""
        return self.hear(lambda heard: heard.endswith(b"\n")).decode("latin-1").rstrip("\r\n")

    def _wait(self, for_what: int) -> None:
        poll = select.poll()
        poll.register(self._plain, for_what)
        if not poll.poll(max(0.0, self._until - self._clock.monotonic()) * 1000):
            raise TimeoutError


def begin(protocol: str, line: Line) -> None:
    """Bring the connection to where TLS begins. Raises Refused, TimeoutError, OSError."""
    DIALOGUES[protocol](line)


def _smtp(line: Line) -> None:
    _smtp_answer(line, "220")
    line.say(b"EHLO renewd.invalid\r\n")
    _smtp_answer(line, "250")
    line.say(b"STARTTLS\r\n")
    _smtp_answer(line, "220")


def _smtp_answer(line: Line, wanted: str) -> None:
    """All lines of one answer: RFC 5321 §4.2.1."""
    while True:
        said = line.line()
        if not said.startswith(wanted):
            raise Refused(f"it answers {said[:40]!a}")
        if said[3:4] != "-":
            return


def _imap(line: Line) -> None:
    _expect(line.line(), "* OK")
    line.say(b"a STARTTLS\r\n")
    while (said := line.line()).startswith("* "):
        pass
    _expect(said, "a OK")


def _pop3(line: Line) -> None:
    _expect(line.line(), "+OK")
    line.say(b"STLS\r\n")
    _expect(line.line(), "+OK")


def _expect(said: str, wanted: str) -> None:
    if not said.upper().startswith(wanted.upper()):
        raise Refused(f"it answers {said[:40]!a}")


def _ldap(line: Line) -> None:
    line.say(_LDAP_REQUEST)
    if _LDAP_AGREED not in line.hear(_whole_ber):
        raise Refused("the LDAP server does not begin TLS")


def _whole_ber(heard: bytes) -> bool:
    """Whether a BER value of definite length is whole (X.690 §8.1.3). Raises Refused if this is none."""
    if len(heard) < 2:  # noqa: PLR2004 - tag and length
        return False
    if heard[0] != 0x30:  # noqa: PLR2004 - SEQUENCE
        raise Refused("this is no LDAP")
    length, rest = heard[1], heard[2:]
    if length & 0x80:
        count = length & 0x7F
        if len(rest) < count:
            return False
        length, rest = int.from_bytes(rest[:count]), rest[count:]
    return len(rest) >= length


def _postgres(line: Line) -> None:
    line.say(_POSTGRESQL_REQUEST)
    if line.hear(lambda heard: len(heard) == 1) != b"S":
        raise Refused("the PostgreSQL server does not begin TLS")


DIALOGUES: dict[str, Callable[[Line], None]] = {
    "smtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "ldap": _ldap,
    "postgres": _postgres,
}
