from datetime import timedelta

import pytest

from renewd.certs.facts import Facts
from renewd.config.model import Certificate
from renewd.config.targets import Target
from renewd.config.units import RenewBefore
from renewd.journal import Attempt, State
from renewd.planning.decision import Rules, decide
from renewd.renewal.survey import Look
from tests.clocks import START

HOOKS = {"check": "nginx -t", "reload": "nginx -s reload"}


@pytest.fixture
def now():
    return START


@pytest.fixture
def target():
    """A target of this name."""

    def target(name, **keys):
        return Target(name, Certificate.model_validate({"name": name, **keys}), "rcl")

    return target


@pytest.fixture
def look(now, target):
    """A look at a certificate that has so many of its ninety days left; None: there is none."""

    def look(name, days=None, keys=None, **facts):
        watched = target(name, **(keys or {}))
        names = tuple(sorted(watched.domains))
        held = {
            "path": f"/live/{watched.slug}/fullchain.pem",
            "state": "missing",
            "problem": "there is no such file",
        }
        if days is not None:
            held |= {
                "state": "present",
                "problem": None,
                "serial": 0x4F9A00FF,
                "domains": names,
                "issuer": "R3",
            }
            held |= {"not_before": now + timedelta(days=days - 90), "not_after": now + timedelta(days=days)}
        found = Facts(**(held | facts))
        return Look(watched, found, decide(found, Rules(RenewBefore(), names, 0.0), now))

    return look


@pytest.fixture
def attempt(now):
    """An attempt of three hours ago that took forty seconds and failed, unless said otherwise."""

    def attempt(name="contoso.com", **facts):
        began = now - timedelta(hours=3)
        usual = {
            "id": 1,
            "identity": name,
            "name": name,
            "kind": "renewal",
            "state": State.VALIDATING,
            "outcome": "failed",
            "started_at": began,
            "changed_at": began + timedelta(seconds=40),
            "ended_at": began + timedelta(seconds=40),
            "issuer": "rcl",
        }
        return Attempt(**(usual | facts))

    return attempt


class Terminal:
    """A stream that says it is a terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()
