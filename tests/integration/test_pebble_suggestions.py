"""Renewal information of a real CA, from its directory to the renewal, and what an order says that it replaces."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from renewd.certs.renewal_info import certificate_id
from renewd.renewal import asking
from renewd.renewal.standings import FellBack
from renewd.sandbox import Sandbox, configuration
from tests.contracts import NAME, Acme, Parts
from tests.pebble import another_second

DAY = timedelta(days=1)
PAGE = "https://ca.example.test/incident"


@pytest.fixture
def scene(tmp_path, nginx, nameserver, pebble):
    made = Acme(Parts(tmp_path, nginx, nameserver, pebble), prove="listen")
    yield made
    made.close()


def suggest(scene: Acme, start: datetime, end: datetime, page: str = "") -> None:
    answer = {"suggestedWindow": {"start": start.isoformat(), "end": end.isoformat()}}
    if page:
        answer["explanationURL"] = page
    scene.pebble.suggest(scene.issued[-1].public_bytes(Encoding.PEM), answer)


def ask(scene: Acme) -> None:
    context = scene.context()
    asking.ask_once(context, context.loaded.targets)
    context.close()


def renewd(scene: Acme, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "renewd", "--config", str(scene.folder / "config.yaml"), *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def test_what_the_ca_says_by_itself_is_read_and_is_no_reason_to_renew_now(scene):
    scene.settle()
    ask(scene)
    context = scene.context()
    (target,) = context.loaded.targets
    found = context.look(target)
    context.close()
    assert found.suggestion is not None
    assert found.suggestion.window is not None, found.suggestion.said
    assert found.decision.state == "ok"
    assert scene.settle() is None


@pytest.mark.fault(30)
def test_a_window_in_the_past_renews_at_once_and_the_page_is_shown_by_the_commands(scene):
    scene.settle()
    before = scene.shown()
    now = datetime.now(UTC)
    suggest(scene, now - timedelta(minutes=30), now - timedelta(minutes=10), PAGE)
    ran = renewd(scene, "renew")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert PAGE in ran.stdout
    assert scene.shown() == scene.issued[-1] != before
    assert len(scene.issued) == 2
    ran = renewd(scene, "history", "--json")
    assert [one["outcome"] for one in json.loads(ran.stdout)["attempts"]] == ["renewed", "renewed"]


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "an incident"])
def test_a_profile_of_a_shorter_life_is_taken_while_a_longer_one_runs(
    tmp_path, nginx, nameserver, pebble, forced
):
    parts = Parts(tmp_path, nginx, nameserver, pebble)
    lives = {"long": 90, "short": 6}
    profiles = {name: {"description": name, "validityPeriod": days * 86400} for name, days in lives.items()}
    scene = Acme(parts, prove="listen", profiles=profiles, settings={"profile": "long"})
    try:
        scene.settle()
        scene.settings["profile"] = "short"
        if not forced:
            now = datetime.now(UTC)
            suggest(scene, now - timedelta(minutes=30), now - timedelta(minutes=10))
            ask(scene)
        (outcome,) = scene.once(forced=forced)
        assert outcome.result.well, outcome.why
        long, short = scene.issued
        assert scene.shown() == short
        assert short.not_valid_after_utc < long.not_valid_after_utc - 80 * DAY
        assert scene.once() == []
        assert scene.orders == 2
    finally:
        scene.close()


def test_a_moment_to_come_is_shown_by_status_why_and_plan_and_not_by_check(scene):
    scene.settle()
    now = datetime.now(UTC)
    suggest(scene, now + 9 * DAY, now + 10 * DAY)
    ask(scene)
    (seen,) = json.loads(renewd(scene, "status", "--json").stdout)["certificates"]
    (checked,) = json.loads(renewd(scene, "check", "--json").stdout)["certificates"]
    moment = datetime.fromisoformat(seen["suggestion"]["renew_at"])
    assert now + 9 * DAY <= moment <= now + 10 * DAY
    assert seen["renew_at"] == seen["suggestion"]["renew_at"]
    assert datetime.fromisoformat(checked["renew_at"]) > now + 40 * DAY
    assert "as the CA suggests between" in " ".join(renewd(scene, "why", NAME).stdout.split())
    first, *_ = json.loads(renewd(scene, "plan", "--json").stdout)["renewals"]
    assert abs(datetime.fromisoformat(first["at"]) - moment) < timedelta(seconds=2)


@pytest.mark.fault(31)
def test_an_order_names_the_certificate_that_it_replaces_and_does_without_where_that_was_replaced(scene):
    scene.settle()
    asked: list[str] = []
    odd: list[str] = []
    for _ in range(2):
        context = scene.context()
        context.by_hand = True
        issuer = context.issuer("it")
        real = issuer.order

        def order(target, *, replaces="", real=real):
            asked.append(replaces)
            return real(target, replaces=replaces)

        issuer.order = order
        expected = certificate_id(scene.shown())
        another_second()
        (outcome,) = scene.once(context, forced=True)
        if (
            "serverInternal" in outcome.why
        ):  # Pebble does so over some serial numbers: then it is asked without
            odd.append(expected)
            context = scene.context()
            context.by_hand = True
            (outcome,) = scene.once(context, forced=True)
        assert outcome.result.well, outcome.why
        assert asked[-1] == expected
    issuer = scene.context().issuer("it")
    assert len(scene.issued) == 3
    known = next((each for each in asked if each not in odd), "")
    assert issuer.order(scene.context().loaded.targets[0], replaces=known).uri, "it was replaced before"
    issuer.close()


@pytest.mark.fault(2)
def test_acme_takes_over_from_rcl_in_the_same_run_where_nothing_runs(scene, tmp_path):
    with Sandbox(str(tmp_path / "sandbox"), clock=scene.clock) as sandbox:
        sandbox.seed(NAME, days_left=None)
        sandbox.fault("certificate", "status=404", None)
        written = yaml.safe_load((tmp_path / "config.yaml").read_text() if scene.write() else "")
        written["issuers"] = {"rcl": configuration.issuer(sandbox), "it": scene.issuer()}
        written["certificates"][0]["issuer"] = ["rcl", "it"]
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(written))
        ran = renewd(scene, "renew")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "it instead of rcl" in ran.stdout
        assert FellBack.event in renewd(scene, "history").stdout
    assert scene.shown() == scene.issued[-1]
