"""What a hook said: its last part, safe to show and to log."""

import re

KEPT = 65536  # bytes
_WHOLE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_END_OF_KEY = re.compile(r"\A.*-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
_LEFT_OUT = "(a private key, left out)"


class Tail:
    """Bytes go in, in pieces of any size; what is kept is the last of them."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._cut = False

    def feed(self, piece: bytes) -> None:
        """The next piece."""
        self._kept += piece
        if len(self._kept) > KEPT:
            del self._kept[:-KEPT]
            self._cut = True

    def text(self) -> str:
        """What is kept, for people: no control characters but line ends and tabs, no private key."""
        text = self._kept.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
        text = _WHOLE_KEY.sub(_LEFT_OUT, text)
        if self._cut:
            text = _END_OF_KEY.sub(_LEFT_OUT, text)
        text = escape(text).rstrip()
        if not self._cut and len(text) <= KEPT:
            return text
        return f"(the beginning is left out)\n{text[-KEPT:]}"  # escaping made it longer


def escape(text: str) -> str:
    """Every character that could move a cursor, change a colour or hide a line, as a code."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else sign.encode("unicode_escape").decode()
        for sign in text
    )
