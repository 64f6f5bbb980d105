"""What the pages on web and mail servers tell people to write is what renewd and those servers take."""

import re
import subprocess
from pathlib import Path

import pytest

from renewd.config import load
from tests import certificates
from tests.servers import program

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("nginx", "apache", "haproxy", "mail")
LIVE = "/etc/renewd/live"
ISSUERS = "issuers:\n  rcl: {type: rcl, subscription_id: sub, api_key: {file: /etc/renewd/rcl-api-key}}\n"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_NGINX = "pid nginx.pid;\nerror_log error.log;\nevents {}\nhttp {\naccess_log off;\n%s}\n"
_APACHE = "".join(
    f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
    for name in ("mpm_event", "authz_core", "alias", "mime", "rewrite", "socache_shmcb", "ssl")
)


def blocks(page, language):
    found = [text for tag, text in _BLOCK.findall((DOCS / f"{page}.md").read_text()) if tag == language]
    assert found, f"docs/{page}.md has no {language}"
    return found


@pytest.fixture
def live(tmp_path):
    """The folder that the pages' certificates lie in, and a text with its path."""
    for name in ("shopeneur.com", "mail.example.com"):
        issued = certificates.Authority.new().issue([name])
        folder = tmp_path / "live" / name
        (folder / "current").mkdir(parents=True)
        (folder / "fullchain.pem").write_bytes(issued.fullchain_pem)
        (folder / "privkey.pem").write_bytes(issued.key_pem)
        (folder / "current" / "combined.pem").write_bytes(issued.fullchain_pem + issued.key_pem)

    def placed(text):
        return text.replace(LIVE, str(tmp_path / "live"))

    return placed


ALONE = ("unshare", "--net")  # a network of its own, whose ports are free


def judged(name, package, *options, cwd, within=()):
    """What a server's own check says of its configuration."""
    words = [*within, program(name, package), *map(str, options)]
    ran = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran


def test_each_page_is_linked_from_the_readme():
    readme = (DOCS.parent / "README.md").read_text()
    assert [page for page in PAGES if f"(docs/{page}.md)" not in readme] == []


@pytest.mark.parametrize("page", PAGES)
def test_renewd_takes_the_configurations(tmp_path, page):
    for text in blocks(page, "yaml"):
        path = tmp_path / "config.yaml"
        path.write_text(ISSUERS + text)
        path.chmod(0o600)
        assert load.load(str(path)).targets


def test_nginx_takes_its_own(tmp_path, live):
    for text in blocks("nginx", "nginx"):
        (tmp_path / "nginx.conf").write_text(_NGINX % live(text))
        options = ("-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", "log")
        judged("nginx", "nginx-light", *options, cwd=tmp_path, within=ALONE)


def test_apache_takes_its_own(tmp_path, live):
    (tmp_path / "apache.conf").write_text(
        f"ServerRoot {tmp_path}\nPidFile pid\nErrorLog log\nMutex file:{tmp_path}\nListen 80\nListen 443\n"
        f"ServerName localhost\n{_APACHE}" + live("".join(blocks("apache", "apache")))
    )
    judged("apache2", "apache2-bin", "-t", "-f", tmp_path / "apache.conf", cwd=tmp_path, within=ALONE)


def test_haproxy_takes_its_own(tmp_path, live):
    (tmp_path / "haproxy.cfg").write_text(live("".join(blocks("haproxy", "haproxy"))))
    ran = judged("haproxy", "haproxy", "-c", "-f", tmp_path / "haproxy.cfg", cwd=tmp_path, within=ALONE)
    assert "WARNING" not in ran.stderr


def test_postfix_takes_its_own(tmp_path, live):
    (tmp_path / "main.cf").write_text(
        "compatibility_level = 3.6\n" + live("".join(blocks("mail", "postfix")))
    )
    (tmp_path / "master.cf").touch()
    ran = judged("postconf", "postfix", "-c", tmp_path, "-x", "smtpd_tls_chain_files", cwd=tmp_path)
    assert "warning" not in ran.stderr
    paths = ran.stdout.partition("=")[2].replace(",", " ").split()
    assert len(paths) == 2
    assert all(Path(path).is_file() for path in paths)


def test_dovecot_takes_its_own(tmp_path, live):
    (tmp_path / "dovecot.conf").write_text(live("".join(blocks("mail", "dovecot"))))
    ran = judged("doveconf", "dovecot-core", "-n", "-P", "-c", tmp_path / "dovecot.conf", cwd=tmp_path)
    paths = re.findall(r"^ssl_(?:cert|key) = <(.*)$", ran.stdout, re.MULTILINE)
    assert len(paths) == 2
    assert all(Path(path).is_file() for path in paths)
