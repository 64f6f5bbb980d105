"""RCL's V8 API from end to end, each part a program of its own: `renewd sandbox`, `renewd renew`, and nginx that serves."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from renewd.certs import facts
from renewd.sandbox import remote
from tests.programs import renewd
from tests.servers import Nginx, Site, free_port

NAMES = "a.example,www.a.example"


class Place:
    """A sandbox whose configuration speaks V8, and nginx where its certificate goes."""

    def __init__(self, folder: Path, nginx: Callable[..., Nginx]) -> None:
        self.folder, self.path = folder, folder / "config.yaml"
        live = folder / "live" / "a.example+www.a.example"
        self.nginx = nginx(Site("a.example", live / "fullchain.pem", live / "privkey.pem"), start=False)
        words = ["--v8", "--directory", str(folder), "--name", NAMES, "--http-port", str(free_port())]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "renewd", "sandbox", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.said = list(iter(self.process.stderr.readline, "Ctrl-C stops it.\n"))
        self.url = self.said[0].split()[4].strip(";")

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)

    def proved_by_the_service(self) -> None:
        """The configuration as it was printed, without a challenge."""
        configuration = yaml.safe_load(self.path.read_text())
        del configuration["certificates"][0]["challenge"]
        self.path.write_text(yaml.safe_dump(configuration))

    def served_from_nginx(self) -> None:
        """The configuration as it was printed, and what a web server needs of it."""
        configuration = yaml.safe_load(self.path.read_text())
        (entry,) = configuration["certificates"]
        entry["hooks"] = {"check": self.nginx.check_command, "reload": self.nginx.reload_command}
        entry["confirm"] = {"connect": f"127.0.0.1:{self.nginx.port}", "within": "10s"}
        self.path.write_text(yaml.safe_dump(configuration))
        self.nginx.start()

    def take_over(self) -> None:
        """What the portal holds, which is about to expire, and no more."""
        for call in ("order", "renew"):
            refusing = {"call": call, "fault": "text-400=The order is invalid.", "times": 1}
            remote.tell(self.url, "POST", "faults", refusing)
        renewd(str(self.path), "renew")
        remote.tell(self.url, "DELETE", "faults")

    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = remote.tell(self.url, "GET", "state")
        return told


@pytest.fixture
def place(tmp_path: Path, nginx: Callable[..., Nginx]) -> Iterator[Place]:
    place = Place(tmp_path, nginx)
    yield place
    place.close()


def test_a_certificate_is_ordered_issued_later_and_served(place: Place):
    assert any(line.split() == ["V8", "API", f"{place.url}/prod/v3"] for line in place.said)
    assert yaml.safe_load(place.path.read_text())["issuers"]["sandbox"]["type"] == "rcl-v8"
    place.take_over()
    place.served_from_nginx()
    old = place.nginx.served("a.example")
    done = renewd(str(place.path), "renew")
    assert done.returncode == 0, done.stdout + done.stderr
    new = place.nginx.served("a.example")
    state = place.state()
    (held,) = state["certificates"]
    assert held["issued"] == 1
    assert new.serial_number != old.serial_number
    assert facts.show_serial(new.serial_number) == held["serials"][-1]
    assert state["calls"][NAMES]["schedule"] == len(state["orders"]) == 1
    assert state["bearer_on_downloads"] == 0
    (attempt, *_) = json.loads(renewd(str(place.path), "history", "--json").stdout)["attempts"]
    assert "order.issued" in [step["event"] for step in attempt["steps"]]


def test_without_a_challenge_the_service_is_asked_to_renew_and_what_it_issued_is_served(place: Place):
    place.proved_by_the_service()
    told = renewd(str(place.path), "validate")
    assert told.returncode == 0, told.stdout + told.stderr
    told = renewd(str(place.path), "preflight")
    assert "the names are proved by sandbox" in told.stdout
    assert told.returncode == 0, told.stdout + told.stderr
    place.take_over()
    place.served_from_nginx()
    old = place.nginx.served("a.example")
    before = place.state()["calls"][NAMES]["renew"]
    done = renewd(str(place.path), "renew")
    assert done.returncode == 0, done.stdout + done.stderr
    new = place.nginx.served("a.example")
    state = place.state()
    (held,), (order,) = state["certificates"], state["orders"]
    assert held["issued"] == 1
    assert new.serial_number != old.serial_number
    assert facts.show_serial(new.serial_number) == held["serials"][-1]
    assert state["calls"][NAMES]["renew"] == before + 1
    assert {"order", "schedule"}.isdisjoint(state["calls"][NAMES])
    (attempt, *_) = json.loads(renewd(str(place.path), "history", "--json").stdout)["attempts"]
    (issued,) = (step for step in attempt["steps"] if step["event"] == "order.issued")
    assert issued["order_uri"] == order["uri"]
    again = renewd(str(place.path), "renew")
    assert again.returncode == 0, again.stdout + again.stderr
    assert place.state()["calls"][NAMES]["renew"] == before + 1
