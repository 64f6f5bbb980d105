"""From certbot to renewd and back, with the real certbot: the web server reads a certificate all along."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from renewd.clock import SystemClock
from renewd.config import load
from renewd.install.installer import Installer, Source
from tests.certificates import Authority
from tests.pebble import Pebble
from tests.programs import renewd
from tests.servers import program

A = "a.example.test"
KINDS = ("cert", "chain", "fullchain", "privkey")
DOCS = Path(__file__).parents[2] / "docs" / "moving-from-certbot.md"


class Certbot:
    """The real one, in a folder of its own, at a real CA."""

    def __init__(self, folder: Path, ca: Pebble) -> None:
        self.folder = folder / "letsencrypt"
        self.ca = ca
        self._folders = [
            "--config-dir",
            self.folder,
            "--work-dir",
            folder / "work",
            "--logs-dir",
            folder / "logs",
        ]

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("certbot", "certbot"), *args, *self._folders, "--non-interactive"],
            env={**os.environ, "REQUESTS_CA_BUNDLE": str(self.ca.ca_file)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def obtain(self, *domains: str, **options: str) -> None:
        given = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        names = [part for name in domains for part in ("-d", name)]
        made = self.run(
            *("certonly", "--standalone", f"--http-01-port={self.ca.http_port}", "--agree-tos"),
            *("--email=me@example.com", f"--server={self.ca.directory_url}", *names, *given),
        )
        assert made.returncode == 0, made.stderr

    def renew(self) -> subprocess.CompletedProcess[str]:
        return self.run("renew", "--force-renewal", "--no-random-sleep-on-renew")

    def live(self, name: str = A) -> dict[str, bytes]:
        """What a web server reads."""
        return {kind: (self.folder / "live" / name / f"{kind}.pem").read_bytes() for kind in KINDS}

    def archive(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted((self.folder / "archive").rglob("*.pem"))}


@pytest.fixture
def certbot(tmp_path: Path, pebble: Callable[..., Pebble]) -> Certbot:
    return Certbot(tmp_path, pebble(certificateValidityPeriod=90 * 86400))


@pytest.fixture
def configuration(certbot: Certbot, tmp_path: Path) -> Callable[[], str]:
    """The path of what the import prints, with nothing but the state directory put into the test's folder."""

    def make() -> str:
        printed = renewd("/no/such", "import", "certbot", str(certbot.folder))
        assert printed.returncode == 0, printed.stderr
        path = tmp_path / "config.yaml"
        path.write_text(f"state_directory: {tmp_path}/state\n{printed.stdout}")
        return str(path)

    return make


def install(path: str) -> bytes:
    """Let a new certificate go live as a renewal does; its leaf."""
    loaded = load.load(path)
    (target,) = loaded.targets
    installer = Installer(loaded.configuration.state_directory, SystemClock())
    new = Authority.new().issue(target.domains)
    installer.switch(target, installer.stage(target, new.bundle, Source("test")))
    return new.leaf_pem


def way_back(certbot: Certbot) -> None:
    """The lines that the documentation gives."""
    (script,) = re.findall(r"```sh\n(.*?)```", DOCS.read_text(), re.DOTALL)
    line = "DIR=/etc/letsencrypt NAME=shopeneur.com"
    assert line in script
    own = script.replace(line, f"DIR='{certbot.folder}' NAME='{A}'")
    subprocess.run(["sh", "-e", "-c", own], check=True, timeout=60)


def take(certbot: Certbot, path: str) -> None:
    """The lines at the top of the file."""
    lines = re.findall(r"^#   (mv .*)$", Path(path).read_text(), re.MULTILINE)
    assert len(lines) == 1
    subprocess.run(["sh", "-e", "-c", "\n".join(lines)], check=True, timeout=60)


def test_certbots_certificate_is_watched_at_once_and_nothing_is_ordered(certbot, configuration):
    certbot.obtain(A, f"www.{A}")
    before = certbot.live()
    path = configuration()
    valid = renewd(path, "validate")
    assert valid.returncode == 0, valid.stderr
    assert f"mv {certbot.folder}/renewal/{A}.conf" in valid.stderr, "a warning as long as certbot renews too"
    checked = renewd(path, "check")
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, "1 watched · 1 ok")
    assert certbot.live() == before
    take(certbot, path)
    assert renewd(path, "validate").stderr == ""


def test_after_the_first_renewal_certbot_refuses_and_nothing_is_torn(certbot, configuration):
    certbot.obtain(A)
    archive = certbot.archive()
    leaf = install(configuration())
    live = certbot.live()
    assert live["cert"] == leaf
    refused = certbot.renew()
    assert refused.returncode == 1
    assert A in refused.stderr
    assert certbot.live() == live
    assert certbot.archive() == archive


