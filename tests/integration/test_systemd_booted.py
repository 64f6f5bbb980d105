"""renewd's units in a real systemd that was booted for it: two sides, a web server, and the sandbox as the service."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml

from tests.booted import RENEWD, Machine, booted, come

A, B = "a.example", "b.example"
CONFIG = "/etc/renewd/config.yaml"
LIVE = "/etc/renewd/live"
NGINX = """
events {}
pid /run/nginx.pid;
http {
  access_log off;
  server {
    listen 127.0.0.1:443 ssl;
    ssl_certificate LIVE/a.example/fullchain.pem;
    ssl_certificate_key LIVE/a.example/privkey.pem;
  }
}
""".replace("LIVE", LIVE)


class Scene:
    """The machine with all that stays from test to test: the sandbox, nginx's configuration, a credential, the units."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.lived_in = False  # whether the daemon runs as it was installed
        sandbox = ["--directory", "/srv/sandbox", "--port", "7000", "--http-port", "7001", "--ready"]
        names = ["--name", A, "--name", B, "--days-left", "80"]
        machine.run("/bin/systemd-run", "--unit=sandbox", RENEWD, "sandbox", *sandbox, *names)
        come(lambda: machine.run("/bin/ls", "/srv/sandbox/config.yaml", check=False).returncode == 0)
        shown = yaml.safe_load(machine.read("/srv/sandbox/config.yaml"))["issuers"]["sandbox"]
        self.subscription = shown["subscription_id"]
        machine.write("/etc/renewd/root.pem", machine.read(shown["trust"]["file"]))
        machine.write("/etc/renewd/credentials/rcl-api-key", machine.read(shown["api_key"]["file"]), "0600")
        machine.write("/etc/nginx/nginx.conf", NGINX)
        self.configure(A)
        machine.renewd("install-systemd", check=True)

    def configure(self, *names: str, web: object = None, **keys: object) -> None:
        """The configuration: these names, in a folder that nginx serves from; without a page unless `web` says so."""
        issuer = {
            "type": "rcl",
            "subscription_id": self.subscription,
            "api_key": {"credential": "rcl-api-key"},
            "base_url": "http://127.0.0.1:7000/public",
            "trust": {"file": "/etc/renewd/root.pem"},
        }
        entry = {
            "install": {"directory": f"{LIVE}/{{name}}", "placeholder": True},
            "hooks": {"check": "nginx -t", "reload": "nginx -s reload"},
            "confirm": {"connect": "127.0.0.1:443", "server_name": A, "within": "10s"},
            **keys,
        }
        whole = {"issuers": {"rcl": issuer}, "certificates": [{"name": name, **entry} for name in names]}
        whole |= {} if web is None else {"web": web}
        self.machine.write(CONFIG, yaml.safe_dump(whole), "0640", "root:root")
        self.machine.run("/bin/sh", "-c", f"getent group renewd >/dev/null && chgrp renewd {CONFIG} || true")

    def fresh(self) -> None:
        """As after the installation."""
        units = [
            "nginx",
            "renewd",
            "renewd-simple",
            "renewd-deploy.path",
            "renewd-deploy.service",
            "renewd-recover",
        ]
        self.machine.run("/bin/systemctl", "stop", *units, check=False)
        self.machine.run(
            "/bin/sh",
            "-c",
            f"rm -rf /var/lib/renewd/* /var/lib/renewd-deploy/* {LIVE} /etc/systemd/system/*.d/test.conf",
        )
        self.machine.run("/bin/systemctl", "daemon-reload")
        self.machine.run("/bin/systemctl", "reset-failed")
        self.machine.run("/bin/journalctl", "--rotate", "--vacuum-time=1s", check=False)
        self.configure(A)

    def drop_in(self, unit: str, *lines: str) -> None:
        text = "\n".join(["[Service]", *lines, ""])
        self.machine.write(f"/etc/systemd/system/{unit}.service.d/test.conf", text)
        self.machine.run("/bin/systemctl", "daemon-reload")

    def start(self, *units: str) -> None:
        """All of it, and its first pass is over."""
        self.machine.run("/bin/systemctl", "start", *(units or ("renewd-recover", "nginx", "renewd")))
        come(lambda: "pass.ended" in self.machine.journal("renewd*"))

    def served(self) -> str:
        """The serial number and the end of what nginx shows."""
        line = "openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509 -noout -serial -enddate"
        return self.machine.run("/bin/sh", "-c", line).stdout

    def live(self) -> str:
        """The same of what is on the disk."""
        return self.machine.run(
            "/usr/bin/openssl", "x509", "-noout", "-serial", "-enddate", "-in", f"{LIVE}/{A}/fullchain.pem"
        ).stdout

    def page(self, path: str = "/") -> str:
        code = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:9473{path}').read().decode())"
        return self.machine.run("/opt/renewd/bin/python", "-c", code, check=False).stdout

    def status(self) -> str:
        return self.machine.show("renewd", "StatusText")


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with booted(tmp_path_factory.mktemp("booted")) as machine:
        yield Scene(machine)


