"""A machine for each kind of issuer on which one certificate is missing, with the real service that gives it."""

import abc
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509

from renewd.config import load
from renewd.renewal import passes
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.renewal.outcome import Outcome, Result
from renewd.sandbox import Sandbox, configuration
from tests.between import Between
from tests.clocks import HurriedClock
from tests.faults.renewal_scenes import pair
from tests.nameservers import Bind, Knot, NameServer, free_address
from tests.pebble import newer
from tests.servers import Nginx, free_port

NAME = "a.example.test"
RECORD = f"_acme-challenge.{NAME}"
ROUNDS = 20  # passes within which everything must be done


@dataclass(frozen=True)
class Parts:
    """What a scene is made of: a folder, and makers of real servers that end with the test."""

    folder: Path
    nginx: Callable[..., Any]
    nameserver: Callable[..., Any]
    pebble: Callable[..., Any]


class Scene(abc.ABC):
    """One certificate, its configuration and its service."""

    proves = True  # the names, by a challenge of renewd's
    in_vain = 1  # orders until one that comes to nothing is told; the service may not tell it of the first

    def __init__(self, parts: Parts, longest: float) -> None:
        """A service that has a clock of its own needs waits of up to `longest` seconds to be sat out."""
        self.folder, self.clock = parts.folder, HurriedClock(longest)
        self.live = self.folder / "live"
        self.events: list[Event] = []

    @abc.abstractmethod
    def issuer(self) -> dict[str, Any]:
        """Its settings."""

    @abc.abstractmethod
    def challenge(self) -> dict[str, Any] | None:
        """Its settings; None where the service proves the names itself."""

    @property
    @abc.abstractmethod
    def issued(self) -> list[x509.Certificate]:
        """What the service issued for the name."""

    @property
    @abc.abstractmethod
    def orders(self) -> int:
        """How many orders it was asked for."""

    @abc.abstractmethod
    def lose(self, when: str) -> None:
        """The next finalize is cut "before" the service heard it, or "after"."""

    @abc.abstractmethod
    def spoil(self) -> None:
        """From now on the service does not find the proof, and issues nothing."""

    @abc.abstractmethod
    def left(self) -> list[str]:
        """What stands of challenges."""

    @abc.abstractmethod
    def close(self) -> None:
        """Ends what does not end with the test by itself."""

    def write(self, **keys: Any) -> str:
        """The configuration's path."""
        entry = {"name": NAME, "install": {"directory": str(self.live)}, **keys}
        if (challenge := self.challenge()) is not None:
            entry["challenge"] = challenge
        whole = {
            "issuers": {"it": self.issuer()},
            "certificates": [entry],
            "state_directory": str(self.folder / "state"),
        }
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(whole, sort_keys=False))
        path.chmod(0o600)
        return str(path)

    def context(self) -> Context:
        """A context as a process of its own has it."""
        return Context(load.load(self.write()), clock=self.clock, emit=self.events.append)

    def once(self, context: Context | None = None, *, forced: bool = False) -> list[Outcome]:
        """One pass of a process, to its end."""
        context = context or self.context()
        try:
            return passes.run(context, context.loaded.targets, forced=[NAME] if forced else [])
        finally:
            context.close()

    def settle(self, *, until: Result | None = None) -> Outcome | None:
        """New processes, each when the one before asked for it, until one ends so, or there is nothing left to do."""
        for _ in range(ROUNDS):
            outcomes = self.once()
            if not outcomes:
                return None
            (outcome,) = outcomes
            if outcome.result is until:
                return outcome
            assert outcome.result.well or outcome.next_try_at, f"it waits for nothing: {outcome.why}"
            if outcome.next_try_at is not None:
                self.clock.skip((outcome.next_try_at - self.clock.now()).total_seconds() + 1)
        raise AssertionError(f"it never ends: {[str(event)[:300] for event in self.events[-6:]]}")

    def is_settled(self) -> None:
        """One certificate was issued, it is live with its key, and no challenge stands any more."""
        (leaf,) = self.issued
        assert self.shown() == leaf
        assert self.left() == []

    def shown(self) -> x509.Certificate:
        """The leaf that a web server would load; one without its key fails."""
        return pair((self.live / "privkey.pem").read_bytes() + (self.live / "fullchain.pem").read_bytes())


class Portal(Scene):
    """RCL's portal as the sandbox plays it, proved by a web root."""

    def __init__(self, parts: Parts, *, v8: bool) -> None:
        super().__init__(parts, longest=0.1)
        self._v8, self._web = v8, parts.nginx()
        self.in_vain = 2 if v8 else 1
        self._sandbox = Sandbox(str(self.folder / "sandbox"), clock=self.clock, http_port=self._web.http_port)
        self._holding = self._sandbox.seed(NAME, days_left=None)

    def close(self) -> None:
        self._sandbox.close()

    def issuer(self) -> dict[str, Any]:
        return configuration.issuer(self._sandbox, v8=self._v8)

    def challenge(self) -> dict[str, Any] | None:
        return {"type": "http-01", "webroot": str(self._web.webroot), "self_check": "off"}

    @property
    def issued(self) -> list[x509.Certificate]:
        return [generation.leaf for generation in self._holding.generations]

    @property
    def orders(self) -> int:
        return int(self._sandbox.portal.calls.get(NAME, {}).get("order", 0))

    def lose(self, when: str) -> None:
        self._lose("schedule" if self._v8 else "finalize", when)

    def _lose(self, call: str, when: str) -> None:
        self._sandbox.fault(call, {"before": "reset-before", "after": "lose-reply"}[when])

    def spoil(self) -> None:
        self._web.stop()

    def left(self) -> list[str]:
        return _files(self._web)


