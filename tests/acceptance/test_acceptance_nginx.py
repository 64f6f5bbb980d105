"""Real web servers: what they serve after a renewal is what was issued, and what they served before if it went wrong."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.postbox import Hook
from tests.programs import renewd, running, until
from tests.servers import Haproxy, Nginx, Site
from tests.world import World

NAMES = ("a.example", "b.example", "c.example")


class Shop:
    """nginx with three server blocks, its web root, and a sandbox whose CA looks into it."""

    def __init__(self, folder: Path, nginx: Callable[..., Nginx], make: Callable[..., World]) -> None:
        live = folder / "live"
        self.sites = [
            Site(name, live / name / "fullchain.pem", live / name / "privkey.pem") for name in NAMES
        ]
        self.nginx = nginx(*self.sites, start=False)
        self.world = make(folder, http_port=self.nginx.http_port)

    def entries(self, **keys: Any) -> list[dict[str, Any]]:
        common = {
            "challenge": {"type": "http-01", "webroot": str(self.nginx.webroot), "self_check": "off"},
            "hooks": {"check": self.nginx.check_command, "reload": self.nginx.reload_command},
            "confirm": {"connect": f"127.0.0.1:{self.nginx.port}", "within": "10s"},
            **keys,
        }
        return [self.world.entry(name, **common) for name in NAMES]

    def open(self) -> dict[str, int]:
        """Serving certificates that are about to expire; their serials."""
        for name in NAMES:
            self.world.sandbox.seed(name, days_left=5)
        path = self.world.write(*(self.world.entry(name) for name in NAMES))
        self.world.sandbox.fault(
            "order", "text-400", None
        )  # what the portal holds is taken over, and no more
        renewd(path, "renew")
        self.world.sandbox.faults.clear()
        self.nginx.start()
        return self.serials()

    def serials(self) -> dict[str, int]:
        return {name: self.nginx.served(name).serial_number for name in NAMES}

    def on_disk(self) -> dict[str, int]:
        return {name: self.world.live(name).serial_number for name in NAMES}


@pytest.fixture
def worlds() -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(folder: Path, **options: Any) -> World:
        made.append(World(folder, **options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def shop(tmp_path: Path, nginx: Callable[..., Nginx], worlds: Callable[..., World]) -> Shop:
    return Shop(tmp_path, nginx, worlds)


def events(path: str, *wanted: str) -> list[tuple[str, str]]:
    """(name, event) of the journaled steps, oldest first."""
    attempts = json.loads(renewd(path, "history", "--json").stdout)["attempts"]
    return [
        (attempt["name"], step["event"])
        for attempt in reversed(attempts)
        for step in attempt["steps"]
        if step["event"] in wanted
    ]


@pytest.mark.fault(88)
def test_three_server_blocks_are_renewed_with_one_check_and_one_reload_and_the_new_ones_are_served(
    shop: Shop,
):
    before = shop.open()
    path = shop.world.write(*shop.entries())
    done = renewd(path, "renew")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "once for 3 certificates" in done.stdout
    after = shop.serials()
    assert after == shop.on_disk()
    assert not set(after.values()) & set(before.values())
    assert {name for name, _ in events(path, "confirm.served")} == set(NAMES)
    status = renewd(path, "status", "--json")
    assert status.returncode == 0
    served = {
        row["name"]: row["served"]["serial"].replace(":", "")
        for row in json.loads(status.stdout)["certificates"]
    }
    assert {name: int(serial, 16) for name, serial in served.items()} == after


def test_a_server_block_that_cannot_load_the_new_files_costs_only_itself(shop: Shop):
    before = shop.open()
    stray = shop.world.folder / "stray-key.pem"  # a copy of the key, which nobody renews
    stray.write_bytes(Path(shop.sites[1].key).read_bytes())
    shop.nginx.configure([shop.sites[0], Site(NAMES[1], shop.sites[1].fullchain, stray), shop.sites[2]])
    shop.nginx.reload()
    done = renewd(shop.world.write(*shop.entries()), "renew")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    after = shop.serials()
    assert after[NAMES[1]] == before[NAMES[1]] == shop.on_disk()[NAMES[1]]
    assert after[NAMES[0]] == shop.on_disk()[NAMES[0]] != before[NAMES[0]]
    assert after[NAMES[2]] == shop.on_disk()[NAMES[2]] != before[NAMES[2]]


@pytest.mark.fault(86)
def test_a_reload_that_reloads_nothing_is_seen_through_and_put_back(shop: Shop):
    before = shop.open()
    entries = shop.entries(
        hooks={"check": shop.nginx.check_command, "reload": "true"},
        confirm={"connect": f"127.0.0.1:{shop.nginx.port}", "within": "1s"},
    )
    path = shop.world.write(*entries)
    done = renewd(path, "renew")
    assert done.returncode == 1
    assert "still serves" in done.stdout
    assert shop.on_disk() == before == shop.serials()
    owed = [row["owed"] for row in json.loads(renewd(path, "status", "--json").stdout)["certificates"]]
    assert owed == [["confirm"]] * 3

    orders = [shop.world.calls(name, "order") for name in NAMES]
    mended = shop.world.write(*shop.entries())
    done = renewd(mended, "deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.serials() == shop.on_disk() != before
    assert orders == [shop.world.calls(name, "order") for name in NAMES], "deploy never orders"
    assert renewd(mended, "status").returncode == 0


def test_a_server_that_comes_to_serve_something_else_between_renewals_is_told_and_taken_back(
    shop: Shop, tmp_path: Path
):
    for name in NAMES:
        shop.world.sandbox.seed(name, days_left=80)
    renewd(shop.world.write(*(shop.world.entry(name) for name in NAMES)), "renew")
    shop.nginx.start()
    stray = Authority.new("Stray").issue([NAMES[0]])
    (tmp_path / "stray.pem").write_bytes(stray.fullchain_pem + stray.key_pem)
    schedule = {"every": "5s", "jitter": "0s"}
    with Hook() as hook:
        path = shop.world.write(*shop.entries(), schedule=schedule, notify={"urls": [hook.url]})
        with running(path) as daemon:
            daemon.wait_for("pass.ended")
            shop.nginx.configure(
                [Site(NAMES[0], tmp_path / "stray.pem", tmp_path / "stray.pem"), *shop.sites[1:]]
            )
            shop.nginx.reload()
            told = daemon.wait_for("served.other")
            assert (told["name"], "still serves" in told["why"]) == (NAMES[0], True)
            hook.wait(messages=1)
            assert hook.messages[0]["title"].startswith(f"{NAMES[0]}: failed (")
            status = renewd(path, "status")
            assert status.returncode == 1
            assert f"served: 127.0.0.1:{shop.nginx.port} still serves" in status.stdout
            assert f"renewd deploy {NAMES[0]}" in renewd(path, "why", NAMES[0]).stdout
            shop.nginx.configure(shop.sites)
            shop.nginx.reload()
            assert daemon.wait_for("served.well")["name"] == NAMES[0]
            until(lambda: renewd(path, "status").returncode == 0)


def test_rollback_serves_the_version_before_and_deploy_the_newest_again(shop: Shop):
    before = shop.open()
    path = shop.world.write(*shop.entries())
    renewd(path, "renew")
    new = shop.serials()
    done = renewd(path, "rollback", NAMES[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.serials() == {**new, NAMES[0]: before[NAMES[0]]}
    assert renewd(path, "deploy", NAMES[0]).returncode == 0
    assert shop.serials() == new


def test_a_placeholder_lets_nginx_start_and_is_replaced_by_way_of_the_web_root(shop: Shop):
    install = {"directory": str(shop.world.folder / "live" / "{name}"), "placeholder": True}
    for name in NAMES:
        shop.world.sandbox.seed(name, days_left=None)
    shop.world.sandbox.fault("certificate", "status=503", None)
    path = shop.world.write(*shop.entries(install=install), schedule={"every": "5s", "jitter": "0s"})
    with running(path) as daemon:
        for _ in NAMES:
            daemon.wait_for("install.placeholder")
        assert renewd(path, "check").returncode == 1
        shop.nginx.start()
        shop.world.sandbox.faults.clear()
        renewed = {daemon.wait_for("attempt.renewed")["name"] for _ in NAMES}
        assert renewed == set(NAMES)
    assert shop.serials() == shop.on_disk()


def test_fixed_paths_are_served_too(shop: Shop):
    flat = shop.world.folder / "ssl"
    flat.mkdir()
    sites = [Site(name, flat / f"{name}.crt", flat / f"{name}.key") for name in NAMES]
    shop.nginx.configure(sites)
    for name in NAMES:
        shop.world.sandbox.seed(name, days_left=80)
    files = {"files": {"fullchain": str(flat / "{name}.crt"), "key": str(flat / "{name}.key")}}
    assert (
        renewd(shop.world.write(*shop.entries(install=files, hooks={}, confirm=None)), "renew").returncode
        == 0
    )
    shop.nginx.start()
    before = shop.serials()
    done = renewd(shop.world.write(*shop.entries(install=files)), "renew", "--force", *NAMES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not set(shop.serials().values()) & set(before.values())


def test_haproxy_serves_the_new_combined_pem(
    tmp_path: Path, haproxy: Callable[..., Haproxy], worlds: Callable[..., World]
):
    world = worlds(tmp_path)
    combined = tmp_path / "haproxy.pem"
    name = "proxied.example"
    world.sandbox.seed(name, days_left=80)
    entry = world.entry(name, install={"files": {"combined": str(combined)}})
    assert renewd(world.write(entry), "renew").returncode == 0
    server = haproxy(combined)
    before = server.served(name).serial_number
    entry |= {
        "hooks": {"check": server.check_command, "reload": server.reload_command},
        "confirm": {"connect": f"127.0.0.1:{server.port}", "within": "20s"},
    }
    done = renewd(world.write(entry), "renew", "--force", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.served(name).serial_number != before


def test_a_server_that_was_never_reloaded_is_told_and_so_is_that_it_was(shop: Shop):
    shop.open()
    path = shop.world.write(*shop.entries(hooks={}, confirm=None))
    assert renewd(path, "renew").returncode == 0, "nobody reloads"
    path = shop.world.write(*shop.entries())
    with running(path) as daemon:
        told = daemon.wait_for("served.other")
        assert "still serves" in told["why"]
        assert f"renewd deploy '{told['name']}'" in told["remedy"]
        assert daemon.end() == 0
    status = renewd(path, "status", "--json")
    assert status.returncode == 1
    found = {row["name"]: row["served"]["problem"] for row in json.loads(status.stdout)["certificates"]}
    assert all("still serves" in found[name] for name in NAMES)
    assert "still serves" in renewd(path, "why", NAMES[0]).stdout
    assert renewd(path, "deploy").returncode == 0
    with running(path) as daemon:
        assert sorted(daemon.wait_for("served.well")["name"] for _ in NAMES) == sorted(NAMES)
        assert daemon.end() == 0
    assert renewd(path, "status").returncode == 0