@pytest.fixture
def scene(one: Scene) -> Scene:
    """Nothing runs yet."""
    one.lived_in = False
    one.fresh()
    return one


@pytest.fixture
def running(one: Scene) -> Scene:
    """All runs; a test leaves it so, with the configuration as it was."""
    if not one.lived_in:
        one.fresh()
        one.start()
    one.lived_in = True
    return one


def test_from_nothing_to_a_certificate_that_nginx_serves_across_the_line_of_privileges(scene: Scene):
    machine = scene.machine
    scene.start()
    assert machine.show("renewd", "Type") == "notify"
    assert machine.show("renewd", "ActiveState") == "active"
    assert "1 watched; next renewal: a.example in" in scene.status()
    assert scene.served() == scene.live()
    assert machine.run("/usr/bin/stat", "-Lc", "%U %a", f"{LIVE}/{A}/privkey.pem").stdout == "root 600\n"
    pid = machine.show("renewd", "MainPID")
    assert machine.run("/bin/ps", "-o", "user=", "-p", pid).stdout.strip() == "renewd"
    deployed = machine.journal("renewd-deploy")
    assert '"command": "nginx -s reload"' in deployed
    assert "nginx" not in machine.journal("renewd").replace("renewd-deploy.service", "")
    assert machine.renewd("check").returncode == 0
    assert machine.renewd("status").returncode == 0
    assert machine.renewd("health").returncode == 0
    scene.lived_in = True


def test_recover_runs_before_the_web_server_and_gives_it_something_to_start_with(scene: Scene):
    machine = scene.machine
    machine.write("/etc/systemd/system/boot.target", "[Unit]\nWants=nginx.service renewd-recover.service\n")
    machine.run("/bin/systemctl", "daemon-reload")
    machine.run("/bin/systemctl", "start", "boot.target")  # in one transaction, as a boot is
    come(lambda: machine.show("nginx", "ActiveState") in ("active", "failed"))
    assert machine.show("nginx", "ActiveState") == "active"
    ended = int(machine.show("renewd-recover", "ExecMainExitTimestampMonotonic"))
    assert 0 < ended <= int(machine.show("nginx", "ExecMainStartTimestampMonotonic"))
    assert (
        "CN"
        in machine.run("/usr/bin/openssl", "x509", "-noout", "-subject", "-in", f"{LIVE}/{A}/cert.pem").stdout
    )


def test_a_reload_takes_a_good_configuration(running: Scene):
    pid = running.machine.show("renewd", "MainPID")
    running.configure(A, B, confirm=None)
    running.machine.run("/bin/systemctl", "reload", "renewd")
    come(lambda: running.status().startswith("2 watched"))
    assert running.machine.show("renewd", "MainPID") == pid
    assert running.machine.show("renewd", "ActiveState") == "active"
    running.configure(A)
    running.machine.run("/bin/systemctl", "reload", "renewd")
    come(lambda: running.status().startswith("1 watched"))


