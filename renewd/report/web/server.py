"""uvicorn on sockets of our own, in a thread that ends with the process whatever hangs in it."""

import asyncio
import errno
import grp
import logging
import os
import socket
import stat
import threading
from contextlib import suppress
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from renewd.config import addresses
from renewd.config.reporting import Web

LONGEST = 30.0  # seconds that a connection lasts, however slowly somebody asks or reads
CONNECTIONS = 100
BACKLOG = 64
LEAVE_WITHIN = 2.0  # seconds
SOCKET_MODE = 0o660


class Brief(H11Protocol):
    """A connection that ends after a while: by itself uvicorn would wait for ever for the rest of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count."""
        super().connection_made(transport)
        self._end = self.loop.call_later(LONGEST, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Over before it had to be."""
        self._end.cancel()
        super().connection_lost(exc)


class Patient(Server):
    """uvicorn's server without its ten looks a second at whether it should leave: it is told."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.leaving = asyncio.Event()

    async def main_loop(self) -> None:
        """Until it is told to leave."""
        await self.leaving.wait()


class Serving:
    """An application served until `close`."""

    def __init__(self, app: Any, sockets: list[socket.socket]) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # or strangers could fill the log
        self._sockets = sockets
        self._files = [each.getsockname() for each in sockets if each.family == socket.AF_UNIX]
        for each in sockets:
            each.listen(BACKLOG)  # who comes before the thread has begun waits for it
        self._config = Config(
            app,
            http=Brief,
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            backlog=BACKLOG,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=16_384,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Patient | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewd-page", daemon=True)
        self._thread.start()
        self._begun.wait(LEAVE_WITHIN)

    @property
    def alive(self) -> bool:
        """Whether it goes on serving."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Serve no more; addresses are free again soon after."""
        loop, server = self._loop, self._server
        if loop is not None and server is not None:
            with suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(server.leaving.set)
        self._thread.join(LEAVE_WITHIN)
        for each in self._sockets:
            each.close()
        for path in self._files:
            with suppress(OSError):
                os.unlink(path)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = Patient(self._config)
        self._begun.set()
        await self._server.serve(sockets=self._sockets)


def bind(web: Web) -> list[socket.socket]:
    """The sockets that the settings name, bound. Raises OSError if one of them cannot be."""
    made: list[socket.socket] = []
    try:
        if web.address is not None:
            made.append(_tcp(web.address))
        if web.socket is not None:
            made.append(_unix(web.socket, web.group))
    except BaseException:
        for each in made:
            each.close()
        raise
    return made


def _tcp(address: str) -> socket.socket:
    host, port = addresses.split(address)
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except BaseException:
        made.close()
        raise
    return made


def _unix(path: str, group: str | None) -> socket.socket:
    """Nobody else can connect until owner, group and mode are right: it listens only after that."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode) or _answers(path):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        os.unlink(path)  # of a process that is gone
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound = False
    try:
        made.bind(path)
        bound = True
        if group is not None:
            _give(path, group)
        os.chmod(path, SOCKET_MODE)
    except BaseException:
        made.close()
        if bound:
            os.unlink(path)
        raise
    return made


def _give(path: str, group: str) -> None:
    """Let the group have it; a folder with the set-group-ID bit has given it already, where nobody may give files away."""
    try:
        wanted = grp.getgrnam(group).gr_gid
    except KeyError:
        raise OSError(errno.EINVAL, f"there is no group {group}") from None
    if os.stat(path).st_gid != wanted:
        os.chown(path, -1, wanted)


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(1.0)
        return caller.connect_ex(path) == 0
