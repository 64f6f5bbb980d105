"""TLS servers for tests that show what a test wants, and certificates for them to show."""

import contextlib
import socket
import ssl
from datetime import UTC, datetime

from tests.certificates import Authority

AUTHORITY = Authority.new()
NAMES = ["shop.example", "www.shop.example"]
OLD = AUTHORITY.issue(NAMES, not_after=datetime(2096, 11, 28, tzinfo=UTC))
NEW = AUTHORITY.issue(NAMES)
OTHER = AUTHORITY.issue(["other.example"], not_after=datetime(2096, 11, 28, tzinfo=UTC))


class TlsServer:
    """Shows one certificate a connection: those given, in order, then the last for ever."""

    def __init__(self, shown, listener: socket.socket, folder) -> None:
        self.asked: list[str] = []
        self.connect = "{}:{}".format(*listener.getsockname()[:2])
        self._contexts = [self._context(issued, folder / f"{turn}.pem") for turn, issued in enumerate(shown)]
        self._listener = listener

    def _context(self, issued, file) -> ssl.SSLContext:
        file.write_bytes(issued.fullchain_pem + issued.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.sni_callback = lambda _, name, __: self.asked.append(name)
        return context

    def serve(self) -> None:
        """Until the listener is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            context = self._contexts.pop(0) if len(self._contexts) > 1 else self._contexts[0]
            with (
                connection,
                contextlib.suppress(OSError),
                context.wrap_socket(connection, server_side=True) as tls,
            ):
                tls.recv(1)
