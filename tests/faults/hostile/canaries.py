"""Secrets that are planted, and the search for them in every form that they could have got out in."""

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote

PIECE = 12  # signs; any as long piece of a secret is worth telling


class Canaries:
    """What must not be found anywhere; `add` takes more of it as it comes to be."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self._pieces: dict[bytes, str] = {}

    def add(self, kind: str, *secrets: str | bytes) -> None:
        """Watch out for these from now on."""
        self.kinds.add(kind)
        for secret in secrets:
            content = secret.encode() if isinstance(secret, str) else secret
            assert len(content) >= PIECE, f"too short to be told from chance: {kind}"
            for form in _forms(content):
                self._pieces.update(dict.fromkeys(_windows(form), kind))

    def found(self, *contents: bytes | str) -> set[str]:
        """The kinds of which a piece is in any of them, plainly or in base64, in hex or with percent signs."""
        return set(self._found(contents))

    def _found(self, contents: Iterable[bytes | str]) -> Iterator[str]:
        for content in contents:
            for window in _windows(content.encode() if isinstance(content, str) else content):
                if window in self._pieces:
                    yield self._pieces[window]


def _windows(content: bytes) -> Iterator[bytes]:
    return (content[at : at + PIECE] for at in range(len(content) - PIECE + 1))


def _forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield quote(secret, safe="").encode()
    for before in range(
        3
    ):  # how base64 falls depends on what stands before it: the signs that hold both are cut off
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(bytes(before) + secret).rstrip(b"=")
            yield coded[(0, 2, 3)[before] : -1]