def test_what_is_not_watched_any_more_is_forgotten_on_both_sides_of_the_line(running: Scene):
    machine = running.machine
    files = f"cat {LIVE}/{B}/*.pem | sha256sum"
    running.configure(A, B, confirm=None)
    machine.run("/bin/systemctl", "reload", "renewd")
    come(lambda: machine.renewd("check", B).returncode == 0)
    come(lambda: "2 watched" in running.status())
    running.configure(A)
    machine.run("/bin/systemctl", "reload", "renewd")
    come(lambda: running.status().startswith("1 watched"))
    live = machine.run("/bin/sh", "-c", files).stdout
    forgotten = machine.renewd("forget", B)
    assert forgotten.returncode == 0, forgotten
    assert f"/var/lib/renewd/handed/{B}" in forgotten.stdout
    assert machine.run("/bin/ls", f"/var/lib/renewd/handed/{B}", check=False).returncode != 0
    assert '"event": "target.forgotten"' in machine.journal("renewd-deploy")
    assert machine.run("/bin/sh", "-c", files).stdout == live
    assert machine.renewd("history", B).returncode == 2


@pytest.mark.fault(74)
def test_a_reload_of_a_wrong_configuration_fails_and_the_status_says_why(running: Scene):
    machine = running.machine
    pid, before = machine.show("renewd", "MainPID"), running.status()
    running.configure(A, renew_befor="30d")
    refused = machine.run("/bin/systemctl", "reload", "renewd", check=False)
    assert refused.returncode != 0
    assert running.status() == before  # nobody asked the daemon
    shown = machine.run(
        "/bin/systemctl", "status", "--no-pager", "-l", "-n", "50", "renewd", check=False
    ).stdout
    assert "did you mean renew_before" in shown
    machine.run("/bin/systemctl", "kill", "-s", "HUP", "--kill-who=main", "renewd")
    come(lambda: "configuration refused" in running.status())
    assert "renew_before" in running.status()
    assert machine.show("renewd", "MainPID") == pid
    running.configure(A)
    machine.run("/bin/systemctl", "reload", "renewd")
    come(lambda: "refused" not in running.status())
    assert machine.show("renewd", "ActiveState") == "active"


def test_the_page_and_the_metrics_tell_of_a_configuration_that_is_not_taken_until_it_is_right(running: Scene):
    machine, taken = running.machine, "\nrenewd_config_last_reload_successful 1\n"
    running.configure(A, web={})
    machine.run("/bin/systemctl", "reload", "renewd")
    come(lambda: taken in running.page("/metrics"))
    running.configure(A, web={}, renew_befor="30d")
    assert machine.run("/bin/systemctl", "reload", "renewd", check=False).returncode != 0
    machine.run("/bin/systemctl", "kill", "-s", "HUP", "--kill-who=main", "renewd")
    come(lambda: taken.replace(" 1", " 0") in running.page("/metrics"))
    assert "did you mean renew_before" in running.page()
    running.configure(A, web={})
    machine.run("/bin/systemctl", "reload", "renewd")
    come(lambda: taken in running.page("/metrics"))
    assert "renew_before" not in running.page()
    running.configure(A)
    machine.run("/bin/systemctl", "reload", "renewd")


def test_a_daemon_that_stands_still_is_killed_by_the_watchdog_and_comes_back(scene: Scene):
    machine = scene.machine
    scene.drop_in("renewd", "WatchdogSec=2s", "RestartSec=100ms")
    machine.run("/bin/systemctl", "start", "renewd")
    pid = int(machine.show("renewd", "MainPID"))
    come(lambda: machine.show("renewd", "WatchdogTimestampMonotonic") != "0")
    machine.run("/bin/kill", "-STOP", str(pid))
    come(lambda: machine.show("renewd", "NRestarts") == "1")
    assert "watchdog" in machine.journal("renewd")
    come(lambda: machine.show("renewd", "ActiveState") == "active")
    assert int(machine.show("renewd", "MainPID")) != pid


