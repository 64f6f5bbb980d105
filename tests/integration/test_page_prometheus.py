"""A real Prometheus scrapes the metrics with a token, and its rules see what is wrong."""

import json
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path

import yaml

from renewd.clock import SystemClock
from tests import pages
from tests.pages import CONFIRM
from tests.programs import until

RULES = Path(__file__).parents[2] / "docs/monitoring/renewd.rules.yml"
TOKEN = "a-token-that-is-long-enough"


def test_prometheus_reads_it_and_its_rules_see_what_is_wrong(tmp_path):
    program = shutil.which("prometheus")
    assert program, "prometheus is missing; as root: apt-get install prometheus (tests/setup does it)"
    clock = SystemClock()
    now = clock.now()
    rows = [pages.row("a.example", now, 61, pages.seen(now), **CONFIRM), pages.row("b.example", now, None)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = free.getsockname()[1]

    def ask(what):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{own}/api/v1/{what}", timeout=10) as reply:
                return json.load(reply)["data"]
        except OSError:
            return {}

    with pages.served(pages.board(clock, rows), token=TOKEN) as url:
        scrape = {
            "job_name": "renewd",
            "authorization": {"credentials": TOKEN},
            "static_configs": [{"targets": [url.removeprefix("http://")]}],
        }
        whole = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [scrape],
        }
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(whole))
        command = [
            program,
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
        ]
        with subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{own}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as prometheus:
            try:
                until(lambda: ask("alerts").get("alerts"))
                alerts = ask("alerts")["alerts"]
                (target,) = ask("targets")["activeTargets"]
                found = ask("query?query=renewd_certificate_served_ok")["result"]
            finally:
                prometheus.terminate()
    assert (target["health"], target["lastError"]) == ("up", "")
    assert [(each["labels"]["alertname"], each["labels"]["name"]) for each in alerts] == [
        ("RenewdCertificateUnusable", "b.example")
    ]
    assert [(each["metric"]["name"], each["value"][1]) for each in found] == [("a.example", "1")]