class Scheduled(Portal):
    """The same, but that it orders and proves by itself what it is asked to renew."""

    proves = False

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts, v8=True)
        self.in_vain = 1  # what nobody knows the end of is not asked for again

    def challenge(self) -> None:
        return None

    @property
    def orders(self) -> int:
        return len(self._sandbox.portal.orders)

    def lose(self, when: str) -> None:
        self._lose("renew", when)

    def spoil(self) -> None:
        self._sandbox.fault("renew", "never", None)


class Acme(Scene):
    """Pebble behind a proxy; `prove` is one of webroot, listen, bind, knot, `server` are further options of Pebble.

    `settings` are further ones of the issuer.
    """

    def __init__(
        self, parts: Parts, *, prove: str = "webroot", new: bool = True, settings: Any = None, **server: Any
    ) -> None:
        super().__init__(parts, longest=2)
        self._proof: Proof = PROOFS[prove](parts)
        self.pebble = parts.pebble(
            binary=newer() if new else None, dns=self._proof.dns, http_port=self._proof.http_port, **server
        )
        self.settings: dict[str, Any] = settings or {}
        (self.folder / "roots.pem").write_bytes(self.pebble.roots())
        self.between = Between(self.pebble, self.folder)

    def close(self) -> None:
        self.between.close()

    def issuer(self) -> dict[str, Any]:
        return {
            "type": "acme",
            "directory": self.between.directory_url,
            "ca_file": str(self.between.ca_file),
            "trust": {"file": str(self.folder / "roots.pem")},
            "agree_terms": True,
            "caa": "on" if self._proof.dns else "off",  # else the machine's own name service would be asked
            **self.settings,
        }

    def challenge(self) -> dict[str, Any]:
        return self._proof.settings()

    @property
    def issued(self) -> list[x509.Certificate]:
        return self.pebble.issued

    @property
    def orders(self) -> int:
        return self.pebble.orders

    def lose(self, when: str) -> None:
        self.between.fault("/finalize-order/.*", lost=when)

    def spoil(self) -> None:
        self.between.fault("/chalZ/.*", before=self._proof.spoil, times=ROUNDS)
        self._proof.spoil()

    def left(self) -> list[str]:
        return self._proof.left()


class Proof(abc.ABC):
    """How the names of an ACME certificate are proved, and where the CA looks for it; None is Pebble's own."""

    dns: str | None = None
    http_port: int | None = None

    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """Of the challenge."""

    @abc.abstractmethod
    def spoil(self) -> None:
        """What stands now is not to be found."""

    @abc.abstractmethod
    def left(self) -> list[str]:
        """What stands now."""


class Folder(Proof):
    """A web root that nginx serves."""

    def __init__(self, parts: Parts) -> None:
        self._web = parts.nginx()
        self.http_port = self._web.http_port

    def settings(self) -> dict[str, Any]:
        return {"type": "http-01", "webroot": str(self._web.webroot), "self_check": "off"}

    def spoil(self) -> None:
        self._web.stop()

    def left(self) -> list[str]:
        return _files(self._web)


class Listening(Proof):
    """renewd's own listener."""

    def __init__(self, _: Parts) -> None:
        self.http_port = self._port = free_port()

    def settings(self) -> dict[str, Any]:
        return {"type": "http-01", "listen": f"127.0.0.1:{self._port}", "self_check": "off"}

    def spoil(self) -> None:
        self._port = free_port()

    def left(self) -> list[str]:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=5):
            return [f"port {self._port}"]
        return []


class Records(Proof):
    """TXT records in the zone of a name server, which all authoritative servers must show."""

    def __init__(self, parts: Parts, *, kind: type[NameServer]) -> None:
        own = {"address": free_address(), "port": 53} if kind is Knot else {}
        self._server: NameServer = parts.nameserver(kind, **own)
        self.dns, self._looks = self._server.where, bool(own)
        self._key = parts.folder / "tsig-key"
        self._key.write_text(self._server.key.secret)
        self._key.chmod(0o600)

    def settings(self) -> dict[str, Any]:
        return {
            "type": "dns-01",
            "provider": "rfc2136",
            "server": self._server.where,
            "key_name": self._server.key.name,
            "key": {"file": str(self._key)},
            "resolver": self._server.where,
            "self_check": "require" if self._looks else "off",
        }

    def spoil(self) -> None:
        self._server.write(RECORD)

    def left(self) -> list[str]:
        return self._server.records(RECORD)


PROOFS: dict[str, Callable[[Parts], Proof]] = {
    "webroot": Folder,
    "listen": Listening,
    "bind": partial(Records, kind=Bind),
    "knot": partial(Records, kind=Knot),
}

SCENES: dict[str, Callable[[Parts], Scene]] = {
    "rcl": partial(Portal, v8=False),
    "rcl-v8": partial(Portal, v8=True),
    "rcl-v8 without a challenge": Scheduled,
    "acme 2.4, web root": partial(Acme, prove="webroot", new=False),
    "acme 2.10, own listener": partial(Acme, prove="listen", new=True),
    "acme 2.4, records in Knot": partial(Acme, prove="knot", new=False),
    "acme 2.10, records in BIND": partial(Acme, prove="bind", new=True),
}


def _files(web: Nginx) -> list[str]:
    """Every file below its web root."""
    return [str(path.relative_to(web.webroot)) for path in sorted(web.webroot.rglob("*")) if path.is_file()]
