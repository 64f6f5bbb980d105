"""A hundred certificates from a real ACME server, by a bare client with as many threads, and by certbot."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from renewd.clock import SystemClock
from renewd.journal import Journal
from tests.bare import Bare
from tests.bench.rounds import Ran, Ratio, run
from tests.pebble import newer

pytestmark = pytest.mark.bench

MANY, FEW = 100, 6  # FEW: for certbot, which takes seconds for each; fewer are lost in what its start takes
BARE = 1 / 0.85  # of the bare client's time for as many
CERTBOT = 1 / 30  # of certbot's time for one


class Bench:
    """An ACME server that has issued nothing yet, the web root that it looks in, and a folder."""

    def __init__(self, folder, nginx, pebble, *, sleeps):
        self.folder, self._web = folder, nginx()
        self._challenges = self._web.webroot / ".well-known" / "acme-challenge"
        self._challenges.mkdir(parents=True)
        default = {"PEBBLE_VA_NOSLEEP": "0", "PEBBLE_WFE_NONCEREJECT": "5"} if sleeps else {}
        self.server = pebble(binary=newer(), http_port=self._web.http_port, environment=default)
        (folder / "roots.pem").write_bytes(self.server.roots())

    def bare(self, threads):
        """Wall seconds of the bare client."""
        client, began = Bare(self.server), time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            for pem in pool.map(lambda name: client.obtain([name], self._prove), self._names("bare", MANY)):
                assert pem.startswith("-----BEGIN CERTIFICATE")
        return time.perf_counter() - began

    def _prove(self, _domain, name, value):
        (self._challenges / name).write_text(value)

    def renewd(self, threads):
        """One whole process that makes one pass, from its start to its end."""
        issuer = {
            "type": "acme",
            "directory": self.server.directory_url,
            "ca_file": str(self.server.ca_file),
            "trust": {"file": str(self.folder / "roots.pem")},
            "agree_terms": True,
            "caa": "off",  # how fast the machine's own name service is says nothing here
        }
        entry = {
            "names": self._names("ours", MANY),
            "challenge": {"type": "http-01", "webroot": str(self._web.webroot), "self_check": "off"},
            "install": {"directory": str(self.folder / "live" / "{name}")},
        }
        whole = {
            "issuers": {"pebble": issuer},
            "certificates": [entry],
            "state_directory": str(self.folder / "state"),
            "schedule": {"concurrency": threads},
        }
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(whole))
        path.chmod(0o600)
        ran = run(
            [Path(sys.executable).with_name("renewd"), "--config", path, "renew", "--quiet"], {**os.environ}
        )
        assert len(list((self.folder / "live").glob("*/fullchain.pem"))) == MANY
        return ran

    def lasted(self):
        """Wall seconds of that pass itself: from the first attempt's begin to the last one's end."""
        with Journal.open(str(self.folder / "state"), SystemClock()) as journal:
            tried = list(journal.latest().values())
        assert [each.outcome for each in tried] == ["renewed"] * MANY
        ended = max(each.ended_at for each in tried if each.ended_at is not None)
        return (ended - min(each.started_at for each in tried)).total_seconds()

    def certbot(self, program):
        """What one run for one certificate takes; and each of a hundred, by what a few add to a run that renews them."""
        folders = [f"--{name}-dir={self.folder / 'certbot' / name}" for name in ("config", "work", "logs")]
        settings = ["--server", self.server.directory_url, "--non-interactive", *folders]
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(self.server.ca_file)}
        first = ["--agree-tos", "--register-unsafely-without-email", "--webroot", "-w", self._web.webroot]
        alone = [
            run([program, "certonly", *settings, *first, "-d", name], environment)
            for name in self._names("theirs", FEW)
        ][-1]
        renew = [program, "renew", "--no-random-sleep-on-renew", *settings]
        nothing, all_of_them = run(renew, environment), run([*renew, "--force-renewal"], environment)
        assert len(self.server.issued) == 2 * FEW + MANY
        return alone, Ran(*(_of_many(*took) for took in zip(_took(nothing), _took(all_of_them), strict=True)))

    @staticmethod
    def _names(whose, count):
        return [f"{whose}-{number:03}.example.test" for number in range(count)]


def _took(ran):
    return ran.processor, ran.wall


def _of_many(nothing, few):
    """For each of MANY, where so much was taken for nothing, and for FEW of them."""
    return nothing / MANY + (few - nothing) / FEW


@pytest.mark.parametrize("threads", [8, 32])
def test_a_pass_over_a_hundred_where_the_server_takes_its_time(tmp_path, nginx, pebble, table, threads):
    """The bare client starts no process; what ours takes for that is told beside it."""
    bench = Bench(tmp_path, nginx, pebble, sleeps=True)
    whole, bare = bench.renewd(threads).wall, bench.bare(threads)
    ratio, started = Ratio((bench.lasted(),), (bare,)), Ratio((whole,), (bare,))
    table.add(f"100 from an ACME server, {threads} at once / bare client", ratio.value, BARE, ratio)
    table.add("the same with the start and the end of the process", started.value, None, started)
    assert ratio.value <= BARE


def test_a_pass_over_a_hundred_where_it_takes_none(tmp_path, nginx, pebble, certbot, table):
    bench = Bench(tmp_path, nginx, pebble, sleeps=False)
    ours, (alone, among_many) = bench.renewd(8), bench.certbot(certbot)
    each = Ran(ours.processor / MANY, ours.wall / MANY)
    rate = Ratio((each.wall,), (alone.wall,))
    renewing = Ratio((each.wall,), (among_many.wall,))
    processor = Ratio((each.processor,), (among_many.processor,))
    table.add("time for an ACME certificate, 8 at once / certbot certonly", rate.value, CERTBOT, rate)
    table.add("the same / certbot renew", renewing.value, None, renewing)
    table.add("processor time for an ACME certificate / certbot renew", processor.value, 1, processor)
    assert rate.value <= CERTBOT
    assert processor.value <= 1
