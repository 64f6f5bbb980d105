"""A rollout of three targets that share their hooks ends with its process at each of its journal's writes, and is taken up.

Every n-th write is taken, so that it stays short; RENEWD_SWEEP=all takes them all.
"""

import os
import shlex
import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from renewd.config import load
from renewd.renewal import attempts, passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.faults import figures
from tests.faults.renewal_worker import Inline
from tests.world import World, put_live

A, B, C = NAMES = ("a.example", "b.example", "c.example")
EVERY = 1 if os.environ.get("RENEWD_SWEEP") == "all" else 25

# What the shared hooks do: `old` and `new` are true where B's live files are the old ones, or not.
BODIES = {
    "all is well": {},
    "one target's files fail the check": {"check": "old"},
    "the check fails whatever is live": {"check": "false"},
    "the reload cannot load one target's files": {"reload": "old"},
    "the reload fails whatever is live": {"reload": "false"},
}


class Killed(BaseException):
    """The process ends here, as it were."""


class OneThread(Inline):
    """A process with one thread, which ends as a whole."""

    def take(self, timeout: float) -> tuple[Any, Any]:
        found = super().take(timeout)
        if isinstance(found[1], Killed):
            raise found[1]
        return found


class Shop:
    """Three due targets whose new versions are accepted and wait for their rollout, to be had again and again."""

    def __init__(self, folder: Path, clock: FakeClock, bodies: dict[str, str]) -> None:
        self.clock, self.world = clock, World(folder, clock)
        self.state, self.kept = folder / "machine", folder / "kept"
        self.log = self.state / "log"
        self.state.mkdir()
        for name in NAMES:
            self.world.sandbox.seed(name, days_left=25, validated=True)
        hooks = {hook: self._script(hook, "true") for hook in ("check", "reload")}
        self.entries = [self._entry(name, hooks) for name in NAMES]
        self._install()
        self.old = {name: self.live(name) for name in NAMES}
        old = (self.state / B / "current").readlink()
        test = f"test $(readlink {shlex.quote(str(self.state / B / 'current'))}) = {old}"
        for hook, body in bodies.items():
            self._script(hook, test if body == "old" else body)
        clock.advance(timedelta(minutes=1))
        context = self.context()
        for task in passes.plan(context, context.loaded.targets):
            ready = attempts.take_up(context, task)
            attempts.release(context, ready)  # type: ignore[arg-type]
        context.close()
        self.began = clock.now()
        self.shown()  # the server has loaded what is live
        shutil.copytree(self.state, self.kept, symlinks=True)

    def _entry(self, name: str, hooks: dict[str, str]) -> dict[str, Any]:
        return self.world.entry(name, hooks=hooks, install={"directory": str(self.state / name)})

    def _script(self, hook: str, body: str) -> str:
        script = self.state.parent / f"{hook}.sh"
        script.write_text(
            f'#!/bin/sh\necho {hook} "$(cat {self.state}/*/current/cert.pem | sha256sum)" >>{self.log}\n{body}\n'
        )
        script.chmod(0o700)
        return str(script)

    def _install(self) -> None:
        context = self.context()
        put_live(context)
        context.close()

    def again(self) -> None:
        shutil.rmtree(self.state)
        shutil.copytree(self.kept, self.state, symlinks=True)
        self.clock.step(self.began - self.clock.now())

    def context(self) -> Context:
        path = self.world.write(
            *self.entries, state_directory=str(self.state / "state"), schedule={"concurrency": 1}
        )
        return Context(load.load(path), clock=self.clock)

    def live(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.state / name / "fullchain.pem").read_bytes())

    def is_new(self) -> dict[str, bool]:
        return {name: self.live(name) != self.old[name] for name in NAMES}

    def dies_at(self, number: int) -> bool:
        """A pass whose process ends after this write of the journal; whether there were so many."""
        context = self.context()
        real, writes = context.journal._change, count()

        def change(*args: Any, **facts: Any) -> Any:
            changed = real(*args, **facts)
            if next(writes) == number:
                raise Killed
            return changed

        context.journal._change = change  # type: ignore[method-assign]
        try:
            passes.run(context, context.loaded.targets)
        except Killed:
            return True
        finally:
            for attempt in context.journal.under_way():  # as a process's leases are free once it is gone
                context.journal.release(attempt.identity, attempt.fence)
            context.close()
        return False

    def one_more(self) -> dict[str, str]:
        """A whole pass, at once; what became of each target."""
        context = self.context()
        outcomes = passes.run(context, context.loaded.targets)
        context.close()
        return {outcome.target.name: str(outcome.result) for outcome in outcomes}

    def loaded(self) -> str:
        """What the server has loaded: what the last reload saw."""
        reloads = [line for line in self.log.read_text().splitlines() if line.startswith("reload")]
        return reloads[-1].split()[1]

    def shown(self) -> str:
        self.log.unlink(missing_ok=True)
        os.system(f"{self.state.parent}/reload.sh")  # noqa: S605 - it tells what there is to see
        return self.loaded()

    def close(self) -> None:
        self.world.close()


@pytest.fixture
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    monkeypatch.setattr(passes, "Crew", OneThread)
    shop = Shop(tmp_path, clock, BODIES[request.param])
    yield shop
    shop.close()


@pytest.mark.fault(59, 85)
@pytest.mark.parametrize("shop", BODIES, indirect=True)
def test_a_rollout_that_ended_anywhere_comes_to_the_end_that_it_would_have_come_to(shop: Shop) -> None:
    shop.again()
    wanted, tried = shop.one_more(), 0
    end = shop.is_new()
    for number in count(EVERY // 2, EVERY):
        shop.again()
        if not shop.dies_at(number):
            break
        tried += 1
        outcomes = shop.one_more()
        for name, new in shop.is_new().items():
            # One that was not on its way back yet goes on without the culprit, which is better still.
            assert new == end[name] or (new and outcomes[name] == "renewed"), (number, outcomes, wanted)
        assert shop.loaded() == shop.shown(), f"what is live was not loaded, ended at {number}: {outcomes}"
    assert all(shop.world.calls(name, "order") == 1 for name in NAMES)
    figures.record("rollout kill points", tried=tried, wrong_end=0)
    assert tried
