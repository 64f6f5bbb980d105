"""docs/containers/ as it is, brought up by podman-compose: only who issues, and how fast, is the test's."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from renewd.config import load
from tests import images
from tests.booted import come
from tests.containers import Engine

DOCS = images.ROOT / "docs"
PAGE = (DOCS / "containers.md").read_text(encoding="utf-8")
COMPOSE: dict[str, dict[str, Any]] = yaml.safe_load((DOCS / "containers/compose.yaml").read_text())
NAME = "shopeneur.com"
RENEWD, NGINX, RECOVER, SANDBOX = (f"test_{each}_1" for each in ("renewd", "nginx", "recover", "sandbox"))
LEADS_TO_NGINX = """
from renewd.sandbox import validation
validation.ADDRESS = "nginx"
from renewd.cli.main import main
main()
"""
AT_HOME = ["--port=7000", "--http-port=8080", "--days-left=80"]
# The API is at home where renewd is, since http:// is for loopback only.
TEST = {
    "services": {
        "sandbox": {
            "image": "renewd",
            "pull_policy": "never",
            "entrypoint": ["python3", "-c", LEADS_TO_NGINX],
            "command": ["sandbox", "--directory=/sandbox", "--name", NAME, *AT_HOME],
            "volumes": ["./sandbox:/sandbox"],
        },
        "renewd": {"network_mode": "service:sandbox"},
    }
}


class Project:
    """The documented folder, copied, with a sandbox that is up."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        shutil.copytree(DOCS / "containers", folder, dirs_exist_ok=True)
        for name in ("secrets", "sandbox"):
            (folder / name).mkdir()
        os.chown(folder / "sandbox", 10001, 10001)
        self.override(TEST)
        engine.compose(folder, "up", "-d", "sandbox")
        come(lambda: "Ctrl-C stops it" in engine.log(SANDBOX))
        shutil.copy(folder / "sandbox/root.pem", folder / "renewd/root.pem")
        key = folder / "secrets/rcl-api-key"
        shutil.copy(folder / "sandbox/api-key", key)
        os.chown(key, 10001, 10001)
        key.chmod(0o400)
        self.configure(self._with_the_sandbox)

    def override(self, whole: dict[str, Any]) -> None:
        """What is merged over compose.yaml."""
        (self.folder / "test.yaml").write_text(yaml.safe_dump(whole))

    def configure(self, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
        """Change config.yaml; `change` is given the issuer and the certificate."""
        path = self.folder / "renewd/config.yaml"
        whole = yaml.safe_load(path.read_text())
        change(whole["issuers"]["rcl"], whole["certificates"][0])
        path.write_text(yaml.safe_dump(whole))
        for each in (self.folder / "renewd").iterdir():
            each.chmod(0o644)

    def up(self) -> None:
        """All of it, and the first pass is over."""
        self.engine.compose(self.folder, "up", "-d")
        come(lambda: '"event": "pass.ended"' in self.engine.log(RENEWD))

    def renewd(self, *argv: str, code: int = 0) -> str:
        """What a command says, typed as the documentation says."""
        ran = self.engine.podman("exec", RENEWD, "renewd", *argv, check=False)
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def served(self) -> str:
        """The serial number of what nginx shows at port 443 of the host."""
        shown = f"openssl s_client -connect 127.0.0.1:443 -servername {NAME} </dev/null 2>/dev/null"
        return self.engine.run("sh", "-c", f"{shown} | openssl x509 -noout -serial").stdout

    def live(self) -> str:
        """That of what is on the volume."""
        path = f"/certificates/{NAME}/cert.pem"
        (self.folder / "cert.pem").write_text(self.engine.podman("exec", RENEWD, "cat", path).stdout)
        return self.engine.run(
            "openssl", "x509", "-noout", "-serial", "-in", f"{self.folder}/cert.pem"
        ).stdout

    def _with_the_sandbox(self, issuer: dict[str, Any], certificate: dict[str, Any]) -> None:
        made = yaml.safe_load((self.folder / "sandbox/config.yaml").read_text())["issuers"]["sandbox"]
        issuer |= {key: made[key] for key in ("subscription_id", "base_url")}
        issuer["trust"] = {"file": "/etc/renewd/root.pem"}
        certificate["challenge"]["self_check"] = "off"  # for renewd the name leads nowhere


@pytest.fixture
def project(engine: Engine, tmp_path: Path) -> Project:
    return Project(engine, tmp_path)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_is_closed(name: str):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "devices", "pid"} & set(service)
    assert int(service.get("user", "10001:10001").split(":")[0]) > 0
    assert not any("docker" in volume or ".sock" in volume for volume in service["volumes"])


