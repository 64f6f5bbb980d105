"""The sandbox as one thing: two origins on loopback, a folder with its key, root and configuration."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.serialization import Encoding

from renewd.clock import Clock, SystemClock
from renewd.errors import UsageError
from renewd.sandbox import api_v8, configuration, control, mischief
from renewd.sandbox.api import BASE, Api
from renewd.sandbox.api_v8 import ApiV8
from renewd.sandbox.control import Control
from renewd.sandbox.downloads import Downloads
from renewd.sandbox.faults import Faults
from renewd.sandbox.portal import Portal
from renewd.sandbox.records import Holding
from renewd.sandbox.schedule import Schedule
from renewd.sandbox.subscription import Subscription
from renewd.sandbox.validation import ADDRESS, Validator
from renewd.sandbox.wire import Ask, Reply, Server


class Sandbox:
    """A running sandbox; a context manager, or `close()` it. `seed` certificates, then point an issuer at `base_url`.

    Its V7 and V8 APIs (`base_url`, `base_url_v8`) are two ways to one portal.

    `http_port` is where the CA fetches challenges, instead of port 80; 0 picks a free one. `resolver`, HOST:PORT, is the
    name server that it asks for TXT records.
    Without a `directory` a temporary one is made, which `close` removes.
    """

    def __init__(
        self,
        directory: str | None = None,
        *,
        port: int = 0,
        http_port: int = 0,
        resolver: str | None = None,
        clock: Clock | None = None,
        link_life: timedelta | None = None,
    ) -> None:
        clock = clock or SystemClock()
        with contextlib.ExitStack() as undo:
            if directory is None:
                directory = undo.enter_context(tempfile.TemporaryDirectory(prefix="renewd-sandbox-"))
            self.directory = os.path.abspath(directory)
            self.http_port = http_port or undo.enter_context(_kept_free()).getsockname()[1]
            self.validator = Validator(self.http_port, resolver)
            self._assemble(clock, link_life)
            self._write_files()
            self._blob_server = Server(0, self.downloads.answer, clock, "Windows-Azure-Blob/1.0")
            undo.callback(self._blob_server.close)
            self.downloads.origin = self._blob_server.origin
            self.faults.elsewhere = f"{self._blob_server.origin}/redirected"
            self._api_server = Server(port, self._answer, clock, "Kestrel")
            undo.callback(self._api_server.close)
            undo.callback(self.faults.close)
            self._undo = undo.pop_all()

    def _assemble(self, clock: Clock, link_life: timedelta | None) -> None:
        subscription = Subscription()
        self.subscription_id, self.api_key = subscription.name, subscription.api_key
        self.faults = Faults(clock)
        self.portal = Portal(clock, self.validator)
        self.schedule = Schedule(self.portal)
        self.downloads = Downloads(self.portal, self.faults)
        self.downloads.link_life = link_life or self.downloads.link_life
        self._api = Api(self.portal, self.downloads, self.faults, subscription)
        self._api_v8 = ApiV8(self.downloads, self.faults, subscription, self.schedule)
        self.control = Control(self.schedule, self.downloads, self.faults, subscription)

    @property
    def origin(self) -> str:
        """Where the API and the control listen."""
        return self._api_server.origin

    @property
    def base_url(self) -> str:
        """What the configuration calls `base_url`."""
        return self.origin + BASE

    @property
    def base_url_v8(self) -> str:
        """What it calls so for the V8 API."""
        return self.origin + api_v8.BASE

    @property
    def api_key_path(self) -> str:
        """A file with the API key, for its owner only."""
        return os.path.join(self.directory, "api-key")

    @property
    def root_pem_path(self) -> str:
        """A file with the root that everything issued here chains to."""
        return os.path.join(self.directory, "root.pem")

    def seed(self, name: str, **wishes: Any) -> Holding:
        """Put a certificate into the portal; the wishes are those of `Portal.seed`."""
        return self.portal.seed(name, **wishes)

    def fault(self, call: str, fault: str, times: int | None = 1) -> None:
        """Arm a fault for the next `times` calls; None for all. Raises UsageError in words."""
        self.faults.add(call, fault, times)

    def state(self) -> dict[str, Any]:
        """What `GET /sandbox/state` tells."""
        self.schedule.work_off()
        return self.control.state()

    def configuration(self, *certificates: str | Mapping[str, Any], **keys: Any) -> str:
        """A whole configuration as YAML, for names or entries; `keys` are further top-level keys."""
        return configuration.text(self, certificates, keys)

    def write_configuration(self, text: str) -> str:
        """Put it into the directory; its path. Raises UsageError if a file is there that no sandbox wrote."""
        path = os.path.join(self.directory, "config.yaml")
        try:
            with open(path, encoding="utf-8") as file:
                foreign = not file.readline().startswith(configuration.HEADER)
        except FileNotFoundError:
            foreign = False
        if foreign:
            raise UsageError(f"{path} is there and not the sandbox's; choose another --directory")
        _write(path, text.encode(), 0o644)
        return path

    def close(self) -> None:
        """Free the ports, and remove the directory if it was made here."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, ask: Ask) -> Reply:
        self.schedule.work_off()
        if ask.path.startswith(f"{BASE}/"):
            return self._api.answer(ask)
        if ask.path.startswith(f"{api_v8.BASE}/"):
            return self._api_v8.answer(ask)
        if ask.path.startswith(f"{control.BASE}/"):
            return self.control.answer(ask)
        return mischief.gateway(404, "Resource not found")

    def _write_files(self) -> None:
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        _write(self.api_key_path, self.api_key.encode() + b"\n", 0o600)
        _write(self.root_pem_path, self.portal.authority.root.public_bytes(Encoding.PEM), 0o644)


def _write(path: str, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)


def _kept_free() -> socket.socket:
    """A port that nothing is given by chance until this socket is closed; whoever names it may listen there.

    Two sockets with SO_REUSEADDR may have one address while neither listens, and servers set it; connections and
    servers without a port of their own are given other ones.
    """
    keeper = socket.socket()
    try:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind((ADDRESS, 0))
    except BaseException:
        keeper.close()
        raise
    return keeper
