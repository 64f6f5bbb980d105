"""What tests of several parts need: TLS servers that show what a test wants, and root's rights."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.tls import TlsServer


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts


@pytest.fixture
def serve(listener, tmp_path) -> Callable[..., TlsServer]:
    def start(*shown) -> TlsServer:
        server = TlsServer(shown, listener, tmp_path)
        threading.Thread(target=server.serve, daemon=True).start()
        return server

    return start


@pytest.fixture
def answer(listener) -> Callable[[Callable[[socket.socket], None]], str]:
    """One connection is treated in a way of the test; gives HOST:PORT."""

    def start(what) -> str:
        def accept() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    what(connection)

        threading.Thread(target=accept, daemon=True).start()
        return "{}:{}".format(*listener.getsockname())

    return start


@pytest.fixture
def root() -> None:
    """Owners are changed and file systems mounted."""
    assert os.geteuid() == 0, "this test takes root: run tests/run as root"
