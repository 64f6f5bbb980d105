"""HTTP-01 answered by renewd itself, on an address that is listened on only while there is something to answer."""

import os
import threading
from collections.abc import Sequence

from renewd.certs.order import Token
from renewd.challenges import http01, look
from renewd.challenges.answerer import Answerer
from renewd.challenges.base import Sight
from renewd.deadline import Resolve
from renewd.errors import ChallengeFailed

_running: dict[str, Answerer] = {}  # address → what answers there, for all targets that name it
_lock = threading.Lock()


class Listener:
    """Tokens answered on HOST:PORT, by a server that all targets with this address share."""

    type = http01.TYPE

    def __init__(self, address: str, resolve: Resolve | None = None) -> None:
        self._address = address
        self._resolve = resolve

    def place(self, tokens: Sequence[Token]) -> None:
        """Answer these tokens from now on. Raises ChallengeFailed if the address cannot be listened on."""
        http01.check(tokens)
        with _lock:
            if tokens and self._address not in _running:
                _running[self._address] = self._start()
            if tokens:
                _running[self._address].tokens |= set(tokens)

    def look(self, tokens: Sequence[Token]) -> Sequence[Sight]:
        """What is to be seen at the tokens' addresses."""
        return look.look(tokens, self._resolve)

    def remove(self, tokens: Sequence[Token]) -> None:
        """Answer these no more; with the last one, the address is free again."""
        with _lock:
            answerer = _running.get(self._address)
            if answerer is None:
                return
            answerer.tokens -= set(tokens)
            if not answerer.tokens:
                del _running[self._address]
                answerer.close()

    def _start(self) -> Answerer:
        host, _, port = self._address.rpartition(":")
        try:
            return Answerer(host.strip("[]"), _port(port))
        except (OSError, ValueError) as error:
            why = (
                os.strerror(error.errno).lower()
                if isinstance(error, OSError) and error.errno
                else "no such address"
            )
            raise ChallengeFailed(
                f"renewd cannot listen on {self._address}: {why}",
                remedy="Choose another `listen`, free it, or allow the port (CAP_NET_BIND_SERVICE, which renewd install-systemd sees to).",
            ) from error


def _port(text: str) -> int:
    """The port; getaddrinfo itself takes 99999 for 34463."""
    port = int(text)
    if port not in range(1, 1 << 16):
        raise ValueError(text)
    return port