def test_the_way_back_keeps_what_is_served_and_certbot_goes_on(certbot, configuration):
    certbot.obtain(A)
    path = configuration()
    take(certbot, path)
    install(path)
    install(path)
    live = certbot.live()
    way_back(certbot)
    assert certbot.live() == live, "the web server reads the same"
    renewed = certbot.renew()
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr
    now = certbot.live()
    assert all(now[kind] != live[kind] for kind in ("cert", "fullchain", "privkey"))
    link = os.readlink(certbot.folder / "live" / A / "cert.pem")
    assert link == f"../../archive/{A}/cert3.pem"
    assert (certbot.folder / "live" / A / "privkey.pem").stat().st_mode & 0o777 == 0o600


def test_who_goes_back_before_the_first_renewal_finds_all_as_it_was(certbot, configuration):
    certbot.obtain(A)
    before, archive = certbot.live(), certbot.archive()
    take(certbot, configuration())
    assert certbot.renew().returncode == 0, "it has nothing to renew"
    assert certbot.archive() == archive
    way_back(certbot)
    assert certbot.live() == before
    assert certbot.renew().returncode == 0
    assert certbot.archive() != archive


def test_renewd_renews_what_certbot_obtained_by_the_same_account(certbot, configuration, tmp_path):
    told = tmp_path / "told"
    certbot.obtain(A, f"www.{A}", deploy_hook=f'echo "$RENEWED_LINEAGE $RENEWED_DOMAINS" >> {told}')
    told.unlink()
    path, root = Path(configuration()), tmp_path / "root.pem"
    root.write_bytes(certbot.ca.roots())
    own = f"type: acme\n    trust: {{file: {root}}}\n    ca_file: {certbot.ca.ca_file}"
    path.write_text(path.read_text().replace("type: acme", own))
    take(certbot, str(path))
    before = certbot.live()
    renewed = renewd(str(path), "renew", "--force", A)
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr
    now = certbot.live()
    assert all(now[kind] != before[kind] for kind in ("cert", "fullchain", "privkey"))
    assert told.read_text().split() == [str(certbot.folder / "live" / A), A, f"www.{A}"]
    assert renewd(str(path), "check").returncode == 0
    way_back(certbot)
    assert certbot.live() == now
    assert certbot.renew().returncode == 0
    assert certbot.ca.said().count("There are now 1 accounts in memory") == 1, "and no second account"


def test_legos_files_are_renewed_where_they_are_and_lego_can_go_on(tmp_path, pebble):
    ca = pebble()
    folder = tmp_path / "lego"

    def lego(*args: str) -> str:
        line = [program("lego", "lego"), f"--path={folder}", f"--server={ca.directory_url}", "--accept-tos"]
        line += [
            "--email=me@example.com",
            f"--domains={A}",
            "--http",
            f"--http.port=127.0.0.1:{ca.http_port}",
        ]
        environment = {**os.environ, "LEGO_CA_CERTIFICATES": str(ca.ca_file)}
        made = subprocess.run(
            [*line, *args], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert made.returncode == 0, made.stderr
        return made.stderr

    lego("run")
    printed = renewd("/no/such", "import", "lego", str(folder))
    assert printed.returncode == 0, printed.stderr
    path = tmp_path / "config.yaml"
    path.write_text(f"state_directory: {tmp_path}/state\n{printed.stdout}")
    for chmod in re.findall(r"^ *#   (chmod .*)$", printed.stdout, re.MULTILINE):  # where others may read it
        subprocess.run(["sh", "-e", "-c", chmod], check=True, timeout=60)
    assert renewd(str(path), "validate").returncode == 0
    assert renewd(str(path), "check").returncode == 0, "its certificate is watched as it is"
    leaf = install(str(path))
    shown = folder / "certificates" / f"{A}.crt"
    assert shown.read_bytes().startswith(leaf)
    lego("renew", "--days=4000", "--no-random-sleep")
    assert not shown.read_bytes().startswith(leaf)


@pytest.mark.parametrize("path", ["/no/such", "/etc/passwd", "/proc/self"])
def test_a_folder_that_is_not_certbots_is_2_in_two_lines(path):
    wrong = renewd("/no/such", "import", "certbot", path)
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert path in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 2
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(
    "args", [("import",), ("import", "cerbot"), ("import", "certbot", "a", "b")], ids=" ".join
)
def test_a_wrong_command_line_is_2(args):
    wrong = renewd("/no/such", *args)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def test_a_folder_without_a_certificate_is_2(tmp_path):
    (tmp_path / "renewal").mkdir()
    wrong = renewd("/no/such", "import", "certbot", str(tmp_path))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no certificate of certbot's" in wrong.stderr
