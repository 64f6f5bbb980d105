"""The alert rules and the dashboard: judged by promtool, and held to the metrics that there really are."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from renewd.renewal import events
from renewd.renewal.timed import Asked
from renewd.report import metrics
from tests import pages
from tests.pages import CONFIRM

DOCS = Path(__file__).parents[3] / "docs"
RULES = DOCS / "monitoring/renewd.rules.yml"
DASHBOARD = DOCS / "monitoring/grafana-dashboard.json"
NAME = re.compile(r"\b(?:renewd|process)_[a-z0-9_]+")


def promtool(*args, folder=DOCS / "monitoring"):
    program = shutil.which("promtool")
    assert program, "promtool is missing; as root: apt-get install prometheus (tests/setup does it)"
    return subprocess.run(
        [program, *args], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def alerts():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries():
    """Every expression of the dashboard, with what Grafana fills in filled in."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")


@pytest.fixture
def there(clock):
    """The names of all series that /metrics shows."""
    now = clock.now()
    board = pages.board(clock, [pages.row("a.example", now, 61, pages.seen(now), **CONFIRM)])
    board.heard.healthy_pass = now
    board.counting(Asked(name="a", issuer="rcl", call="order", seconds=1.0, ok=False))
    board.counting(events.HookRan(hook="reload", command="x", seconds=0.1, names=("a",)))
    board.counting(events.HookFailed(hook="reload", command="x", why="", output="", names=("a",)))
    text = board.metrics + metrics.daemon(board.pulse, board.heard, now) + board.counting.text()
    families = text_string_to_metric_families(text.decode())
    return {sample.name for family in families for sample in family.samples}


def test_the_rules_are_right_and_fire_when_they_should():
    for command in (("check", "rules", RULES.name), ("test", "rules", "renewd.rules.test.yml")):
        ran = promtool(*command)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_query_of_the_dashboard_can_be_asked(tmp_path):
    rules = [{"record": f"query:{number}", "expr": expr} for number, expr in enumerate(queries())]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    ran = promtool("check", "rules", "queries.yml", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(rules) > 15


def test_rules_and_dashboard_ask_for_metrics_that_there_are(there):
    asked = {name for rule in alerts() for name in NAME.findall(rule["expr"])}
    asked |= {name for query in queries() for name in NAME.findall(query)}
    assert asked - there == set()
    assert len(asked) > 15


def test_every_metric_is_described_and_none_that_there_is_not(there):
    table = (DOCS / "alerts.md").read_text().partition("## The metrics")[2].partition("## The alerts")[0]
    said = {
        name
        for line in table.splitlines()
        if line.startswith("|")
        for name in NAME.findall(line.split("|")[1])
    }
    base = {re.sub(r"_(bucket|sum|count)$", "", name) for name in there if not name.startswith("process_")}
    assert said - {"process_"} == base


def test_every_alert_is_described_with_what_to_do():
    described = re.findall(r"^\*\*(\w+)\*\*", (DOCS / "alerts.md").read_text(), re.MULTILINE)
    assert described == [rule["alert"] for rule in alerts()]