def test_a_wrong_configuration_at_start_is_told_and_not_tried_again(scene: Scene):
    scene.configure(A, renew_befor="30d")
    assert scene.machine.run("/bin/systemctl", "start", "renewd", check=False).returncode != 0
    assert scene.machine.show("renewd", "ActiveState") == "failed"
    assert scene.machine.show("renewd", "NRestarts") == "0"
    assert "did you mean renew_before" in scene.machine.journal("renewd")


def test_root_and_the_group_let_the_daemon_run_commands_and_nobody_else_does(running: Scene):
    machine = running.machine
    before = running.served()
    renewed = machine.renewd("renew", A, "--force", "--json")
    assert json.loads(renewed.stdout)["outcomes"][0]["result"] == "renewed", renewed
    assert running.served() != before
    machine.run("/usr/sbin/useradd", "-M", "-G", "renewd", "member", check=False)
    looked = machine.renewd("preflight", user="member")
    assert (looked.returncode, "the API takes the key" in looked.stdout) == (0, True), looked
    refused = machine.renewd("preflight", user="nobody")
    assert refused.returncode == 2
    assert "Permission denied" in refused.stderr or "permission" in refused.stderr.lower()


def test_a_member_of_the_group_is_told_what_root_is_told(running: Scene):
    machine = running.machine
    machine.run("/usr/sbin/useradd", "-M", "-G", "renewd", "member", check=False)
    for command in (["status"], ["history", "--json"], ["why", A], ["plan", "--json"]):
        typed, root = machine.renewd(*command, user="member"), machine.renewd(*command)
        assert (typed.returncode, typed.stderr) == (root.returncode, ""), typed
        assert len(typed.stdout.splitlines()) == len(root.stdout.splitlines()), typed
    assert "1 watched · all well" in machine.renewd("status", user="member").stdout
    assert "reload `nginx -s reload`" in machine.renewd("why", A, user="member").stdout
    looked = machine.renewd("check", user="member")
    assert looked.returncode == 1
    assert "1 cannot be looked at as this user" in looked.stdout
    alone = machine.run("/usr/bin/env", "RENEWD_SOCKET=", RENEWD, "status", check=False, user="member")
    assert (alone.returncode, alone.stdout) == (1, "")
    assert "the state directory /var/lib/renewd cannot be read: permission denied" in alone.stderr


@pytest.mark.parametrize("root", ["/srv/www2", "/home/somebody/www"])
def test_a_new_web_root_is_let_in_by_doing_what_is_said(scene: Scene, root: str):
    machine = scene.machine
    machine.run("/usr/sbin/useradd", "-M", "somebody", check=False)
    machine.run("/bin/sh", "-c", f"mkdir -p {root}; chown somebody {root}; chown somebody $(dirname {root})")
    scene.start()
    scene.configure(A, challenge={"type": "http-01", "webroot": root})
    blocked = machine.renewd("preflight")
    assert blocked.returncode == 1
    assert "renewd install-systemd, then: systemctl restart renewd" in blocked.stdout
    try:
        said = machine.renewd("install-systemd")
        assert said.returncode == 0, said
        assert "systemctl restart renewd.service" in said.stdout
        machine.run("/bin/systemctl", "restart", "renewd")
        looked = machine.renewd("preflight")
        assert (looked.returncode, "blocks" in looked.stdout) == (0, False), looked
    finally:
        scene.configure(A)
        machine.renewd("install-systemd")