def test_what_is_mounted_is_there_and_the_page_says_where():
    for service in COMPOSE["services"].values():
        for source in (volume.split(":")[0] for volume in service["volumes"]):
            assert source in COMPOSE["volumes"] or (DOCS / "containers" / source).exists()
    rows = re.findall(r"^\| `(\w+)` \| `(/\S+)` \| (\S*) ?\|", PAGE, re.MULTILINE)
    assert {name for name, _, _ in rows} == set(COMPOSE["volumes"])
    for name, place, there in rows:
        assert f"{name}:{place}" in COMPOSE["services"]["renewd"]["volumes"]
        shown = [each for each in COMPOSE["services"]["nginx"]["volumes"] if each.startswith(f"{name}:")]
        assert shown == ([f"{name}:{place}:ro"] if there == "read-only" else [])


def test_the_configuration_beside_it_has_no_fault():
    (target,) = load.load(str(DOCS / "containers/renewd/config.yaml")).targets
    assert target.name == NAME


def test_from_nothing_to_a_renewed_certificate_that_nginx_serves(project: Project):
    engine = project.engine
    project.up()
    assert "a self-signed certificate was put" in engine.log(RECOVER)
    assert '"event": "confirm.served"' in engine.log(RENEWD)
    first = project.served()
    assert first == project.live()
    assert "301 Moved" in engine.run("curl", "-si", "http://127.0.0.1/").stdout
    assert "ok" in project.renewd("check")

    project.renewd("renew", NAME, "--force")
    second = project.served()
    assert second == project.live()
    assert second != first
    assert re.search(r'GET /\.well-known/acme-challenge/\S+ HTTP/1.1" 200', engine.log(NGINX))

    project.renewd("rollback", NAME)
    assert project.served() == project.live() == first
    assert engine.podman("healthcheck", "run", RENEWD, check=False).returncode == 0
    engine.compose(project.folder, "stop", "--timeout", "8", "renewd", "nginx")
    assert [engine.state(each, "State.ExitCode") for each in (RENEWD, NGINX)] == ["0", "0"]


def test_nginx_stays_with_what_it_has_if_it_cannot_read_the_new_one_and_renewd_goes_back(project: Project):
    project.up()
    before = project.served()

    def not_for_nginx(_issuer: dict[str, Any], certificate: dict[str, Any]) -> None:
        certificate["install"]["mode"] = "0600"
        certificate["confirm"]["within"] = "12s"

    project.configure(not_for_nginx)
    assert "1 put back" in project.renewd("renew", NAME, "--force", code=1)
    assert "Permission denied" in project.engine.log(NGINX)
    assert project.served() == project.live() == before


def test_by_a_signal_instead_as_the_page_says(project: Project):
    override, hooks = (
        yaml.safe_load(block)
        for block in re.findall(r"```yaml\n(.*?)```", PAGE.partition("## By a signal instead")[2], re.DOTALL)
    )
    assert override["services"]["renewd"]["pid"] == "service:nginx"
    override["services"]["renewd"] |= {**TEST["services"]["renewd"], "pid": f"container:{NGINX}"}
    project.override({"services": {**TEST["services"], **override["services"]}})
    project.configure(lambda _, certificate: certificate.update(hooks))
    project.up()
    first = project.served()
    assert first == project.live()
    assert "kill -HUP 1" in project.renewd("why", NAME)
    project.renewd("renew", NAME, "--force")
    assert project.served() == project.live() != first
