"""A whole small world for tests: a sandbox, a configuration file, a folder for live files, and what happened."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from renewd.clock import Clock, SystemClock
from renewd.config import load
from renewd.renewal import acceptance, passes
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.renewal.outcome import Outcome
from renewd.sandbox import Sandbox, configuration
from tests.certificates import Authority


class World:
    """Everything below one folder; `close` ends the sandbox."""

    def __init__(
        self, folder: Path, clock: Clock | None = None, *, http_port: int = 0, v8: bool = False
    ) -> None:
        self.folder = folder
        self.v8 = v8  # by which of the sandbox's APIs
        self.clock = clock or SystemClock()
        self.sandbox = Sandbox(str(folder / "sandbox"), clock=self.clock, http_port=http_port)
        self.events: list[Event] = []
        self._contexts: list[Context] = []

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        self.sandbox.close()

    def entry(self, name: str, **keys: Any) -> dict[str, Any]:
        """A certificate entry that works as it is; `keys` replace or add, None removes."""
        entry: dict[str, Any] = {
            "name": name,
            "challenge": {
                "type": "http-01",
                "listen": f"127.0.0.1:{self.sandbox.http_port}",
                "self_check": "off",
            },
            "install": {"directory": str(self.folder / "live" / "{name}")},
            **keys,
        }
        return {key: value for key, value in entry.items() if value is not None}

    def write(self, *entries: Mapping[str, Any] | str, **keys: Any) -> str:
        """The configuration's path."""
        whole = [self.entry(entry) if isinstance(entry, str) else entry for entry in entries]
        path = self.folder / "config.yaml"
        issuers = {"sandbox": configuration.issuer(self.sandbox, v8=self.v8)}
        path.write_text(self.sandbox.configuration(*whole, **{"issuers": issuers, **keys}))
        path.chmod(0o600)
        return str(path)

    def context(self, *entries: Mapping[str, Any] | str, **options: Any) -> Context:
        """A context as the daemon has it; its events are collected here.

        Targets are taken up one after the other: a wait on a clock that tests move takes no time for the waiting
        thread, and would seem to take long for the calls of another.
        """
        loaded = load.load(self.write(*entries, schedule={"concurrency": 1}))
        context = Context(loaded, clock=self.clock, emit=self.events.append, **options)
        self._contexts.append(context)
        return context

    def live(self, name: str) -> x509.Certificate:
        """The leaf that a web server would load."""
        return x509.load_pem_x509_certificate((self.folder / "live" / name / "fullchain.pem").read_bytes())

    def files(self, below: str = "live") -> dict[str, bytes]:
        """Every regular file that a reader sees below a folder, through links."""
        root = self.folder / below
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    def calls(self, name: str, call: str) -> int:
        """How often the API was called so for a name."""
        return self.sandbox.portal.calls.get(name, {}).get(call, 0)

    def told(self, kind: type[Event]) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def settle(world: World, once: Callable[[World], Any], within: timedelta) -> None:
    """New processes, each when the one before asked for it, until the certificate is live; `once` is a pass of one."""
    began = world.clock.now()
    while world.clock.now() - began < within:
        outcome = once(world)
        if outcome is None or outcome.result.well:
            return
        assert outcome.next_try_at is not None, f"it waits for nothing: {outcome.why}"
        world.clock.advance(  # type: ignore[attr-defined]  # a clock that tests move
            max(timedelta(seconds=1), outcome.next_try_at - world.clock.now())
        )
    raise AssertionError(f"it never ends: {outcome}")


def put_live(context: Context) -> list[Outcome]:
    """What the issuer holds goes live, however little it has left: as if it had been installed when it was new."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(acceptance, "_due", lambda *_: False)
        return passes._Pass(context, passes.plan(context, context.loaded.targets)).run()


def put_by_hand(world: World, folder: Path, *, days: float = 300) -> x509.Certificate:
    """Somebody's own certificate in the links' place, which ends later than any of the sandbox's."""
    now = world.clock.now()
    issued = Authority.new().issue(
        folder.name, not_before=now - timedelta(hours=1), not_after=now + timedelta(days=days)
    )
    for name, data in (("fullchain.pem", issued.fullchain_pem), ("privkey.pem", issued.key_pem)):
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(data)
    return issued.leaf


def results(outcomes: list[Outcome]) -> dict[str, str]:
    """What became of each target."""
    return {outcome.target.name: str(outcome.result) for outcome in outcomes}