def test_what_the_units_refer_to_is_found(running: Scene):
    machine = running.machine
    assert machine.run("/usr/bin/man", "-w", "renewd").stdout.strip().startswith("/usr/local/share/man/")
    for unit in ("renewd.service", "renewd-deploy.service", "renewd-deploy.path", "renewd-recover.service"):
        found = machine.run("/usr/bin/systemd-analyze", "verify", f"/etc/systemd/system/{unit}", check=False)
        assert (found.returncode, found.stdout, found.stderr) == (0, "", ""), found


def test_it_stops_in_an_orderly_way_and_root_is_told_to_start_it(scene: Scene):
    scene.machine.run("/bin/systemctl", "start", "renewd-recover", "nginx", "renewd-deploy.path", "renewd")
    scene.machine.run("/bin/systemctl", "stop", "renewd")
    assert scene.machine.show("renewd", "Result") == "success"
    assert scene.machine.show("renewd", "ExecMainStatus") == "0"
    assert scene.machine.show("renewd", "ExecMainCode") == "1"  # it left by itself (CLD_EXITED)
    told = scene.machine.renewd("renew", A)
    assert told.returncode == 1
    assert "systemctl start renewd" in told.stderr


def test_the_side_that_obtains_can_neither_write_nor_read_what_is_live(running: Scene):
    pid = running.machine.show("renewd", "MainPID")
    inside = ["/usr/bin/nsenter", "-t", pid, "-m", "/usr/sbin/runuser", "-u", "renewd", "--"]
    assert running.machine.run(*inside, "/bin/cat", f"{LIVE}/{A}/privkey.pem", check=False).returncode != 0
    assert running.machine.run(*inside, "/usr/bin/touch", f"{LIVE}/{A}/x", check=False).returncode != 0
    assert running.machine.run(*inside, "/bin/ls", "/root", check=False).returncode != 0


@pytest.mark.fault(85)
def test_a_check_that_fails_across_the_line_puts_the_old_files_back_and_is_told_here(running: Scene):
    machine = running.machine
    before = running.live()
    machine.write("/etc/nginx/nginx.conf", NGINX.replace("events {}", "events {} nonsense;"))
    try:
        failed = machine.renewd("renew", A, "--force")
    finally:
        machine.write("/etc/nginx/nginx.conf", NGINX)
    assert failed.returncode == 1
    assert "nginx.conf test failed" in failed.stdout + failed.stderr
    bad = machine.run("/bin/journalctl", "-o", "cat", "-p", "err", "-u", "renewd-deploy").stdout
    assert set(re.findall('"level": "([a-z]+)"', bad)) == {"error"}
    assert running.live() == before == running.served()
    assert machine.renewd("deploy", A).returncode == 0
    assert running.live() == running.served() != before


def test_all_in_one_does_the_same_as_root(scene: Scene):
    machine = scene.machine
    machine.renewd("install-systemd", "--simple")
    try:
        scene.start("renewd-recover", "nginx", "renewd-simple")
        assert scene.served() == scene.live()
        assert "1 watched; next renewal" in machine.show("renewd-simple", "StatusText")
        assert machine.renewd("renew", A, "--force").returncode == 0
        assert scene.served() == scene.live()
    finally:
        machine.run("/bin/systemctl", "stop", "renewd-simple")
        machine.renewd("install-systemd")


def test_a_server_that_a_hook_started_goes_on_when_all_in_one_is_stopped(scene: Scene):
    machine = scene.machine
    reload = {"run": "nginx -s reload 2>/dev/null || nginx", "shell": True}
    scene.configure(A, hooks={"reload": reload})
    machine.renewd("install-systemd", "--simple")
    try:
        scene.start("renewd-simple")
        assert scene.served() == scene.live()
        machine.run("/bin/systemctl", "stop", "renewd-simple")
        assert machine.show("renewd-simple", "Result") == "success"
        assert scene.served() == scene.live()
    finally:
        machine.run("/usr/sbin/nginx", "-s", "stop", check=False)
        machine.renewd("install-systemd")
